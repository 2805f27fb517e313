"""The pocket model's world, its training and its judge.

May import: diffusion, engines, models, pictures, recipes, stable_diffusion.
"""
