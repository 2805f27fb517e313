"""The pocket model's second edition, "pocket-inpainting", while it is trained: what it learns, the training.

It takes the first edition's place, and this folder ends, once its pictures are the better ones.
"""
