"""What somebody drags a region to becomes a possible one: inside the picture, not too small, in proportion."""

from __future__ import annotations

import math

from helpers.pictures.regions import Region


def nearest_region(
    before: Region,
    shape: tuple[int, ...],
    axis: str,
    start: int,
    end: int,
    least: int = 1,
    proportions: float | None = None,
) -> Region:
    """The possible region nearest to `before` with its side along `axis` ("x" or "y") from `start` to `end`.

    shape: (H, W, …) of the picture that has to hold it.
    least: pixels of its shortest side, or the picture's side where that is shorter.
    proportions: width by height, to be kept as nearly as whole pixels can; None leaves the other side as it was.

    The end that was not moved stays where it is, as long as the picture has room.
    """
    limits = {"x": shape[1], "y": shape[0]}
    spans = {"x": (before.x_start, before.width), "y": (before.y_start, before.height)}
    other = "y" if axis == "x" else "x"
    least_here, least_there = min(least, limits[axis]), min(least, limits[other])
    length, (other_start, other_length) = max(end - start, least_here), spans[other]
    if proportions is not None:
        ratio = proportions if axis == "y" else 1 / proportions  # of the other side to this one
        length = max(length, math.ceil(least_there / ratio))
        length = max(1, min(length, int(limits[other] / ratio)))
        other_length = max(1, min(round(length * ratio), limits[other]))
    length = min(length, limits[axis])
    if start != spans[axis][0] and end == sum(spans[axis]):
        start = end - length
    start = max(0, min(start, limits[axis] - length))
    spans[axis] = start, length
    spans[other] = max(0, min(other_start, limits[other] - other_length)), other_length
    return Region(spans["x"][0], spans["y"][0], spans["x"][1], spans["y"][1])
