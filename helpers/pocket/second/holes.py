"""Holes in pictures to learn repainting from: mostly where a thing is, as people choose them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from helpers.models.pocket.inpainting import FACTOR, SIZE
from helpers.pictures.masks import make_ellipse_mask, make_mask
from helpers.pocket.world.placing import Placement


def sample_hole(placed: Sequence[Placement], rng: np.random.Generator) -> np.ndarray:
    """A mask uint8 (SIZE, SIZE), 1 where the picture stays and 0 where it is repainted.

    Three in four holes are around one of the things, if there are any, from a little too small for it to twice as wide;
    the others are anywhere. A hole is a rectangle or an ellipse.
    """
    if placed and rng.random() < 0.75:
        thing = placed[int(rng.integers(len(placed)))]
        half = thing.width / 2 * rng.uniform(0.9, 1.6, size=2)
        x, y = thing.x + rng.uniform(-0.05, 0.05), thing.y + rng.uniform(-0.05, 0.05)
    else:
        half = rng.uniform(0.12, 0.4, size=2)
        x, y = rng.random(2)
    left, right = (round(SIZE * float(np.clip(edge, 0, 1))) for edge in (x - half[0], x + half[0]))
    top, bottom = (round(SIZE * float(np.clip(edge, 0, 1))) for edge in (y - half[1], y + half[1]))
    left, top = min(left, SIZE - FACTOR), min(top, SIZE - FACTOR)
    right, bottom = max(right, left + FACTOR), max(bottom, top + FACTOR)
    shape = make_mask if rng.random() < 0.6 else make_ellipse_mask
    return shape((SIZE, SIZE), left, right, SIZE - bottom, SIZE - top)


def hole_cells(mask: np.ndarray) -> np.ndarray:
    """Masks (…, H, W), 1 keeps → bool (…, H/16, W/16): a latent's cells of whose pixels any is repainted."""
    *several, height, width = mask.shape
    cells = mask.reshape(*several, height // FACTOR, FACTOR, width // FACTOR, FACTOR)
    return np.asarray((cells == 0).any(axis=(-3, -1)))


def blanked(pictures: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Pictures float32 (N, H, W, 3) in [-1, 1] with their holes grey, as inpainting networks are shown them."""
    return pictures * masks[..., None]
