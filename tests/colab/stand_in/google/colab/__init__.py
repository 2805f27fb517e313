"""Stands in for Colab's own package, by which programs know that they are there; this project must not need it."""
