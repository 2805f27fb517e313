"""Where things stand in a picture, and how they are put there: scaled, with a soft shadow, in the place's light."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from helpers.pocket.world.backdrops import AIRY, COLOURS
from helpers.pocket.world.things import FLYING, SEATS, footing, sprite

INSIDE = 0.45  # at least so much of a sprite's side is between its centre and the picture's edge: a tenth is cut off
CELLS = 16  # of a latent, from side to side


class Placement(NamedTuple):
    """A thing's sprite in a picture: its `width` and centre (`x`, `y` downwards), in parts of the picture's width."""

    thing: str
    width: float
    x: float
    y: float
    flipped: bool


def cells_of(placed: Sequence[Placement]) -> np.ndarray:
    """The cells of a latent that the things' sprites are in, bool (CELLS, CELLS)."""
    cells = np.zeros((CELLS, CELLS), bool)
    for each in placed:
        left, top = (max(0, round((middle - each.width / 2) * CELLS)) for middle in (each.x, each.y))
        right, bottom = (round((middle + each.width / 2) * CELLS) for middle in (each.x, each.y))
        cells[top:bottom, left:right] = True
    return cells


def _within(value: float, low: float, high: float) -> float:
    return float(min(max(value, low), high))


def on_grid(placed: Placement, sunk: bool = False) -> Placement:
    """The thing where it covers whole cells of a latent, with its foot as near as can be to where that was.

    So each has a few dozen looks to a model, where any size at any pixel would be a hundred thousand to learn; an eye
    cannot tell. sunk: the foot is hardly higher than it was, for what sits on something.
    """
    cells = max(2, round(placed.width * CELLS))
    foot = footing(placed.thing).bottom
    left = placed.x * CELLS - cells / 2
    top = (placed.y + (foot - 0.5) * placed.width) * CELLS - foot * cells
    over = math.floor((0.5 - INSIDE) * cells + 0.3)  # cells that may be cut off
    left, top = (
        min(max(corner, -over), CELLS - cells + over)
        for corner in (round(left), math.ceil(top - 0.25) if sunk else round(top))
    )
    return placed._replace(width=cells / CELLS, x=(left + cells / 2) / CELLS, y=(top + cells / 2) / CELLS)


def _foot(width: float, horizon: float, rng: np.random.Generator) -> float:
    """Where something so wide meets the ground: the smaller, the farther and the nearer to the horizon."""
    near = _within(width * 1.1 - 0.1 + rng.normal() * 0.16, 0.06, 1)
    return horizon + near * (0.97 - horizon)


def _height(thing: str, setting: str, width: float, horizon: float, rng: np.random.Generator) -> float:
    """The height of the thing's centre."""
    if floats(thing, setting):
        return float(rng.uniform(INSIDE * width, 1 - INSIDE * width))
    centre = _foot(width, horizon, rng) - (footing(thing).bottom - 0.5) * width
    return _within(centre, INSIDE * width, 1 - INSIDE * width)


def floats(thing: str, setting: str) -> bool:
    """Whether the thing can be anywhere in the setting's picture, not only on the ground."""
    return thing in FLYING or setting in AIRY or setting in COLOURS


def hovers(thing: str, setting: str) -> bool:
    """Whether the thing has no ground below it that could be in its shadow."""
    return thing in FLYING or setting in AIRY


def place_alone(thing: str, size: str, setting: str, horizon: float, rng: np.random.Generator) -> list[Placement]:
    """One thing, anywhere; `size` is "small", "large" or "" for any."""
    width = float(rng.uniform(*{"small": (0.18, 0.3), "large": (0.75, 0.95), "": (0.35, 0.8)}[size]))
    x = float(rng.uniform(INSIDE * width, 1 - INSIDE * width))
    y = _height(thing, setting, width, horizon, rng)
    return [on_grid(Placement(thing, width, x, y, bool(rng.random() < 0.5)))]


def place_riding(rider: str, vehicle: str, setting: str, horizon: float, rng: np.random.Generator) -> list[Placement]:
    """The vehicle, then its rider, whose feet are on its seat."""
    seat_x, seat_y, share = SEATS[vehicle]
    width = float(rng.uniform(0.42, 0.68))
    flipped = bool(rng.random() < 0.5)
    share *= float(rng.uniform(0.92, 1.08))
    right = (0.5 - seat_x if flipped else seat_x - 0.5) + float(rng.uniform(-0.05, 0.05))
    down = seat_y - 0.5 - (footing(rider).bottom - 0.5) * share
    # the two as one, in parts of the vehicle's width
    left, end = min(-INSIDE, right - INSIDE * share), max(INSIDE, right + INSIDE * share)
    top, bottom = min(-INSIDE, down - INSIDE * share), INSIDE
    width = min(width, 0.999 / (bottom - top), 0.999 / (end - left))  # at 1, rounding might leave no place
    x = float(rng.uniform(-left * width, 1 - end * width))
    y = float(rng.uniform(-top * width, 1 - bottom * width))
    if not floats(vehicle, setting):
        foot = _foot(1.35 * width, horizon, rng) - (footing(vehicle).bottom - 0.5) * width
        y = _within(foot, -top * width, 1 - bottom * width)
    ridden = on_grid(Placement(vehicle, width, x, y, flipped))
    width, x, y = ridden.width, ridden.x, ridden.y
    seated = Placement(rider, width * share, x + right * width, y + down * width, bool(rng.random() < 0.5))
    return [ridden, on_grid(seated, sunk=True)]


def place_beside(one: str, other: str, setting: str, horizon: float, rng: np.random.Generator) -> list[Placement]:
    """Two things side by side, in either order, the farther one first."""
    widths = rng.uniform(0.28, 0.58, 2)
    widths *= min(1, 0.98 / (2 * INSIDE * widths.sum()))
    gaps = rng.dirichlet([1, 0.6, 1]) * (1 - 2 * INSIDE * widths.sum())
    pair = [one, other] if rng.random() < 0.5 else [other, one]
    lefts = gaps[0], gaps[0] + 2 * INSIDE * widths[0] + gaps[1]
    placed = [
        on_grid(
            Placement(
                thing,
                float(width),
                float(left + INSIDE * width),
                _height(thing, setting, float(width), horizon, rng),
                bool(rng.random() < 0.5),
            )
        )
        for thing, width, left in zip(pair, widths, lefts)
    ]
    left, right = placed
    if right.x - left.x < INSIDE * (left.width + right.width) - 1e-6:  # pushed into each other by the grid
        room = right.x + 1 / CELLS <= 1 - INSIDE * right.width
        placed = [left, right._replace(x=right.x + 1 / CELLS)] if room else [left._replace(x=left.x - 1 / CELLS), right]
    return sorted(placed, key=lambda each: each.y + each.width / 2)


@functools.cache
def _blob() -> np.ndarray:
    """A soft round spot, float32 (48, 48) in 0…1."""
    y, x = (np.mgrid[:48, :48] + 0.5) / 24 - 1
    return np.clip(1 - x * x - y * y, 0, 1).astype(np.float32) ** 1.5


def cast_shadow(picture: Image.Image, placed: Placement, rng: np.random.Generator) -> None:
    """Darkens the ground below the thing: closely under it, and in half the pictures also to one side."""
    left, right, bottom = footing(placed.thing)
    middle = (left + right) / 2 - 0.5
    x = placed.x + (-middle if placed.flipped else middle) * placed.width
    y = placed.y + (bottom - 0.5 - 0.015) * placed.width
    across = (right - left + 0.12) * placed.width
    strength, aside, long = rng.uniform(0.35, 0.65), rng.uniform(-0.35, 0.35), rng.random() < 0.5
    spots = [(x, y, across, 0.22 * across, strength)]
    if long:
        spots.append((x + aside * placed.width, y, across + abs(aside) * placed.width, 0.4 * across, 0.45 * strength))
    for x, y, wide, high, strength in spots:
        size = max(3, round(wide * picture.width)), max(3, round(high * picture.width))
        mask = Image.fromarray((255 * strength * _blob()).astype(np.uint8)).resize(size, Image.Resampling.BILINEAR)
        corner = round(x * picture.width - size[0] / 2), round(y * picture.width - size[1] / 2)
        picture.paste((14, 14, 24), corner, mask)


def put(picture: Image.Image, placed: Placement, paint: str, light: float) -> None:
    """Pastes the thing; `light` from 0 to 1 is how much it takes of the light around it."""
    side = max(1, round(placed.width * picture.width))
    thing = sprite(placed.thing, paint).resize((side, side), Image.Resampling.LANCZOS)
    if placed.flipped:
        thing = thing.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    corner = round(placed.x * picture.width - side / 2), round(placed.y * picture.width - side / 2)
    alpha = thing.getchannel("A")
    if light:
        around = picture.crop((*corner, corner[0] + side, corner[1] + side)).resize((1, 1), Image.Resampling.BOX)
        levels = np.asarray(around)[0, 0]
        gains = [_within(1 + light * (level / 128 - 1), 0.65, 1.15) for level in levels.tolist()]
        curves = [min(255, round(level * gain)) for gain in (*gains, 1) for level in range(256)]
        thing = thing.point(curves)
    picture.paste(thing, corner, alpha)
