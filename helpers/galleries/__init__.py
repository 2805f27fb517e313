"""Many pictures at a glance: a grid over two options, films, a divider between two, a folder on one sheet.

May import: denoising, pictures, recipes, validation.
"""
