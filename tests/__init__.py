"""Laid out as `helpers` is; a package by name, since others leave one called tests on the path."""
