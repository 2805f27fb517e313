"""The mathematics in NumPy: the noise schedule, samplers, guidance, repainting.

May import: no other room.
"""
