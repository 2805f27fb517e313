"""The second pocket world: things anywhere, in drawn places of every light and in photographs.

`scenes` says what there is, draws it and tells it; `things`, `backdrops` and `photographs` are what it draws with.
"""
