"""A repainted picture joins its photo: the photo's own pixels come back, the colours meet, the edge is soft."""

from __future__ import annotations

import numpy as np
from PIL import Image

from helpers.regions import Region, checked_mask, feather, paste

CELL = 8  # pixels of a latent's cell


def finish(picture: np.ndarray, photo: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The picture where the mask is 0, the photo, bit for bit, where it is 1; all three (H, W, …), uint8.

    The seam is blended inside the repainted part, over a 64th of the longer side.
    """
    mask = checked_mask(mask, photo.shape)
    picture = match_colours(picture, photo, mask)
    height, width = mask.shape
    return paste(photo, picture, Region(0, 0, width, height), feather(mask, max(height, width) // 64))


def match_colours(picture: np.ndarray, photo: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The picture with its colours shifted, inside the hole, to meet the photo's at the hole's edge.

    Decoding changes colours a little. How much is seen in the kept part, cell by cell; inside the hole the
    shift is the smoothest one that joins what is seen around it (a membrane: Pérez et al. 2003, "Poisson image
    editing", section 2).
    """
    height, width = mask.shape
    cells = (height // CELL, CELL, width // CELL, CELL)
    kept = mask.reshape(cells).sum(axis=(1, 3))[..., None]
    error = (photo.astype(np.float32) - picture) * mask[..., None]
    error = error.reshape(*cells, 3).sum(axis=(1, 3)) / np.maximum(kept, 1)
    shift = np.where(kept, error, error.sum(axis=(0, 1)) / max(1, np.count_nonzero(kept)))
    for _ in range(4 * max(shift.shape)):
        padded = np.pad(shift, ((1, 1), (1, 1), (0, 0)), mode="edge")
        around = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
        shift = np.where(kept, error, around / 4)
    channels = [Image.fromarray(np.ascontiguousarray(shift[..., c], np.float32)) for c in range(3)]
    smooth = np.stack([np.asarray(c.resize((width, height), Image.Resampling.BILINEAR)) for c in channels], axis=-1)
    return np.clip(np.rint(picture + smooth), 0, 255).astype(np.uint8)
