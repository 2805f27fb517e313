"""What one clicks: sliders around a picture, forms that draw, repaint and teach.

May import: diffusion, pictures, recipes.
"""
