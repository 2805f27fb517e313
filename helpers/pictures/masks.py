"""What of a picture is repainted: a mask (H, W) is 1 where the picture is kept, 0 where it is repainted."""

from __future__ import annotations

import os
import warnings

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from helpers.pictures.arrays import as_array, rgb
from helpers.pictures.loading import values
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
    """The mask as uint8 (H, W), 0 or 1, for a picture of this shape (H, W, …); takes and raises as `checked_masks`."""
    masks = checked_masks(mask, shape)
    if len(masks) != 1:
        raise ValueError(f"{len(masks)} masks were given for one picture; give one.")
    return masks[0]


def checked_masks(mask, shape: tuple[int, ...]) -> np.ndarray:
    """One or more masks as uint8 (N, H, W), 0 or 1, for pictures of this shape (H, W, …).

    mask: an array, tensor or list (H, W) or (N, H, W), with or without a last axis of 1, or of 3 equal colours, of
        0/1, booleans or 0/255; or a black and white picture that `load_image` takes, whose black is repainted.
    Raises ValueError for a size other than the pictures', and for other values.
    """
    if isinstance(mask, (str, os.PathLike, Image.Image)):
        return read_mask(mask, shape, repaint="black")[None]
    given = as_array(mask)
    array = given = np.asarray(mask) if given is None else given
    if array.ndim == 4 or array.shape[:-1] == tuple(shape[:2]):
        channels = np.moveaxis(array, -1, 0)
        if len(channels) in (1, 3) and (channels == channels[:1]).all():
            array = channels[0]
    array = array[None] if array.ndim == 2 else array
    if array.ndim != 3 or array.shape[1:] != tuple(shape[:2]) or not len(array):
        raise ValueError(
            f"The mask has the shape {given.shape}, expected the picture's height and width, {tuple(shape[:2])}, "
            "with or without a number of masks before them."
        )
    found = np.unique(array)
    if not (np.isin(found, (0, 1)).all() or np.isin(found, (0, 255)).all()):
        raise ValueError(
            f"The mask holds values from {found[0]} to {found[-1]}; expected 1 (keep) and 0 (repaint): mask > 127."
        )
    return (array > 0).astype(np.uint8)


def union(*masks: np.ndarray) -> np.ndarray:
    """The mask that repaints whatever one of the masks repaints."""
    return np.minimum.reduce(masks)


def invert(mask: np.ndarray) -> np.ndarray:
    """The mask (H, W) that keeps what this one repaints."""
    return 1 - mask


def grow(mask: np.ndarray, pixels: int) -> np.ndarray:
    """The mask uint8 (H, W) whose hole reaches `pixels` further on all sides, corners included."""
    kept = Image.fromarray(mask)
    for _ in range(whole_number("pixels", pixels, 0)):
        kept = kept.filter(ImageFilter.MinFilter(3))
    return np.array(kept)


def shrink(mask: np.ndarray, pixels: int) -> np.ndarray:
    """The mask uint8 (H, W) whose hole is `pixels` smaller on all sides; the picture's own edge is none."""
    return invert(grow(invert(mask), pixels))


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
    """A mask uint8 (H, W) from a picture, whatever `load_image` takes.

    shape: (H, W, …) of the picture that it is for.
    repaint: "black" or "white", what the painter of a black and white picture meant to be repainted; programs differ;
        "transparent": what was erased from a picture.

    Warns when nearly everything is kept or repainted, and of transparency that counts as white. Raises ValueError for
    another size, another `repaint`, and for a picture without transparency where that is to be repainted.
    """
    if repaint not in ("black", "white", "transparent"):
        raise ValueError(f"repaint must be 'black', 'white' or 'transparent', got {repaint!r}.")
    picture, name = values(source)
    alpha = rgb(picture[..., 3], name)[..., 0] if picture.ndim == 3 and picture.shape[2] == 4 else None
    if repaint == "transparent":
        if alpha is None or alpha.min() == 255:
            raise ValueError(f"{name} has no transparent part; erase the hole, or say repaint='black' or 'white'.")
        kept = alpha >= 128
    else:
        grey = rgb(picture, name).mean(axis=2)
        kept = (grey >= (128 if grey.max() > 1 else 1)) == (repaint == "black")  # up to 1: a mask saved as it is
    if kept.shape != tuple(shape[:2]):
        raise ValueError(
            f"The mask is {kept.shape[1]} × {kept.shape[0]} pixels, the picture {shape[1]} × {shape[0]}; resize one."
        )
    if repaint == "white" and alpha is not None and alpha.min() < 255:
        warnings.warn(
            f"{name} has a transparent part, which counts as white; if it is the hole, say repaint='transparent'.",
            stacklevel=2,
        )
    elif not 0.02 < kept.mean() < 0.98:
        other = "black" if repaint == "white" else "white"
        hint = "" if repaint == "transparent" else f"; if it is the wrong way round, say repaint={other!r}"
        warnings.warn(
            f"This mask {'keeps' if kept.mean() > 0.5 else 'repaints'} nearly everything{hint}.", stacklevel=2
        )
    return kept.astype(np.uint8)
