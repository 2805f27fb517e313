"""Places on land, each painted by a function of size, horizon, light and random generator."""

from __future__ import annotations

import numpy as np
from PIL import Image

from helpers.pocket.world.canvas import Canvas

GRASSES = [(112, 182, 84), (92, 160, 78), (150, 188, 92), (84, 150, 96), (168, 176, 92)]


def pick(rng, colours, jitter: float = 10):
    """One of the colours, changed a little."""
    return tuple(np.clip(np.array(colours[rng.integers(len(colours))]) + rng.uniform(-jitter, jitter, 3), 0, 255))


def open_sky(size, horizon, light, rng) -> Canvas:
    """A sky with clouds, sun or stars as the light has them."""
    canvas = Canvas(size, horizon, light, rng)
    x, y = canvas.sun
    if light == "sunny":
        canvas.glow(x, y, 0.3, (255, 250, 220), 0.8)
    elif light == "sunset":
        canvas.glow(x, horizon * 0.95, 0.45, (255, 205, 120), 0.85)
    elif light == "night":
        canvas.glow(x, y, 0.2, (130, 145, 200), 0.45)
    cloudy = {"": (255, 255, 255), "sunny": (255, 255, 255), "sunset": (250, 170, 140), "night": (60, 66, 105)}
    if light in cloudy and rng.random() < 0.75:
        canvas.clouds(rng.uniform(0, 0.8 if light == "" else 0.4), cloudy[light])
    canvas.begin()
    if light == "sunny":
        canvas.light = ""
        canvas.disc(x, y, rng.uniform(0.03, 0.06), (255, 252, 235))
        canvas.light = light
    elif light == "night":
        canvas.stars(int(rng.integers(25, 90)), horizon)
        canvas.ball(x, y, rng.uniform(0.025, 0.06), (250, 246, 225), (150, 150, 150))
    return canvas


def tufts(canvas, colour, count, height=0.03) -> None:
    """Blades of grass, larger toward the viewer."""
    for x, depth, lean in canvas.rng.random((count, 3)):
        y = canvas.horizon + 0.04 + (0.96 - canvas.horizon) * depth
        tall = height * (0.3 + depth)
        canvas.polygon([(x - 0.004, y), (x + (lean - 0.5) * tall, y - tall), (x + 0.004, y)], colour)
        canvas.polygon([(x, y), (x + 0.008 + (0.5 - lean) * tall, y - 0.7 * tall), (x + 0.008, y)], colour)


def meadow(size, horizon, light, rng) -> Image.Image:
    canvas = open_sky(size, horizon, light, rng)
    grass = pick(rng, GRASSES)
    for distance in np.linspace(0.6, 0.25, int(rng.integers(0, 4))):
        ridge = canvas.ridge(horizon - 0.14 * distance, rng.uniform(0.02, 0.07), rng.uniform(0.5, 1.5))
        canvas.land(ridge, tuple(0.82 * c for c in grass), tuple(0.95 * c for c in grass), far=distance)
    pale = tuple(min(255, 1.1 * c + 8) for c in grass)
    canvas.land(canvas.ridge(horizon, rng.uniform(0, 0.03), 0.8), grass, pale)
    tufts(canvas, tuple(0.8 * c for c in grass), int(rng.integers(10, 60)))
    petal = pick(rng, [(255, 255, 250), (250, 220, 80), (235, 110, 130), (170, 130, 220)])
    for x, depth, radius in rng.random((int(rng.choice([0, 12, 40])), 3)):
        y = horizon + 0.05 + (0.95 - horizon) * depth
        canvas.disc(x, y, (0.003 + 0.004 * radius) * (0.5 + depth), petal, 0.8)
    return canvas.finish(0.09)


def _conifer(canvas, x, foot, height, colour, far=0.0, snow=False) -> None:
    """A fir tree in three tiers, its right side in shade."""
    canvas.box(x - 0.03 * height, foot - 0.12 * height, x + 0.03 * height, foot, (88, 64, 50), far)
    dark = tuple(0.78 * c for c in colour)
    for low, high, half in ((0.1, 0.55, 0.3), (0.32, 0.78, 0.24), (0.56, 1.0, 0.17)):
        bottom, top, half = foot - low * height, foot - high * height, half * height
        canvas.polygon([(x - half, bottom), (x, top), (x + half, bottom)], colour, far)
        canvas.polygon([(x + 0.1 * half, bottom), (x, top), (x + half, bottom)], dark, far)
        if snow:
            middle = top + 0.35 * (bottom - top)
            canvas.polygon([(x - 0.35 * half, middle), (x, top), (x + 0.35 * half, middle)], (248, 250, 255), far)


def snow(size, horizon, light, rng) -> Image.Image:
    canvas = open_sky(size, horizon, light, rng)
    white = pick(rng, [(248, 250, 255), (238, 244, 252)], 3)
    for distance in np.linspace(0.7, 0.3, int(rng.integers(0, 3))):
        canvas.land(
            canvas.ridge(horizon - 0.12 * distance, 0.05, rng.uniform(0.5, 1.5)), (215, 226, 240), far=distance / 2
        )
    for x in rng.random(int(rng.integers(0, 9))):
        _conifer(canvas, x, horizon + 0.02, rng.uniform(0.1, 0.26), (70, 110, 100), rng.uniform(0.1, 0.4), True)
    canvas.land(canvas.ridge(horizon, rng.uniform(0, 0.03), 0.7), white, (214, 226, 242))
    if rng.random() < 0.6:
        canvas.land(canvas.ridge(horizon + 0.25, 0.05, 0.6), white, (226, 235, 247))
    if rng.random() < 0.6:
        canvas.light = ""
        for x, y, radius in rng.random((int(rng.integers(20, 80)), 3)):
            canvas.disc(x, y, 0.002 + 0.006 * radius**2, (255, 255, 255))
    return canvas.finish(0.03)


def desert(size, horizon, light, rng) -> Image.Image:
    canvas = open_sky(size, horizon, light, rng)
    sand = pick(rng, [(236, 182, 108), (226, 160, 96), (240, 204, 142), (214, 140, 96)])
    for distance in np.linspace(0.5, 0.05, int(rng.integers(2, 5))):
        x, high, half = rng.uniform(0.1, 0.9), rng.uniform(0.05, 0.17), rng.uniform(0.3, 0.6)
        foot = horizon + 0.04 * (1 - distance)
        canvas.polygon([(x - half, foot), (x, foot - high), (x + half, foot)], sand, distance)
        edge = [(x, foot - high), (x + 0.12 * half, foot - 0.5 * high), (x - 0.1 * half, foot), (x + half, foot)]
        canvas.polygon(edge, tuple(0.84 * c for c in sand), distance)
    canvas.land(canvas.ridge(horizon + 0.01, 0.02, 0.8), sand, tuple(0.94 * c for c in sand))
    for depth in rng.uniform(0.15, 1, int(rng.integers(0, 4))):
        ridge = canvas.ridge(horizon + (1 - horizon) * depth, 0.03, 0.8)
        canvas.land(ridge, tuple(min(255, 1.03 * c) for c in sand), tuple(0.9 * c for c in sand))
    return canvas.finish(0.05, 10, 40)


def forest(size, horizon, light, rng) -> Image.Image:
    canvas = open_sky(size, horizon, light, rng)
    green = pick(rng, [(46, 110, 72), (58, 120, 60), (36, 92, 80), (110, 120, 50)])
    for distance in (0.55, 0.3, 0.05):
        steps = np.arange(-0.05, 1.1, rng.uniform(0.09, 0.2) * (1.3 - distance))
        for x in steps + rng.uniform(-0.03, 0.03, len(steps)):
            foot = horizon + 0.05 * (1 - distance)
            _conifer(canvas, x, foot, rng.uniform(0.3, 0.75) * (1.1 - distance) * (horizon + 0.25), green, distance)
    ground = pick(rng, [(84, 128, 66), (104, 112, 66), (74, 110, 70)])
    canvas.land(canvas.ridge(horizon + 0.02, 0.012, 1.5), ground, tuple(0.85 * c for c in ground))
    tufts(canvas, tuple(0.78 * c for c in ground), int(rng.integers(10, 50)))
    return canvas.finish(0.1)


def _peaks(canvas, base, height, colour, far, count) -> None:
    """A range of mountains with a lit and a shaded side and snow on top."""
    rng = canvas.rng
    for x in rng.permutation(np.linspace(-0.05, 1.05, count) + rng.uniform(-0.1, 0.1, count)):
        high, half = height * rng.uniform(0.6, 1.1), height * rng.uniform(0.9, 1.4)
        top = base - high
        canvas.polygon([(x - half, base), (x, top), (x + half, base)], colour, far)
        bend = x + 0.12 * half
        shade = [
            (x, top),
            (bend, top + 0.35 * high),
            (x - 0.05 * half, top + 0.6 * high),
            (bend, base),
            (x + half, base),
        ]
        canvas.polygon(shade, tuple(0.78 * c for c in colour), far)
        d = rng.uniform(0.2, 0.4)
        cap = [(x - d * half, top + d * high), (x, top), (x + d * half, top + d * high)]
        jags = [(x + k * d * half, top + d * high * j) for k, j in ((0.5, 0.75), (0.1, 1.25), (-0.3, 0.8), (-0.6, 1.2))]
        canvas.polygon(cap + jags, (246, 249, 255), far)


def mountains(size, horizon, light, rng) -> Image.Image:
    canvas = open_sky(size, horizon, light, rng)
    rock = pick(rng, [(112, 118, 142), (130, 120, 118), (96, 112, 124)])
    tall = horizon * rng.uniform(0.5, 0.85)
    _peaks(canvas, horizon + 0.02, tall, rock, 0.4, int(rng.integers(2, 5)))
    _peaks(canvas, horizon + 0.02, tall * rng.uniform(0.45, 0.75), rock, 0.1, int(rng.integers(2, 5)))
    grass = pick(rng, GRASSES)
    dark = tuple(0.8 * c for c in grass)
    canvas.land(canvas.ridge(horizon, 0.025, 1), dark, dark, far=0.15)
    for x in rng.random(int(rng.integers(0, 12))):
        _conifer(canvas, x, horizon + 0.04, rng.uniform(0.05, 0.13), (60, 100, 70), 0.1)
    canvas.land(canvas.ridge(horizon + 0.05, 0.02, 0.8), grass, dark)
    tufts(canvas, dark, int(rng.integers(5, 40)))
    return canvas.finish(0.08)


def _leaf(canvas, x, y, angle, length, colour, far=0.0) -> None:
    """A large leaf with a lighter rib."""
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    t = np.linspace(0, 1, 8)[:, None]
    half = 0.22 * length * np.sin(np.pi * t**0.8)
    spine = np.array([x, y]) + length * t * along
    canvas.polygon(np.concatenate([spine + half * across, (spine - half * across)[::-1]]), colour, far)
    canvas.polygon(np.concatenate([spine, (spine - half * across)[::-1]]), tuple(0.82 * c for c in colour), far)


def jungle(size, horizon, light, rng) -> Image.Image:
    canvas = Canvas(
        size,
        horizon,
        light,
        rng,
        None if light else [((70, 140, 90), (190, 220, 150)), ((50, 120, 100), (160, 210, 170))],
    )
    canvas.glow(rng.uniform(0.2, 0.8), rng.uniform(0, 0.4), 0.4, canvas.haze, 0.5)
    canvas.begin()
    green = pick(rng, [(50, 130, 64), (36, 110, 70), (80, 140, 50)])
    for distance in (0.6, 0.35):
        for x in rng.uniform(0, 1, 4):
            canvas.box(x, 0, x + 0.04 * (1 - distance), horizon + 0.03, (90, 76, 56), distance)
        for x, y, turn in rng.random((16, 3)):
            _leaf(canvas, x, y * horizon * 0.9, 6.3 * turn, 0.28 * (1.2 - distance), green, distance)
    ground = pick(rng, [(70, 110, 56), (92, 92, 58), (60, 100, 64)])
    canvas.land(canvas.ridge(horizon + 0.02, 0.015, 1.5), ground, tuple(0.8 * c for c in ground))
    for edge in (0.0, 1.0):
        for y in rng.uniform(0, 1, int(rng.integers(2, 6))):
            inward = (0 if edge == 0 else np.pi) + rng.uniform(-0.9, 0.9)
            _leaf(canvas, edge, y, inward, rng.uniform(0.12, 0.26), tuple(0.75 * c for c in green))
    for x in rng.uniform(0, 1, int(rng.integers(0, 4))):
        y = np.linspace(0, rng.uniform(0.2, 0.5), 8)
        canvas.line(np.stack([x + 0.01 * np.sin(9 * y + 9 * x), y], axis=1), (60, 90, 50), 0.006)
    return canvas.finish(0.1)
