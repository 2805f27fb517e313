"""A photo on a larger canvas, for a model to paint what lies beyond its edge."""

from __future__ import annotations

import numpy as np

from helpers.pictures.loading import load_image
from helpers.validation import whole_number

SIDES = 128  # models draw pictures whose sides are multiples of this


def expand(photo, left: int = 0, right: int = 0, top: int = 0, bottom: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Canvas and mask for `inpaint`, which then paints what lies beyond the photo's edge.

    photo: what `load_image` takes.
    left, right, top, bottom: how many pixels are added at each side, from 0; the whole must have a height and a width
        that models draw, which are multiples of 128.
    Returns the canvas uint8 (H, W, 3), where the colours of the photo's edge go on to the canvas's, and the mask uint8
    (H, W), 1 where the photo is and 0 around it.
    Raises what `load_image` does, and ValueError where nothing is added, and for a canvas of another size.
    """
    photo = load_image(photo)
    asked = {"left": left, "right": right, "top": top, "bottom": bottom}
    added = {name: whole_number(name, value, 0) for name, value in asked.items()}
    if not any(added.values()):
        raise ValueError("Nothing is added at any side; give left, right, top or bottom, in pixels.")
    around = (added["top"], added["bottom"]), (added["left"], added["right"])
    for side, names, length, more in zip(("high", "wide"), ("top or bottom", "left or right"), photo.shape, around):
        if lacks := -(length + sum(more)) % SIDES:
            raise ValueError(
                f"The canvas would be {length + sum(more)} pixels {side}, and models draw multiples of {SIDES}; add "
                f"{lacks} more at {names}, or resize the photo first."
            )
    return surrounded(photo, *around)


def surrounded(photo: np.ndarray, rows: tuple[int, int], columns: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Canvas and mask as of `expand`, of any size: rows are added above and below, columns at the left and right."""
    canvas = np.pad(photo, (rows, columns, (0, 0)), mode="edge")
    return canvas, np.pad(np.ones(photo.shape[:2], np.uint8), (rows, columns))
