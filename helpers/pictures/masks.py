"""What of a picture is repainted: a mask (H, W) is 1 where the picture is kept, 0 where it is repainted."""

from __future__ import annotations

import warnings

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from helpers.pictures.loading import load_image
from helpers.pictures.regions import Region
from helpers.validation import whole_number


def make_mask(shape: tuple[int, ...], x_start: int, x_end: int, y_start: int, y_end: int) -> np.ndarray:
    """A mask uint8 (H, W) for a picture of this shape (H, W, …): 0 inside the rectangle, to be repainted; else 1.

    The rectangle goes from x_start up to x_end, pixels from the left, and from y_start up to y_end, from the bottom.
    Raises ValueError for one that is empty or leaves the picture.
    """
    mask = np.ones(shape[:2], np.uint8)
    mask[Region.between(x_start, x_end, y_start, y_end).inside(shape).of(shape[0])] = 0
    return mask


def make_ellipse_mask(shape: tuple[int, ...], x_start: int, x_end: int, y_start: int, y_end: int) -> np.ndarray:
    """As `make_mask`, with the ellipse that touches the rectangle's four sides."""
    region = Region.between(x_start, x_end, y_start, y_end).inside(shape)
    mask = Image.new("L", (shape[1], shape[0]), 1)
    rows, columns = region.of(shape[0])
    ImageDraw.Draw(mask).ellipse((columns.start, rows.start, columns.stop - 1, rows.stop - 1), fill=0)
    return np.array(mask)


def checked_mask(mask, shape: tuple[int, ...]) -> np.ndarray:
    """The mask as uint8 (H, W), 0 or 1; booleans and 0/255 are understood, and a leading axis of 1.

    Raises ValueError for a size other than the picture's shape (H, W, …), and for other values.
    """
    mask = np.asarray(mask)
    mask = mask[0] if mask.ndim == 3 and len(mask) == 1 else mask
    if mask.shape != tuple(shape[:2]):
        raise ValueError(
            f"The mask has the shape {mask.shape}, expected the picture's height and width, {tuple(shape[:2])}."
        )
    values = np.unique(mask)
    if not (np.isin(values, (0, 1)).all() or np.isin(values, (0, 255)).all()):
        raise ValueError(
            f"The mask holds values from {values[0]} to {values[-1]}; expected 1 (keep) and 0 (repaint): mask > 127."
        )
    return (mask > 0).astype(np.uint8)


def union(*masks: np.ndarray) -> np.ndarray:
    """The mask that repaints whatever one of the masks repaints."""
    return np.minimum.reduce(masks)


def invert(mask: np.ndarray) -> np.ndarray:
    """The mask (H, W) that keeps what this one repaints."""
    return 1 - mask


def feather(mask: np.ndarray, pixels: int) -> np.ndarray:
    """A mask (H, W) with a soft edge, float32: 1 where the mask keeps, falling to 0 over `pixels` inside the hole.

    A hole narrower than the edge gets a narrower edge, so that its middle is still 0.
    """
    hole = Image.fromarray(1 - mask.astype(np.uint8))
    depth = np.zeros(mask.shape, np.float32)
    for _ in range(whole_number("pixels", pixels, 0) + 1):
        depth += np.asarray(hole)
        hole = hole.filter(ImageFilter.MinFilter(3))
    return 1 - depth / max(1, depth.max())


def read_mask(source, shape: tuple[int, ...], *, repaint: str) -> np.ndarray:
    """A mask uint8 (H, W) from a black and white picture, whatever `load_image` takes.

    shape: (H, W, …) of the picture that it is for.
    repaint: "black" or "white", what the mask's painter meant to be repainted; programs differ.

    Warns when nearly everything is kept or repainted. Raises ValueError for another size or another `repaint`.
    """
    if repaint not in ("black", "white"):
        raise ValueError(f"repaint must be 'black' or 'white', got {repaint!r}.")
    grey = load_image(source).mean(axis=2)
    if grey.shape != tuple(shape[:2]):
        raise ValueError(
            f"The mask is {grey.shape[1]} × {grey.shape[0]} pixels, the picture {shape[1]} × {shape[0]}; resize one."
        )
    mask = ((grey >= 128) == (repaint == "black")).astype(np.uint8)
    if not 0.02 < mask.mean() < 0.98:
        other = "white" if repaint == "black" else "black"
        warnings.warn(
            f"This mask {'keeps' if mask.mean() > 0.5 else 'repaints'} nearly everything; if it is the wrong way "
            f"round, say repaint={other!r}.",
            stacklevel=2,
        )
    return mask
