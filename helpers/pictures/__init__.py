"""Pictures as arrays: read from anywhere, cut and masked, joined again, shown.

Imports no other room.
"""
