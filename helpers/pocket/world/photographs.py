"""Photographs as backdrops: random crops of those that ship and of those that `fetch_photographs` prepared."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

ROOT = Path(__file__).parents[3]
SHIPPED = ROOT / "assets" / "photos" / "world"
PREPARED = ROOT / "runs" / "photos"
HELD_OUT = ROOT / "assets" / "photos" / "held_out"  # crops 256 × 256, of photographs that are never trained on
LEAST = 200  # pixels of a photograph's side that a crop keeps


@functools.cache
def photographs(*folders: Path) -> tuple[Path, ...]:
    """The JPEG files of the folders, sorted by name; by default those that may be trained on.

    Raises FileNotFoundError where there is none.
    """
    folders = folders or (SHIPPED, PREPARED)
    found = tuple(path for folder in folders for path in sorted(Path(folder).glob("*.jpg")))
    if not found:
        raise FileNotFoundError(f"No photographs (*.jpg) in {', '.join(map(str, folders))}.")
    return found


@functools.lru_cache(maxsize=512)
def _open(path: Path) -> Image.Image:
    return Image.open(path).convert("RGB")


def photo_backdrop(size: int, rng: np.random.Generator, choices: Sequence[Path] | None = None) -> Image.Image:
    """A random part of one of the photographs, RGB, `size` × `size` pixels.

    It is mirrored, brighter, warmer or a little blurred at random. `choices` are JPEG files, by default all that may
    be trained on.
    """
    choices = photographs() if choices is None else choices
    photo = _open(choices[int(rng.integers(len(choices)))])
    shorter = min(photo.size)
    side = float(rng.uniform(min(shorter, max(LEAST, shorter / 4)), shorter))
    left, top = rng.random() * (photo.width - side), rng.random() * (photo.height - side)
    box = (left, top, left + side, top + side)
    picture = photo.resize((size, size), Image.Resampling.BICUBIC, box=box, reducing_gap=2.0)
    if rng.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    blur = rng.uniform(0.5, 2.0) * size / 256
    if rng.random() < 0.12:
        picture = picture.filter(ImageFilter.GaussianBlur(blur))
    exposure, warmth = rng.uniform(0.8, 1.2), rng.uniform(-0.07, 0.07)
    levels = np.arange(256)
    curves = [np.clip(levels * exposure * (1 + turn), 0, 255).astype(int) for turn in (warmth, 0, -warmth)]
    return picture.point(np.concatenate(curves).tolist())
