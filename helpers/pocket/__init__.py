"""The pocket model's world, its training and its judge.

On top: may import the ground floor and every room below.
"""
