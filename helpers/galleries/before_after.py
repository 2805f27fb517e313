"""Two pictures in one place, with a divider to drag between them."""

from __future__ import annotations

from html import escape

import numpy as np

from helpers.pictures.show import data_uri


def before_after(before: np.ndarray, after: np.ndarray, alt: str, *, width: int = 384) -> str:
    """The HTML of the two, uint8 (H, W, 3) of one size: left of the divider before, right of it after.

    It needs nothing but itself, so it can stand on any page; the divider is moved by mouse, finger or arrow keys.
    alt: what is to be seen. width: pixels of the screen, or what there is if that is less.
    Raises ValueError for pictures of two sizes.
    """
    if before.shape != after.shape:
        raise ValueError(f"The pictures have the shapes {before.shape} and {after.shape}; expected one size: resize.")
    fill = "position: absolute; inset: 0; width: 100%; height: 100%"
    move = "this.previousElementSibling.style.clipPath = `inset(0 0 0 ${this.value}%)`"
    return (
        f'<div style="position: relative; width: {width}px; max-width: 100%">'
        f'<img src="{data_uri(before)}" alt="{escape(f"Before: {alt}")}" style="display: block; width: 100%">'
        f'<img src="{data_uri(after)}" alt="{escape(f"After: {alt}")}" style="{fill}; clip-path: inset(0 0 0 50%)">'
        f'<input type="range" value="50" aria-label="Where before ends and after begins" oninput="{move}"'
        f' style="position: absolute; inset: auto 0 0 0; width: 100%; margin: 0; cursor: ew-resize">'
        "</div>"
    )


def show_before_after(before: np.ndarray, after: np.ndarray, alt: str, *, width: int = 384) -> None:
    """Displays `before_after` in the notebook."""
    from IPython.display import display  # takes a moment, and only a notebook needs it

    display({"text/plain": alt, "text/html": before_after(before, after, alt, width=width)}, raw=True)
