"""The pocket models as they ship: their networks, tokenizer and weights.

May import: what models may.
"""
