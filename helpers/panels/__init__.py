"""What one clicks: sliders around a picture, forms that draw and repaint.

May import: diffusion, pictures, recipes.
"""
