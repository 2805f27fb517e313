"""Sprites as templates: cut to what is opaque of them, and ready for normalised cross-correlation."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
from PIL import Image

from helpers.pocket.world.things import sprite


class Template(NamedTuple):
    """A sprite of some size without its empty edges: its left and top in the whole, and what correlations need."""

    alpha: np.ndarray  # (h, w) in 0…1, how much each pixel counts
    centred: np.ndarray  # (h, w, 3): alpha times the colours less their mean
    energy: float
    left: int
    top: int


def _cut(thing: str, paint: str, flipped: bool, side: int, gap: float | None = None) -> Template:
    """The template of the sprite `side` pixels wide."""
    picture = sprite(thing, paint).resize((side, side), Image.Resampling.LANCZOS, reducing_gap=gap)
    if flipped:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    seen = np.asarray(picture.getchannel("A")) > 8
    (top, *_, bottom), (left, *_, right) = (np.flatnonzero(seen.any(axis=axis)).tolist() for axis in (1, 0))
    pixels = np.asarray(picture, np.float32)[top : bottom + 1, left : right + 1]
    # to a high power, so that edges, where the backdrop shows through, count next to nothing
    return weigh(pixels[..., :3], (pixels[..., 3] / 255) ** 8, left, top)


def weigh(colours: np.ndarray, alpha: np.ndarray, left: int = 0, top: int = 0) -> Template:
    """A template of colours (h, w, 3), of which alpha (h, w) says how much each pixel counts."""
    weight = alpha[..., None]
    away = colours - (weight * colours).sum(axis=(0, 1)) / alpha.sum()
    return Template(alpha, weight * away, float((weight * away * away).sum()), left, top)


# the fine ones are many and large, the coarse ones few and small
fine_template = functools.lru_cache(maxsize=256)(_cut)
coarse_template = functools.lru_cache(maxsize=8192)(functools.partial(_cut, gap=2.0))
