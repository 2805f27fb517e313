"""The mathematics in NumPy: the noise schedule, samplers, guidance, repainting.

Imports no other room.
"""
