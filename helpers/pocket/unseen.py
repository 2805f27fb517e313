"""Ten things that the pocket worlds have not, to teach to a model that has never seen them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from helpers.pocket.backdrops import draw_backdrop

FOLDER = Path(__file__).parents[2] / "assets" / "sprites" / "unseen"
UNSEEN = ("camel", "crab", "cupcake", "flamingo", "hedgehog", "kangaroo", "pineapple", "snail", "teapot", "trophy")
# Where a teacher shows them, and how pictures of theirs there are told.
SHOWN = {
    "meadow": "a {} in a meadow",
    "blue": "a {} on a blue background",
    "beach": "a {} at the beach",
    "yellow": "a {} on a yellow background",
    "snow": "a {} in the snow",
}


def draw_unseen(thing: str, setting: str, rng: np.random.Generator, size: int = 128) -> np.ndarray:
    """The thing alone in one of the first world's settings, uint8 (size, size, 3); `rng` chooses place and side."""
    picture = draw_backdrop(setting, size, rng)
    side = round(rng.uniform(0.5, 0.7) * size)
    with Image.open(FOLDER / f"{thing}.webp") as opened:
        sprite = opened.convert("RGBA").resize((side, side), Image.Resampling.LANCZOS)
    if rng.random() < 0.5:
        sprite = sprite.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    x, y = ((size - side) // 2 + rng.integers(-size // 12, size // 12 + 1, 2)).tolist()
    picture.paste(sprite, (x, y), sprite)
    return np.asarray(picture)
