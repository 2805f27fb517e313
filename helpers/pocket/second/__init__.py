"""The pocket model's second edition while it is being trained: its networks, what they learn, and the training.

It takes the first edition's place, and this folder ends, once its pictures are better. May import `pocket`.
"""
