"""What the name of a model means: its networks and their weights, its tokenizer, what it can draw.

May import engines.
"""
