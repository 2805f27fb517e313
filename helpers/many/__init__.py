"""A thousand prompts: a table of recipes becomes a folder of pictures, by one worker or several, in one go or many.

May import: models, recipes, stable_diffusion.
"""
