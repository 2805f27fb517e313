"""The panels as web pages for many people at once, who share one copy of the networks: `python -m helpers.app`.

May import: diffusion, panels, pictures, recipes, stable_diffusion, teach.
"""
