"""Places where the sky is most of the picture, painted as those of `landscapes`."""

from __future__ import annotations

import numpy as np
from PIL import Image

from helpers.pocket.world.canvas import Canvas
from helpers.pocket.world.landscapes import pick


def space(size, horizon, light, rng) -> Image.Image:
    skies = [((10, 10, 34), (48, 26, 84)), ((6, 14, 40), (18, 48, 92)), ((20, 8, 30), (90, 30, 80)), ((4, 4, 14),) * 2]
    canvas = Canvas(size, 1, "", rng, skies)
    colour = pick(rng, [(120, 60, 170), (40, 90, 180), (190, 70, 120), (30, 130, 140)])
    for _ in range(2):
        x, y = rng.uniform(0, 1, 2)
        canvas.glow(x, y, rng.uniform(0.2, 0.5), colour, rng.uniform(0.1, 0.5))
    canvas.clouds(rng.uniform(-0.3, 0.3), colour)
    canvas.begin()
    canvas.stars(int(rng.integers(40, 170)))
    for _ in range(int(rng.integers(0, 3))):
        tone = pick(rng, [(220, 150, 90), (90, 150, 220), (190, 190, 200), (200, 90, 80), (120, 200, 160)], 25)
        x, y, radius = rng.uniform(0, 1), rng.uniform(0, 1), rng.uniform(0.03, 0.17) * rng.uniform(0.5, 1)
        canvas.ball(x, y, radius, tuple(map(int, tone)), (8, 8, 20))
    return canvas.finish()


def moon(size, horizon, light, rng) -> Image.Image:
    canvas = Canvas(size, horizon, "", rng, [((3, 3, 10), (16, 16, 30)), ((8, 8, 20), (30, 28, 44))])
    canvas.begin()
    canvas.stars(int(rng.integers(25, 110)), horizon)
    if rng.random() < 0.85:
        canvas.ball(rng.uniform(0.08, 0.92), horizon * rng.uniform(0.2, 0.7), rng.uniform(0.04, 0.12), (80, 145, 225))
    gray = pick(rng, [(170, 170, 175), (185, 180, 172), (150, 150, 158)])
    dark, pale = tuple(0.72 * c for c in gray), tuple(min(255, 1.12 * c) for c in gray)
    canvas.land(canvas.ridge(horizon, rng.uniform(0.0, 0.05), rng.uniform(0.5, 2)), pale, dark)
    for x, depth, wide in rng.random((int(rng.integers(4, 14)), 3)):
        y = horizon + 0.06 + (0.94 - horizon) * depth
        radius = (0.02 + 0.09 * wide) * (0.35 + depth)
        canvas.disc(x, y - 0.05 * radius, radius * 1.08, pale, 0.36)
        canvas.disc(x, y, radius, dark, 0.34)
        canvas.disc(x + 0.1 * radius, y + 0.08 * radius, radius * 0.8, tuple(0.86 * c for c in gray), 0.27)
    return canvas.finish(0.08)


def sunset(size, horizon, light, rng) -> Image.Image:
    skies = [((84, 60, 140), (255, 165, 95)), ((60, 70, 140), (255, 190, 120)), ((120, 50, 100), (255, 140, 70))]
    canvas = Canvas(size, horizon, "sunset", rng, skies)
    x, y = rng.uniform(0.1, 0.9), horizon - rng.uniform(0, 0.12)
    canvas.glow(x, y, 0.5, (255, 205, 120), 0.8)
    canvas.clouds(rng.uniform(-0.2, 0.4), (235, 120, 120))
    canvas.begin()
    canvas.light = ""
    radius = rng.uniform(0.07, 0.15)
    canvas.disc(x, y, radius, (255, 232, 160))
    if rng.random() < 0.4:  # over water
        canvas.land(np.full(2, horizon), (70, 50, 90), (235, 140, 100))
        for depth in rng.random(26):
            wide = radius * rng.uniform(0.3, 1.2)
            canvas.disc(x + rng.normal() * 0.04, horizon + 0.01 + (1 - horizon) * depth, wide, (255, 205, 130), 0.04)
    else:
        colour = pick(rng, [(70, 45, 75), (60, 50, 60), (85, 50, 60)])
        for distance in np.linspace(0.55, 0.2, int(rng.integers(1, 4))):
            canvas.land(canvas.ridge(horizon - 0.1 * distance, 0.05, rng.uniform(0.5, 1.6)), colour, far=distance)
        canvas.land(canvas.ridge(horizon + 0.02, 0.02, 0.7), tuple(0.8 * c for c in colour), colour)
    return canvas.finish(0.05)
