"""A repainted picture joins its photo: the photo's own pixels come back, the colours meet, the edge is soft."""

from __future__ import annotations

import numpy as np
from PIL import Image

from helpers.pictures.masks import checked_mask, feather
from helpers.pictures.regions import Region, paste


def finish(picture: np.ndarray, photo: np.ndarray, mask: np.ndarray, cell: int) -> np.ndarray:
    """The picture where the mask is 0, the photo, bit for bit, where it is 1; all three (H, W, …), uint8.

    cell: pixels of a side of what the picture was decoded from, a latent's cell; it divides height and width.
    The seam is blended inside the repainted part, over a 64th of the longer side.
    """
    mask = checked_mask(mask, photo.shape)
    picture = match_colours(picture, photo, mask, cell)
    height, width = mask.shape
    return paste(photo, picture, Region(0, 0, width, height), feather(mask, max(height, width) // 64))


def finish_each(pictures: np.ndarray, photo: np.ndarray, mask: np.ndarray, cell: int) -> np.ndarray:
    """The pictures uint8 (N, H, W, 3), each as of `finish`.

    photo, mask: uint8 (H, W, 3) and (H, W), or one of each for each picture.
    """
    photos, masks = np.broadcast_to(photo, pictures.shape), np.broadcast_to(mask, pictures.shape[:3])
    return np.stack([finish(*each, cell) for each in zip(pictures, photos, masks, strict=True)])


def match_colours(picture: np.ndarray, photo: np.ndarray, mask: np.ndarray, cell: int) -> np.ndarray:
    """The picture with its colours shifted, inside the hole, to meet the photo's at the hole's edge.

    Decoding changes colours a little. How much is seen in the kept part; inside the hole the shift is the smoothest
    one that joins what is seen around it (a membrane: Pérez et al. 2003, "Poisson image editing", section 2).
    """
    height, width = mask.shape
    kept, error = mask[..., None], (photo.astype(np.float32) - picture) * mask[..., None]
    # cell by cell first, which takes few steps over the whole hole; what differs from pixel to pixel reaches not far
    cells = (height // cell, cell, width // cell, cell)
    kept_cells = kept.reshape(*cells, 1).sum(axis=(1, 3))
    error_cells = error.reshape(*cells, 3).sum(axis=(1, 3)) / np.maximum(kept_cells, 1)
    mean = error_cells.sum(axis=(0, 1)) / max(1, np.count_nonzero(kept_cells))
    coarse = _relaxed(np.where(kept_cells, error_cells, mean), error_cells, kept_cells, 4 * max(kept_cells.shape))
    channels = [Image.fromarray(np.ascontiguousarray(coarse[..., c], np.float32)) for c in range(3)]
    smooth = np.stack([np.asarray(c.resize((width, height), Image.Resampling.BILINEAR)) for c in channels], axis=-1)
    shift = _relaxed(np.where(kept, error, smooth), error, kept, 4 * cell)
    return np.clip(np.rint(picture + shift), 0, 255).astype(np.uint8)


def _relaxed(shift: np.ndarray, fixed: np.ndarray, kept: np.ndarray, steps: int) -> np.ndarray:
    """Jacobi's method for Laplace's equation: each value where nothing is kept becomes the mean of its neighbours."""
    for _ in range(steps):
        padded = np.pad(shift, ((1, 1), (1, 1), (0, 0)), mode="edge")
        around = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
        shift = np.where(kept, fixed, around / 4)
    return shift
