"""The pocket model as it ships: its networks, its tokenizer, its weights.

May import: what models may.
"""
