"""A square picture to paint a place on: soft skies, shaded land, smooth edges, one light over all."""

from __future__ import annotations

import functools

import numpy as np
from PIL import Image, ImageDraw

GRID = 64  # points a side on which skies and other soft things are computed

# How each light turns colours (factors of red, green, blue), and the skies to choose from: top and horizon.
TINTS = {
    "": (1.0, 1.0, 1.0),
    "sunny": (1.07, 1.04, 0.94),
    "sunset": (0.98, 0.70, 0.62),
    "night": (0.32, 0.38, 0.58),
    "foggy": (0.92, 0.94, 0.95),
}
SKIES = {
    "": [
        ((70, 140, 225), (195, 228, 250)),
        ((115, 190, 245), (228, 242, 250)),
        ((120, 150, 190), (212, 220, 228)),
        ((125, 205, 235), (252, 236, 214)),
        ((90, 160, 215), (235, 225, 235)),
    ],
    "sunny": [((45, 125, 230), (175, 220, 252)), ((85, 170, 245), (225, 242, 250))],
    "sunset": [((80, 65, 140), (255, 158, 95)), ((45, 70, 130), (252, 195, 125)), ((130, 65, 115), (255, 130, 85))],
    "night": [((8, 12, 42), (44, 56, 104)), ((14, 10, 38), (64, 46, 96)), ((4, 18, 36), (24, 62, 88))],
    "foggy": [((188, 198, 204), (218, 223, 225)), ((205, 205, 205), (226, 226, 222))],
}


def soft_noise(rng: np.random.Generator, across: int, down: int, size: tuple[int, int] = (GRID, GRID)) -> np.ndarray:
    """Smooth noise in 0…1, float32 (height, width) for `size` (width, height): random dots, so many, blurred."""
    dots = Image.fromarray(rng.random((down + 1, across + 1), dtype=np.float32))
    return np.clip(np.asarray(dots.resize(size, Image.Resampling.BICUBIC)), 0, 1)


@functools.cache
def ball_shading(side: int = 96) -> Image.Image:
    """What light falls on a ball lit from the upper left: L, `side` pixels square."""
    y, x = (np.mgrid[:side, :side] + 0.5) / side * 2 - 1
    z = np.sqrt(np.clip(1 - x * x - y * y, 0, 1))
    lit = np.clip(0.35 + 0.75 * (-0.45 * x - 0.5 * y + 0.74 * z), 0, 1)
    return Image.fromarray((255 * lit).astype(np.uint8))


def mix(a: tuple, b: tuple, share: float) -> tuple[int, int, int]:
    """The colour `share` of the way from `a` to `b`."""
    red, green, blue = (int(p + (q - p) * share) for p, q in zip(a, b))
    return red, green, blue


class Canvas:
    """Coordinates run from 0 to 1, x rightwards and y downwards. Painted at twice the size, so that edges are smooth.

    `horizon` is where land or water begins, `light` a key of `TINTS`; every colour but the sky's is seen in that light.
    """

    def __init__(self, size: int, horizon: float, light: str, rng: np.random.Generator, skies: list | None = None):
        self.size, self.side, self.horizon, self.light, self.rng = size, 2 * size, horizon, light, rng
        skies = skies or SKIES[light]
        self.haze: tuple
        top, self.haze = skies[rng.integers(len(skies))]
        self.soft = self._gradient(top, self.haze, max(horizon, 0.2))
        self.sun = (float(rng.uniform(0.05, 0.95)), float(horizon * rng.uniform(0.15, 0.7)))

    @staticmethod
    def _gradient(top, bottom, until: float) -> np.ndarray:
        """float32 (GRID, GRID, 3): from `top` to `bottom`, which is reached at the height `until`."""
        share = np.clip(np.linspace(0, 1 / until, GRID, dtype=np.float32), 0, 1)[:, None, None]
        rows = (1 - share) * np.array(top, np.float32) + share * np.array(bottom, np.float32)
        return np.repeat(rows, GRID, axis=1)

    # the sky: soft, on the grid, until `begin`

    def clouds(self, amount: float, colour: tuple = (255, 255, 255)) -> None:
        """Clouds, none (0) to thick (1), denser toward no side in particular."""
        across = int(self.rng.integers(2, 6))
        noise = 0.65 * soft_noise(self.rng, across, 7) + 0.35 * soft_noise(self.rng, 3 * across, 18)
        cover = np.clip((noise - 0.62 + 0.3 * amount) * 4, 0, 1)[..., None] * min(1, 0.4 + amount)
        self.soft += (np.array(colour, np.float32) - self.soft) * cover

    def glow(self, x: float, y: float, radius: float, colour: tuple, strength: float = 0.8) -> None:
        """A soft spot of light about (x, y)."""
        points = np.linspace(0, 1, GRID, dtype=np.float32)
        distance = ((points - x)[None] ** 2 + (points - y)[:, None] ** 2) / radius**2
        self.soft += (np.array(colour, np.float32) - self.soft) * (strength * np.exp(-distance))[..., None]

    def begin(self) -> None:
        """Ends the soft part: from now on one draws over the sky."""
        sky = Image.fromarray(np.clip(self.soft, 0, 255).astype(np.uint8))
        sky = sky.resize((self.size, self.size), Image.Resampling.BICUBIC)
        self.image = sky.resize((self.side, self.side), Image.Resampling.NEAREST)
        self.pen = ImageDraw.Draw(self.image)

    # land and details, in the canvas' light

    def tone(self, colour: tuple, far: float = 0.0) -> tuple[int, int, int]:
        """The colour in this light; `far` from 0 to 1 lets it fade into the haze."""
        far = min(1.0, far + (0.35 + 0.4 * far if self.light == "foggy" else 0.0))
        lit = tuple(min(255, c * t) for c, t in zip(colour, TINTS[self.light]))
        return mix(lit, self.haze, far)

    def polygon(self, points, colour: tuple, far: float = 0.0) -> None:
        """`points` (N, 2)."""
        self.pen.polygon((np.asarray(points) * self.side).ravel().tolist(), fill=self.tone(colour, far))

    def box(self, left: float, top: float, right: float, bottom: float, colour: tuple, far: float = 0.0) -> None:
        side = self.side
        self.pen.rectangle((left * side, top * side, right * side, bottom * side), fill=self.tone(colour, far))

    def disc(self, x: float, y: float, radius: float, colour: tuple, flat: float = 1.0, far: float = 0.0) -> None:
        """An ellipse, `flat` times as high as wide."""
        x, y, across, down = x * self.side, y * self.side, radius * self.side, radius * flat * self.side
        self.pen.ellipse((x - across, y - down, x + across, y + down), fill=self.tone(colour, far))

    def line(self, points, colour: tuple, width: float, far: float = 0.0) -> None:
        flat = (np.asarray(points) * self.side).ravel().tolist()
        self.pen.line(flat, fill=self.tone(colour, far), width=max(1, round(width * self.side)), joint="curve")

    def ball(self, x: float, y: float, radius: float, colour: tuple, dark: tuple = (0, 0, 0)) -> None:
        """A shaded ball, e.g. a planet; in its own light."""
        across = max(2, round(2 * radius * self.side))
        shading = ball_shading().resize((across, across))
        mask = Image.new("L", (across, across))
        ImageDraw.Draw(mask).ellipse((0, 0, across - 1, across - 1), fill=255)
        lit = Image.composite(Image.new("RGB", shading.size, colour), Image.new("RGB", shading.size, dark), shading)
        self.image.paste(lit, (round((x - radius) * self.side), round((y - radius) * self.side)), mask)

    def land(self, profile: np.ndarray, near: tuple, away: tuple | None = None, far: float = 0.0) -> None:
        """Everything below `profile`, heights at equal distances from left to right, shaded from `away` to `near`."""
        top = max(0, int(profile.min() * self.side))
        if top >= self.side:
            return
        x = np.linspace(0, 1, len(profile))
        points = np.concatenate([np.stack([x, profile], axis=1), [[1, 1.01], [0, 1.01]]]) * self.side
        mask = Image.new("L", (self.side, self.side - top))
        ImageDraw.Draw(mask).polygon((points - [0, top]).ravel().tolist(), fill=255)
        strip = np.linspace(self.tone(away or near, far), self.tone(near, far), mask.height).astype(np.uint8)[:, None]
        shaded = Image.fromarray(strip).resize(mask.size, Image.Resampling.NEAREST)
        self.image.paste(shaded, (0, top), mask)

    def ridge(self, base: float, height: float, waves: float, points: int = 48) -> np.ndarray:
        """A random skyline for `land`: `height` up and down about `base`, with about so many `waves` across."""
        x = np.linspace(0, 1, points)
        a, b, c = self.rng.uniform(0, 2 * np.pi, 3)
        shape = np.sin(waves * 6.3 * x + a) + 0.5 * np.sin(2.3 * waves * 6.3 * x + b)
        return base + height * (shape + 0.25 * np.sin(5.1 * waves * 6.3 * x + c)) / 1.75

    def stars(self, count: int, until: float = 1.0) -> None:
        """Stars of different sizes and brightness above `until`."""
        for x, y, size, bright in self.rng.random((count, 4)):
            radius, light = (0.0012 + 0.0035 * size**4) * self.side, int(120 + 135 * bright)
            x, y = x * self.side, y * until * self.side
            self.pen.ellipse(
                (x - radius, y - radius, x + radius, y + radius), fill=(light, light, min(255, light + 15))
            )

    def finish(self, texture: float = 0.06, across: int = 24, down: int = 48) -> Image.Image:
        """The picture in its size, RGB; the land gets a soft `texture`, the whole a slightly uneven light."""
        pixels = np.asarray(self.image.reduce(2)).astype(np.float32)
        uneven = 0.94 + 0.12 * soft_noise(self.rng, 2, 2)
        land = np.linspace(0, 1, GRID, dtype=np.float32)[:, None] > self.horizon
        uneven *= 1 + land * texture * (2 * soft_noise(self.rng, across, down) - 1)
        whole = Image.fromarray(uneven).resize((self.size, self.size), Image.Resampling.BILINEAR)
        return Image.fromarray(np.clip(pixels * np.asarray(whole)[..., None], 0, 255).astype(np.uint8))
