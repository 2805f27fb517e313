"""What a model's name means: its networks and their weights, its prompts, what it can draw.

May import: engines, validation.
"""
