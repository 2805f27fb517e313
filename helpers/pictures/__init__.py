"""Pictures as arrays: read from anywhere, cut and masked, joined again, shown.

May import: address, validation.
"""
