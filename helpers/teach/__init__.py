"""New words and low-rank updates, learned from a few pictures, and files of them to share.

May import: denoising, diffusion, models, pictures, recipes, stable_diffusion, validation.
"""
