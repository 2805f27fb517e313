"""All that decides a picture, in one object, and as text in the picture's file: ours, the web UIs', other programs'.

May import: diffusion, models, pictures, validation.
"""
