"""Where the things are: plain colours and drawn places, at any size, no two alike."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from helpers.pocket.backdrops import COLOURS
from helpers.pocket.world import built, landscapes, skies, waters
from helpers.pocket.world.canvas import GRID, soft_noise

# How each place is painted, and how high the ground can begin on which things stand.
PLACES: dict[str, tuple[Callable, tuple[float, float]]] = {
    "space": (skies.space, (1.0, 1.0)),
    "beach": (waters.beach, (0.35, 0.72)),
    "meadow": (landscapes.meadow, (0.28, 0.72)),
    "snow": (landscapes.snow, (0.28, 0.72)),
    "sunset": (skies.sunset, (0.4, 0.75)),
    "sea": (waters.sea, (0.2, 0.65)),
    "desert": (landscapes.desert, (0.28, 0.7)),
    "forest": (landscapes.forest, (0.4, 0.75)),
    "city": (built.city, (0.5, 0.8)),
    "mountains": (landscapes.mountains, (0.45, 0.78)),
    "underwater": (waters.underwater, (0.7, 0.92)),
    "moon": (skies.moon, (0.35, 0.75)),
    "street": (built.street, (0.42, 0.68)),
    "room": (built.room, (0.5, 0.75)),
    "garden": (built.garden, (0.35, 0.62)),
    "lake": (waters.lake, (0.42, 0.72)),
    "jungle": (landscapes.jungle, (0.5, 0.78)),
}
AIRY = ("space", "underwater")  # where things float
LIGHTS = ("sunny", "sunset", "night", "foggy")
LIT = (
    *("beach", "meadow", "snow", "sea", "desert", "forest", "city", "mountains", "street", "garden", "lake", "jungle"),
)


def draw_horizon(setting: str, rng: np.random.Generator) -> float:
    """How high the ground reaches in a picture of the setting: 0 at the top, 1 for no ground at all."""
    if setting in PLACES:
        return float(rng.uniform(*PLACES[setting][1]))
    return float(rng.uniform(0.4, 0.8)) if setting == "photo" else 1.0


def draw_backdrop(setting: str, size: int, horizon: float, light: str, rng: np.random.Generator) -> Image.Image:
    """The setting alone, RGB, `size` × `size` pixels.

    `setting` is a key of `PLACES` or of `COLOURS`, `light` one of `LIGHTS` or "" for a random one.
    """
    if setting in COLOURS:
        return _plain(COLOURS[setting], size, rng)
    if not light and setting in LIT:
        light = str(rng.choice(["", *LIGHTS], p=[0.55, 0.15, 0.12, 0.1, 0.08]))
    picture = PLACES[setting][0](size, horizon, light, rng)
    return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else picture


def _plain(colour: tuple, size: int, rng: np.random.Generator) -> Image.Image:
    """A shade of the colour, even or with a soft change of brightness, a pool of light, or a vignette."""
    shade = np.array(colour, np.float32) * rng.uniform(0.88, 1.08) + rng.uniform(-8, 8, 3)
    y, x = np.mgrid[:GRID, :GRID].astype(np.float32) / (GRID - 1) - 0.5
    kind, light = rng.integers(4), rng.uniform(0.06, 0.26)
    if kind == 0:
        change = np.zeros((GRID, GRID))
    elif kind == 1:
        angle = rng.uniform(0, 2 * np.pi)
        change = light * (np.cos(angle) * x + np.sin(angle) * y)
    elif kind == 2:
        spot = rng.uniform(-0.4, 0.4, 2)
        change = light * (np.exp(-((x - spot[0]) ** 2 + (y - spot[1]) ** 2) / 0.15) - 0.4)
    else:
        change = -light * (x * x + y * y)
    change = change + 0.03 * (soft_noise(rng, 3, 3) - 0.5)
    # darker by a factor, lighter toward white: a red stays red
    pixels = np.where(change[..., None] < 0, shade * (1 + change[..., None]), shade + (255 - shade) * change[..., None])
    field = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    return field.resize((size, size), Image.Resampling.BICUBIC)
