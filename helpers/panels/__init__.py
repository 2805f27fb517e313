"""What one clicks: sliders around a picture, forms that draw and repaint.

On top: may import the ground floor, pictures and diffusion; no networks.
"""
