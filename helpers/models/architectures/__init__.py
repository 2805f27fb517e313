"""Stable Diffusion's networks at any widths, from KerasCV's layers; each layer has its name in diffusers' files.

The arithmetic is the original's: where KerasCV rounds otherwise (epsilons, GELU), the layers are told.
"""
