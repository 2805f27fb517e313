"""The pocket model's second edition while it is trained: its networks, what they learn, the training.

It takes the first edition's place, and this folder ends, once its pictures are the better ones.
"""
