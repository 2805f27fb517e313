"""Places that people built: city, street, room and garden, painted as those of `landscapes`."""

from __future__ import annotations

import numpy as np
from PIL import Image

from helpers.pocket.world.canvas import Canvas
from helpers.pocket.world.landscapes import GRASSES, open_sky, pick, tufts

FRONTS = [(206, 120, 96), (226, 200, 160), (150, 170, 190), (196, 190, 180), (176, 130, 110), (220, 215, 205)]


def _windows(canvas, left, right, top, bottom, pitch, far, lit) -> None:
    """Rows of windows on a house front; `lit` is the share of bright ones, seen at night."""
    rng, light = canvas.rng, canvas.light
    for row in np.arange(top + 0.5 * pitch, bottom - 0.5 * pitch, 1.3 * pitch):
        for x in np.arange(left + 0.4 * pitch, right - 0.6 * pitch, pitch):
            if rng.random() < lit:
                canvas.light = ""
                canvas.box(x, row, x + 0.45 * pitch, row + 0.6 * pitch, (255, 216, 120), far * 0.5)
                canvas.light = light
            else:
                canvas.box(x, row, x + 0.45 * pitch, row + 0.6 * pitch, (92, 112, 138), far)


def _road(canvas, top, asphalt) -> None:
    """A road straight ahead, with dashes, to a vanishing point at height `top`."""
    x = canvas.rng.uniform(0.3, 0.7)
    half = canvas.rng.uniform(0.3, 0.6)
    canvas.polygon([(x - 0.02, top), (x + 0.02, top), (0.5 + half, 1), (0.5 - half, 1)], asphalt)
    for near in 1 / np.linspace(1.05, 6, 8):  # perspective: equal steps come closer together
        y, thin = top + (1 - top) * near, 0.012 * near
        middle = x + (0.5 - x) * near
        end = y + (1 - top) * 0.12 * near
        canvas.polygon(
            [(middle - thin, y), (middle + thin, y), (middle + 1.1 * thin, end), (middle - 1.1 * thin, end)],
            (236, 232, 214),
        )


def city(size, horizon, light, rng) -> Image.Image:
    canvas = open_sky(size, horizon, light, rng)
    lit = {"night": 0.6, "sunset": 0.3}.get(light, 0.05)
    tone = pick(rng, [(120, 130, 150), (150, 140, 135), (110, 120, 130), (140, 120, 120)])
    for distance in (0.6, 0.35, 0.05):
        x = rng.uniform(-0.1, 0)
        while x < 1:
            wide = rng.uniform(0.08, 0.2)
            top = horizon * rng.uniform(0.12 + 0.3 * distance, 0.8)
            front = tuple(np.clip(np.array(tone) * rng.uniform(0.75, 1.15), 0, 255))
            canvas.box(x, top, x + wide, horizon + 0.02, front, distance)
            canvas.box(x + 0.75 * wide, top, x + wide, horizon + 0.02, tuple(0.85 * c for c in front), distance)
            if distance < 0.5:
                _windows(canvas, x, x + 0.75 * wide, top, horizon, rng.uniform(0.035, 0.05), distance, lit)
            x += wide * rng.uniform(0.9, 1.5)
    pavement = pick(rng, [(120, 120, 126), (140, 136, 130), (104, 106, 114)])
    canvas.land(np.full(2, horizon), pavement, tuple(0.85 * c for c in pavement))
    if rng.random() < 0.7:
        _road(canvas, horizon, tuple(0.75 * c for c in pavement))
    return canvas.finish(0.06)


def street(size, horizon, light, rng) -> Image.Image:
    canvas = open_sky(size, horizon, light, rng)
    lit = {"night": 0.5, "sunset": 0.25}.get(light, 0.04)
    foot = horizon + 0.01
    x = rng.uniform(-0.15, 0)
    while x < 1:
        wide, top = rng.uniform(0.16, 0.34), horizon * rng.uniform(0.1, 0.6)
        front = pick(rng, FRONTS)
        canvas.box(x, top, x + wide, foot, front)
        if rng.random() < 0.6:
            roof = pick(rng, [(150, 80, 66), (96, 88, 92), (120, 96, 80)])
            canvas.polygon([(x - 0.01, top), (x + 0.5 * wide, top - 0.35 * wide), (x + wide + 0.01, top)], roof)
        else:
            canvas.box(x - 0.006, top - 0.012, x + wide + 0.006, top + 0.01, tuple(0.8 * c for c in front))
        _windows(canvas, x + 0.02, x + wide, top, foot - 0.11, rng.uniform(0.06, 0.09), 0, lit)
        door = x + wide * rng.uniform(0.2, 0.6)
        canvas.box(door, foot - 0.1, door + 0.055, foot, pick(rng, [(90, 60, 50), (60, 90, 90), (130, 50, 50)]))
        x += wide
    pavement = pick(rng, [(186, 182, 174), (168, 168, 170)])
    canvas.land(np.full(2, foot), pavement, tuple(0.9 * c for c in pavement))
    kerb = foot + rng.uniform(0.05, 0.14)
    asphalt = pick(rng, [(96, 98, 104), (112, 108, 106)])
    canvas.land(np.full(2, kerb), tuple(0.75 * c for c in pavement))
    canvas.land(np.full(2, kerb + 0.012), asphalt, tuple(0.88 * c for c in asphalt))
    middle = kerb + 0.45 * (1 - kerb)
    for x in np.arange(rng.uniform(-0.2, 0), 1, 0.26):
        canvas.box(x, middle, x + 0.14, middle + 0.014, (230, 226, 210))
    return canvas.finish(0.07)


def room(size, horizon, light, rng) -> Image.Image:
    wall = np.array(pick(rng, [(226, 214, 190), (196, 212, 204), (204, 206, 224), (232, 200, 186), (214, 222, 228)]))
    canvas = Canvas(size, 1, "", rng, [(tuple(0.9 * wall), tuple(np.minimum(255, 1.05 * wall)))])
    x, y = rng.uniform(0, 1, 2)
    canvas.glow(x, y, rng.uniform(0.3, 0.6), tuple(np.minimum(255, wall * 1.15)), 0.7)
    canvas.begin()
    canvas.horizon = horizon
    if rng.random() < 0.7:  # a window
        x, y, wide, high = (
            rng.uniform(0.05, 0.6),
            rng.uniform(0.06, 0.16),
            rng.uniform(0.2, 0.32),
            rng.uniform(0.2, 0.3),
        )
        canvas.box(x - 0.02, y - 0.02, x + wide + 0.02, y + high + 0.03, (250, 248, 242))
        canvas.box(
            x, y, x + wide, y + high, pick(rng, [(150, 205, 245), (190, 225, 245), (60, 76, 120), (250, 205, 160)])
        )
        canvas.box(x + wide / 2 - 0.007, y, x + wide / 2 + 0.007, y + high, (250, 248, 242))
        canvas.box(x, y + high / 2 - 0.007, x + wide, y + high / 2 + 0.007, (250, 248, 242))
    for _ in range(int(rng.integers(0, 3))):  # framed pictures
        x, y, wide, high = rng.uniform(0, 0.9), rng.uniform(0.1, 0.3), rng.uniform(0.08, 0.16), rng.uniform(0.08, 0.18)
        canvas.box(x, y, x + wide, y + high, pick(rng, [(110, 80, 56), (60, 60, 64), (200, 170, 110)]))
        canvas.box(
            x + 0.012,
            y + 0.012,
            x + wide - 0.012,
            y + high - 0.012,
            pick(rng, [(200, 190, 170), (130, 160, 170), (180, 120, 110)]),
        )
    floor = pick(rng, [(176, 128, 88), (150, 104, 72), (196, 160, 120), (150, 146, 142)])
    canvas.box(0, horizon - 0.03, 1, horizon, tuple(np.minimum(255, 1.08 * wall)))
    canvas.land(np.full(2, horizon), floor, tuple(0.82 * c for c in floor))
    x = rng.uniform(0.3, 0.7)
    for step in np.arange(-2.4, 2.5, 0.24):  # boards toward a vanishing point
        canvas.line([(x + 0.35 * step, horizon), (x + step, 1)], tuple(0.8 * c for c in floor), 0.003)
    if rng.random() < 0.5:
        rug = pick(rng, [(170, 70, 70), (70, 100, 140), (200, 180, 140), (90, 120, 100)])
        x, y = rng.uniform(0.3, 0.7), horizon + 0.55 * (1 - horizon)
        canvas.disc(x, y, 0.34, rug, 0.26)
        canvas.disc(x, y, 0.28, tuple(np.minimum(255, 1.15 * np.array(rug))), 0.25)
    return canvas.finish(0.04)


def garden(size, horizon, light, rng) -> Image.Image:
    canvas = open_sky(size, horizon, light, rng)
    hedge = pick(rng, [(60, 120, 64), (80, 130, 60), (50, 104, 74)])
    for x in np.arange(-0.05, 1.1, 0.09):
        tall = rng.uniform(0.08, 0.2)
        canvas.disc(x, horizon - tall, 0.1, hedge, far=0.15)
        canvas.disc(x - 0.03, horizon - tall - 0.03, 0.05, tuple(1.12 * c for c in hedge), far=0.15)
    canvas.box(0, horizon - 0.12, 1, horizon + 0.02, hedge, 0.15)
    if rng.random() < 0.6:  # a fence
        paint = pick(rng, [(246, 244, 238), (176, 130, 90), (150, 170, 160)])
        for x in np.arange(0.01, 1, 0.07):
            points = [
                (x, horizon),
                (x, horizon - 0.13),
                (x + 0.02, horizon - 0.155),
                (x + 0.04, horizon - 0.13),
                (x + 0.04, horizon),
            ]
            canvas.polygon(points, paint)
        canvas.box(0, horizon - 0.1, 1, horizon - 0.085, tuple(0.93 * c for c in paint))
        canvas.box(0, horizon - 0.04, 1, horizon - 0.025, tuple(0.93 * c for c in paint))
    grass = pick(rng, GRASSES)
    canvas.land(np.full(2, horizon), grass, tuple(0.86 * c for c in grass))
    if rng.random() < 0.4:
        path = pick(rng, [(206, 190, 160), (180, 174, 168)])
        x, end = rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.8)
        canvas.polygon([(x - 0.03, horizon), (x + 0.03, horizon), (end + 0.2, 1), (end - 0.2, 1)], path)
    tufts(canvas, tuple(0.8 * c for c in grass), int(rng.integers(10, 40)))
    for x in rng.random(int(rng.integers(8, 40))):  # a bed of flowers along the hedge
        y = horizon + rng.uniform(0, 0.06)
        petal = pick(rng, [(235, 90, 110), (250, 210, 80), (255, 255, 250), (180, 110, 210), (250, 150, 80)])
        canvas.line([(x, y + 0.03), (x, y)], (60, 120, 60), 0.004)
        canvas.disc(x, y, 0.012, petal)
        canvas.disc(x, y, 0.004, (250, 220, 110))
    return canvas.finish(0.09)
