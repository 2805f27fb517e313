"""Places at the water and under it, painted as those of `landscapes`."""

from __future__ import annotations

import numpy as np
from PIL import Image

from helpers.pocket.world.canvas import Canvas, soft_noise
from helpers.pocket.world.landscapes import GRASSES, open_sky, pick, tufts

SANDS = [(242, 218, 166), (232, 200, 148), (248, 232, 196), (222, 190, 150)]


def _waves(canvas, top, bottom, colour, count) -> None:
    """Short bright streaks on water, longer toward the viewer."""
    for x, depth, length in canvas.rng.random((count, 3)):
        y = top + (bottom - top) * depth**1.5
        half = (0.01 + 0.06 * length) * (0.3 + depth)
        canvas.disc(x, y, half, colour, 0.05 + 0.03 * depth)


def _water(canvas, top, bottom, near=None, streaks=60) -> None:
    rng = canvas.rng
    near = near or pick(rng, [(40, 110, 180), (30, 130, 170), (50, 150, 180), (60, 100, 150)])
    away = tuple(0.55 * n + 0.45 * h for n, h in zip(near, (185, 220, 240)))
    canvas.land(np.full(2, top), near, away)
    _waves(canvas, top, bottom, tuple(min(255, 1.18 * c + 15) for c in near), streaks)


def beach(size, horizon, light, rng) -> Image.Image:
    shore, horizon = horizon, horizon - rng.uniform(0.2, 0.5) * horizon  # the sea is farther than the sand
    canvas = open_sky(size, horizon, light, rng)
    if rng.random() < 0.4:
        canvas.land(canvas.ridge(horizon - 0.02, rng.uniform(0.01, 0.05), 0.7), (90, 130, 120), far=0.45)
    _water(canvas, horizon, shore + 0.1, pick(rng, [(40, 150, 195), (40, 175, 190), (60, 130, 190)]), 40)
    line = shore - 0.03 + rng.uniform(-0.1, 0.1) * np.linspace(-1, 1, 48) + canvas.ridge(0, 0.015, 1.5)
    sand = pick(rng, SANDS)
    canvas.land(line, (245, 250, 250))  # foam
    canvas.land(line + 0.012 + 0.008 * rng.random(), tuple(0.8 * c for c in sand))  # wet
    canvas.land(line + rng.uniform(0.04, 0.07), sand, tuple(0.93 * c for c in sand))
    for x, y, radius in rng.random((int(rng.integers(0, 14)), 3)):
        canvas.disc(x, shore + 0.12 + (0.88 - shore) * y, 0.004 + 0.008 * radius, tuple(0.8 * c for c in sand), 0.6)
    canvas.horizon = shore
    return canvas.finish(0.05)


def sea(size, horizon, light, rng) -> Image.Image:
    canvas = open_sky(size, horizon, light, rng)
    if rng.random() < 0.3:
        x = np.linspace(0, 1, 48)
        hump = np.exp(-(((x - rng.uniform(0, 1)) / rng.uniform(0.1, 0.25)) ** 2)) * rng.uniform(0.03, 0.1)
        canvas.land(horizon + 0.005 - hump, (90, 120, 110), far=0.5)
    _water(canvas, horizon, 1, streaks=int(rng.integers(50, 140)))
    for distance in np.linspace(0.15, 0.9, int(rng.integers(0, 4))):
        crest = canvas.ridge(horizon + (1 - horizon) * distance, 0.012, rng.uniform(2, 4))
        x = np.linspace(0, 1, len(crest))
        canvas.line(np.stack([x, crest], axis=1), (170, 210, 230), 0.003 + 0.004 * distance)
    return canvas.finish(0.1, 10, 60)


def lake(size, horizon, light, rng) -> Image.Image:
    shore, horizon = horizon, horizon - rng.uniform(0.2, 0.45) * horizon  # the water is farther than the grass
    canvas = open_sky(size, horizon, light, rng)
    hills = [canvas.ridge(horizon - 0.03 - d, 0.04, rng.uniform(0.6, 1.6)) for d in (0.08, 0.0)]
    green = pick(rng, [(70, 120, 90), (90, 130, 80), (100, 110, 80)])
    for ridge, far in zip(hills, (0.5, 0.2)):
        canvas.land(np.minimum(ridge, horizon), green, far=far)
    _water(canvas, horizon, shore, pick(rng, [(60, 120, 160), (80, 140, 165), (70, 125, 135)]), 10)
    for ridge, far in zip(hills, (0.55, 0.35)):  # mirrored in the water
        x = np.linspace(0, 1, len(ridge))
        below = np.stack([x, horizon + np.clip(0.6 * (horizon - ridge), 0, None)], axis=1)
        canvas.polygon([(0, horizon), *below, (1, horizon)], tuple(0.8 * c for c in green), far)
    _waves(canvas, horizon, shore, (190, 215, 225), int(rng.integers(20, 60)))
    grass = pick(rng, GRASSES)
    line = shore - 0.03 + rng.uniform(-0.08, 0.08) * np.linspace(-1, 1, 48) + canvas.ridge(0, 0.015, 1.5)
    canvas.land(line, tuple(0.7 * c for c in grass))
    canvas.land(line + 0.012, grass, tuple(0.9 * c for c in grass))
    canvas.horizon = shore  # the grass, not the water, has tufts
    tufts(canvas, tuple(0.75 * c for c in grass), int(rng.integers(10, 50)))
    return canvas.finish(0.08)


def underwater(size, horizon, light, rng) -> Image.Image:
    skies = [((70, 195, 215), (10, 70, 130)), ((60, 160, 220), (10, 40, 110)), ((110, 215, 205), (15, 95, 120))]
    canvas = Canvas(size, horizon, "", rng, skies)
    canvas.glow(rng.uniform(0, 1), 0, 0.45, (200, 245, 245), 0.6)
    rays = soft_noise(rng, int(rng.integers(5, 12)), 1)
    fade = np.linspace(1, 0, len(rays), dtype=np.float32)[:, None]
    canvas.soft += (60 * fade * np.clip(rays - 0.5, 0, 1))[..., None]
    canvas.begin()
    sand = pick(rng, [(200, 188, 146), (170, 175, 150), (214, 196, 160)])
    canvas.land(canvas.ridge(horizon - 0.05, 0.04, 0.8), (60, 110, 130), far=0.5)
    for x in rng.random(int(rng.integers(0, 10))):
        y = np.linspace(horizon + 0.06, horizon - rng.uniform(0.05, 0.25), 9)
        sway = x + 0.015 * np.sin(np.linspace(0, 6, 9) + 9 * x)
        canvas.line(np.stack([sway, y], axis=1), pick(rng, [(40, 130, 90), (80, 150, 80), (150, 70, 90)]), 0.012)
    canvas.land(canvas.ridge(horizon, 0.015, 1.2), sand, tuple(0.75 * c for c in sand))
    for x, y, radius in rng.random((int(rng.integers(5, 30)), 3)):
        radius = 0.004 + 0.014 * radius**2
        canvas.disc(x, y * horizon, radius, (190, 235, 240))
        canvas.disc(x, y * horizon, radius * 0.75, (110, 190, 215))
    return canvas.finish(0.06)
