"""A hole written down: a shape, strokes of a brush, what was done to them. It gives the same mask everywhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from helpers.pictures.masks import grow, invert, make_ellipse_mask, make_mask, shrink, union
from helpers.pictures.regions import Region
from helpers.validation import whole_number

SHAPES = ("rectangle", "ellipse", "none")
GRID = 16  # points are told to a sixteenth of a pixel, which is exact in binary


@dataclass(frozen=True)
class Stroke:
    """A way of a round brush: over `points`, (x, y) in pixels from the picture's bottom-left corner.

    Pixel i lies between i and i + 1. A point may lie outside the picture; what is painted there is cut off.
    size: the brush's diameter in pixels, from 1. erase: what the brush passes over is kept instead of repainted.
    Raises ValueError for a stroke without points, a point that is not two finite numbers, another size.
    """

    points: Sequence[Sequence[float]]
    size: float
    erase: bool = False

    def __post_init__(self):
        points = np.asarray(self.points, float)
        if points.ndim != 2 or points.shape[1] != 2 or not len(points) or not np.isfinite(points).all():
            raise ValueError(f"A stroke needs one or more points (x, y) of finite numbers, got {self.points!r:.80}.")
        if not 1 <= float(self.size) < np.inf:
            raise ValueError(f"A brush's size must be a number of pixels from 1, got {self.size!r}.")
        points = np.clip(np.rint(points * GRID) / GRID, -1e6, 1e6) + 0.0  # no -0.0
        object.__setattr__(self, "points", tuple(map(tuple, points.tolist())))
        object.__setattr__(self, "size", round(float(self.size) * GRID) / GRID)
        object.__setattr__(self, "erase", bool(self.erase))

    def drawn(self, mask: np.ndarray) -> np.ndarray:
        """A copy of the mask uint8 (H, W) with 0, or 1 for one that erases, where the brush passed.

        A pixel is painted if its middle is no further from the way than half the brush; the smallest brush still
        paints the pixels that it touches.
        """
        result, height = mask.copy(), len(mask)
        radius = max(self.size / 2, 0.5**0.5)
        ways = zip(self.points, self.points[1:] or self.points)
        for (x, y), (to_x, to_y) in ways:
            left, right = _span(min(x, to_x) - radius, max(x, to_x) + radius, mask.shape[1])
            low, high = _span(min(y, to_y) - radius, max(y, to_y) + radius, height)
            from_x, from_y = np.arange(left, right) + 0.5 - x, (np.arange(low, high) + 0.5 - y)[::-1, None]
            along_x, along_y = to_x - x, to_y - y
            length = along_x**2 + along_y**2
            at = np.clip((from_x * along_x + from_y * along_y) / length, 0, 1) if length else 0
            near = (from_x - at * along_x) ** 2 + (from_y - at * along_y) ** 2 <= max(radius**2, 0.5)
            result[height - high : height - low, left:right][near] = self.erase
        return result

    def __str__(self) -> str:
        points = " ".join(f"{x:.12g},{y:.12g}" for x, y in self.points)
        return f"{'erase' if self.erase else 'paint'} {self.size:.12g} at {points}"


@dataclass(frozen=True)
class Hole:
    """What is repainted of a crop: a shape in a region, a mask from elsewhere, and marks made on them, in their order.

    shape: "rectangle", "ellipse", or "none". elsewhere: uint8 (H, W), 1 keeps and 0 repaints.
    marks: strokes, and "invert", "grow 3", "shrink 3", which change the whole hole as it is by then.
    `str(hole)` writes it down and `Hole.read` reads that; only a mask from elsewhere is not written.
    Raises ValueError for another shape or mark.
    """

    region: Region
    shape: str = "rectangle"
    marks: tuple[Stroke | str, ...] = ()
    elsewhere: np.ndarray | None = field(default=None, repr=False, compare=False)

    def __post_init__(self):
        if self.shape not in SHAPES:
            raise ValueError(f"A hole's shape must be one of {', '.join(map(repr, SHAPES))}, got {self.shape!r}.")
        for mark in self.marks:
            if not isinstance(mark, Stroke) and not re.fullmatch(r"invert|(grow|shrink) [1-9]\d{0,3}", f"{mark}"):
                raise ValueError(f"A mark must be a Stroke, 'invert', 'grow 3' or 'shrink 3', got {mark!r}.")

    def mask(self, shape: tuple[int, ...]) -> np.ndarray:
        """The mask uint8 (H, W), 1 keeps and 0 repaints, for a picture of this shape (H, W, …)."""
        mask = self.unmarked(shape)
        for mark in self.marks:
            mask = marked(mask, mark)
        return mask

    def unmarked(self, shape: tuple[int, ...]) -> np.ndarray:
        """The mask before any mark."""
        region, mask = self.region, np.ones(shape[:2], np.uint8)
        if self.shape != "none":
            make = make_mask if self.shape == "rectangle" else make_ellipse_mask
            mask = make(shape, region.x_start, region.x_end, region.y_start, region.y_end)
        return mask if self.elsewhere is None else union(mask, self.elsewhere)

    def __str__(self) -> str:
        region = self.region
        parts = [f"{self.shape} {region.x_start} {region.y_start} {region.width} {region.height}"]
        return "; ".join([*parts, *["a mask from elsewhere"] * (self.elsewhere is not None), *map(str, self.marks)])

    @classmethod
    def read(cls, text: str) -> Hole:
        """The hole that `str` wrote; raises ValueError for another text, and for one that tells of a mask elsewhere."""
        first, *others = text.split("; ")
        if "a mask from elsewhere" in others:
            raise ValueError("This hole has a mask from elsewhere, which is not written down; give that mask as well.")
        found = re.fullmatch(r"(\w+) (\d+) (\d+) (\d+) (\d+)", first)
        if not found:
            raise ValueError(f"Expected a hole like 'rectangle 36 52 64 64; paint 8 at 20,30 25,31', got {text!r:.80}.")
        return cls(Region(*map(int, found.groups()[1:])), found[1], tuple(map(_read_mark, others)))


def marked(mask: np.ndarray, mark: Stroke | str) -> np.ndarray:
    """The mask (H, W) after one more mark."""
    if isinstance(mark, Stroke):
        return mark.drawn(mask)
    what, _, pixels = mark.partition(" ")
    if what == "invert":
        return invert(mask)
    return (grow if what == "grow" else shrink)(mask, whole_number("pixels", int(pixels), 1))


def _read_mark(text: str) -> Stroke | str:
    found = re.fullmatch(r"(paint|erase) (\S+) at (.+)", text)
    if not found:
        return text
    try:
        points = [tuple(map(float, point.split(","))) for point in found[3].split()]
        return Stroke(points, float(found[2]), found[1] == "erase")
    except ValueError:
        raise ValueError(f"Expected a stroke like 'paint 8 at 20,30 25,31', got {text!r:.80}.") from None


def _span(low: float, high: float, limit: int) -> tuple[int, int]:
    """The pixels from low to high, from 0 to limit."""
    start = min(max(int(np.floor(low)), 0), limit)
    return start, min(max(int(np.ceil(high)), start), limit)
