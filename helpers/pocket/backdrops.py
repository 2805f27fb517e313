"""The settings of the pocket world: twelve places and ten plain colours, drawn at any size."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw

COLOURS = {
    "red": (220, 60, 60),
    "blue": (80, 130, 220),
    "green": (90, 180, 100),
    "yellow": (245, 215, 90),
    "pink": (245, 160, 190),
    "purple": (150, 100, 200),
    "orange": (245, 160, 70),
    "white": (245, 245, 245),
    "gray": (140, 140, 145),
    "black": (25, 25, 30),
}


class Canvas:
    """A square picture whose coordinates run from 0 to 1, x rightwards and y downwards."""

    def __init__(self, size: int, top: Sequence[float], bottom: Sequence[float]):
        """A vertical gradient from the colour `top` to the colour `bottom`, `size` pixels square."""
        y = np.linspace(0, 1, size)[:, None, None]
        rows = (1 - y) * np.array(top) + y * np.array(bottom)
        self.image = Image.fromarray(rows.repeat(size, axis=1).astype(np.uint8))
        self.size = size
        self.pen = ImageDraw.Draw(self.image)

    def polygon(self, points: list[tuple[float, float]], colour: tuple) -> None:
        self.pen.polygon([(x * self.size, y * self.size) for x, y in points], fill=colour)

    def band(self, top: float, bottom: float, colour: tuple) -> None:
        self.polygon([(0, top), (1, top), (1, bottom), (0, bottom)], colour)

    def disc(self, x: float, y: float, radius: float, colour: tuple) -> None:
        x, y, radius = x * self.size, y * self.size, radius * self.size
        self.pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)

    def specks(self, rng: np.random.Generator, count: int, radius: float, colour: tuple) -> None:
        for x, y in rng.random((count, 2)):
            self.disc(x, y, radius, colour)


def _space(size, rng):
    canvas = Canvas(size, (14, 12, 40), (45, 25, 80))
    canvas.specks(rng, 30, 0.006, (240, 240, 255))
    return canvas


def _beach(size, rng):
    horizon = rng.uniform(0.50, 0.58)
    canvas = Canvas(size, (120, 200, 250), (200, 235, 255))
    canvas.band(horizon, horizon + 0.2, (60, 150, 210))
    canvas.band(horizon + 0.2, 1, (240, 215, 160))
    return canvas


def _meadow(size, rng):
    canvas = Canvas(size, (135, 205, 250), (215, 240, 255))
    canvas.band(rng.uniform(0.6, 0.7), 1, (110, 190, 90))
    return canvas


def _snow(size, rng):
    canvas = Canvas(size, (170, 190, 215), (220, 230, 240))
    canvas.band(rng.uniform(0.65, 0.75), 1, (248, 250, 255))
    canvas.specks(rng, 25, 0.009, (255, 255, 255))
    return canvas


def _sunset(size, rng):
    canvas = Canvas(size, (90, 60, 140), (255, 160, 90))
    canvas.disc(rng.uniform(0.25, 0.75), 0.6, 0.16, (255, 220, 120))
    canvas.band(rng.uniform(0.7, 0.76), 1, (60, 40, 70))
    return canvas


def _sea(size, rng):
    canvas = Canvas(size, (120, 200, 250), (210, 235, 250))
    canvas.band(rng.uniform(0.42, 0.52), 1, (40, 110, 180))
    return canvas


def _desert(size, rng):
    canvas = Canvas(size, (250, 200, 130), (255, 235, 190))
    x, horizon = rng.uniform(0.2, 0.8), rng.uniform(0.6, 0.68)
    canvas.polygon([(x - 0.6, horizon + 0.05), (x, horizon - 0.15), (x + 0.6, horizon + 0.05)], (225, 165, 95))
    canvas.band(horizon, 1, (235, 180, 105))
    return canvas


def _forest(size, rng):
    canvas = Canvas(size, (150, 200, 170), (190, 225, 190))
    for x in np.arange(-0.05, 1.1, 0.17) + rng.uniform(0, 0.1):
        canvas.polygon([(x - 0.02, 0.5), (x + 0.02, 0.5), (x + 0.02, 0.8), (x - 0.02, 0.8)], (90, 65, 50))
        canvas.polygon([(x - 0.13, 0.62), (x, 0.1), (x + 0.13, 0.62)], (35, 100, 65))
    canvas.band(0.76, 1, (75, 125, 60))
    return canvas


def _city(size, rng):
    canvas = Canvas(size, (20, 25, 70), (70, 60, 120))
    for x in np.arange(0, 1, 0.2) + rng.uniform(-0.05, 0.05):
        top = rng.uniform(0.15, 0.45)
        canvas.polygon([(x, top), (x + 0.16, top), (x + 0.16, 0.8), (x, 0.8)], (40, 42, 62))
        for row in np.arange(top + 0.05, 0.75, 0.1):
            for column in (x + 0.045, x + 0.115):
                canvas.disc(column, row, 0.013, (255, 220, 110))
    canvas.band(0.8, 1, (75, 75, 85))
    return canvas


def _mountains(size, rng):
    canvas = Canvas(size, (110, 180, 240), (220, 240, 255))
    for x, top in zip((0.15, 0.85, 0.5), rng.uniform(0.12, 0.35, 3)):
        canvas.polygon([(x - 0.45, 0.75), (x, top), (x + 0.45, 0.75)], (110, 115, 140))
        canvas.polygon([(x - 0.1, top + 0.14), (x, top), (x + 0.1, top + 0.14)], (245, 248, 255))
    canvas.band(0.72, 1, (95, 140, 90))
    return canvas


def _underwater(size, rng):
    canvas = Canvas(size, (60, 190, 210), (10, 60, 120))
    canvas.specks(rng, 12, 0.018, (150, 220, 235))
    canvas.band(rng.uniform(0.85, 0.9), 1, (200, 185, 140))
    return canvas


def _moon(size, rng):
    canvas = Canvas(size, (8, 8, 18), (20, 20, 35))
    canvas.specks(rng, 15, 0.006, (240, 240, 255))
    canvas.disc(rng.uniform(0.12, 0.88), 0.14, 0.09, (70, 130, 210))
    canvas.band(0.7, 1, (170, 170, 175))
    for x in (0.15, 0.5, 0.85) + rng.uniform(-0.1, 0.1, 3):
        canvas.disc(x, rng.uniform(0.78, 0.95), 0.05, (135, 135, 142))
    return canvas


PLACES: dict[str, Callable] = {
    "space": _space,
    "beach": _beach,
    "meadow": _meadow,
    "snow": _snow,
    "sunset": _sunset,
    "sea": _sea,
    "desert": _desert,
    "forest": _forest,
    "city": _city,
    "mountains": _mountains,
    "underwater": _underwater,
    "moon": _moon,
}


def draw_backdrop(setting: str, size: int, rng: np.random.Generator) -> Image.Image:
    """The setting alone, as an RGB picture of `size` × `size` pixels.

    `setting` is a key of `PLACES` or of `COLOURS`. `rng` moves the horizon, the stars, the trees.
    """
    # twice the size and reduced, so that edges are smooth
    if setting in COLOURS:
        base = np.array(COLOURS[setting])
        canvas = Canvas(2 * size, np.clip(base * 1.04, 0, 255).tolist(), (base * 0.96).tolist())
    else:
        canvas = PLACES[setting](2 * size, rng)
    return canvas.image.reduce(2)
