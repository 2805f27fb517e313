"""Places under the open sky, each painted by a function of size, horizon, light and random generator."""

from __future__ import annotations

import numpy as np
from PIL import Image

from helpers.pocket.world.canvas import Canvas, soft_noise

GRASSES = [(112, 182, 84), (92, 160, 78), (150, 188, 92), (84, 150, 96), (168, 176, 92)]
SANDS = [(242, 218, 166), (232, 200, 148), (248, 232, 196), (222, 190, 150)]


def _pick(rng, colours, jitter: float = 10):
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


def space(size, horizon, light, rng) -> Image.Image:
    skies = [((10, 10, 34), (48, 26, 84)), ((6, 14, 40), (18, 48, 92)), ((20, 8, 30), (90, 30, 80)), ((4, 4, 14),) * 2]
    canvas = Canvas(size, 1, "", rng, skies)
    colour = _pick(rng, [(120, 60, 170), (40, 90, 180), (190, 70, 120), (30, 130, 140)])
    for _ in range(2):
        canvas.glow(*rng.uniform(0, 1, 2), rng.uniform(0.2, 0.5), colour, rng.uniform(0.1, 0.5))
    canvas.clouds(rng.uniform(-0.3, 0.3), colour)
    canvas.begin()
    canvas.stars(int(rng.integers(40, 170)))
    for _ in range(int(rng.integers(0, 3))):
        tone = _pick(rng, [(220, 150, 90), (90, 150, 220), (190, 190, 200), (200, 90, 80), (120, 200, 160)], 25)
        x, y, radius = rng.uniform(0, 1), rng.uniform(0, 1), rng.uniform(0.03, 0.17) * rng.uniform(0.5, 1)
        canvas.ball(x, y, radius, tuple(map(int, tone)), (8, 8, 20))
    return canvas.finish()


def moon(size, horizon, light, rng) -> Image.Image:
    canvas = Canvas(size, horizon, "", rng, [((3, 3, 10), (16, 16, 30)), ((8, 8, 20), (30, 28, 44))])
    canvas.begin()
    canvas.stars(int(rng.integers(25, 110)), horizon)
    if rng.random() < 0.85:
        canvas.ball(rng.uniform(0.08, 0.92), horizon * rng.uniform(0.2, 0.7), rng.uniform(0.04, 0.12), (80, 145, 225))
    gray = _pick(rng, [(170, 170, 175), (185, 180, 172), (150, 150, 158)])
    dark, pale = tuple(0.72 * c for c in gray), tuple(min(255, 1.12 * c) for c in gray)
    canvas.land(canvas.ridge(horizon, rng.uniform(0.0, 0.05), rng.uniform(0.5, 2)), pale, dark)
    for x, depth, wide in rng.random((int(rng.integers(4, 14)), 3)):
        y = horizon + 0.06 + (0.94 - horizon) * depth
        radius = (0.02 + 0.09 * wide) * (0.35 + depth)
        canvas.disc(x, y - 0.05 * radius, radius * 1.08, pale, 0.36)
        canvas.disc(x, y, radius, dark, 0.34)
        canvas.disc(x + 0.1 * radius, y + 0.08 * radius, radius * 0.8, tuple(0.86 * c for c in gray), 0.27)
    return canvas.finish(0.08)


def _waves(canvas, top, bottom, colour, count) -> None:
    """Short bright streaks on water, longer toward the viewer."""
    for x, depth, length in canvas.rng.random((count, 3)):
        y = top + (bottom - top) * depth**1.5
        half = (0.01 + 0.06 * length) * (0.3 + depth)
        canvas.disc(x, y, half, colour, 0.05 + 0.03 * depth)


def _water(canvas, top, bottom, near=None, streaks=60) -> None:
    rng = canvas.rng
    near = near or _pick(rng, [(40, 110, 180), (30, 130, 170), (50, 150, 180), (60, 100, 150)])
    away = tuple(0.55 * n + 0.45 * h for n, h in zip(near, (185, 220, 240)))
    canvas.land(np.full(2, top), near, away)
    _waves(canvas, top, bottom, tuple(min(255, 1.18 * c + 15) for c in near), streaks)


def beach(size, horizon, light, rng) -> Image.Image:
    shore, horizon = horizon, horizon - rng.uniform(0.2, 0.5) * horizon  # the sea is farther than the sand
    canvas = open_sky(size, horizon, light, rng)
    if rng.random() < 0.4:
        canvas.land(canvas.ridge(horizon - 0.02, rng.uniform(0.01, 0.05), 0.7), (90, 130, 120), far=0.45)
    _water(canvas, horizon, shore + 0.1, _pick(rng, [(40, 150, 195), (40, 175, 190), (60, 130, 190)]), 40)
    line = shore - 0.03 + rng.uniform(-0.1, 0.1) * np.linspace(-1, 1, 48) + canvas.ridge(0, 0.015, 1.5)
    sand = _pick(rng, SANDS)
    canvas.land(line, (245, 250, 250))  # foam
    canvas.land(line + 0.012 + 0.008 * rng.random(), tuple(0.8 * c for c in sand))  # wet
    canvas.land(line + rng.uniform(0.04, 0.07), sand, tuple(0.93 * c for c in sand))
    for x, y, radius in rng.random((int(rng.integers(0, 14)), 3)):
        canvas.disc(x, shore + 0.12 + (0.88 - shore) * y, 0.004 + 0.008 * radius, tuple(0.8 * c for c in sand), 0.6)
    canvas.horizon = shore
    return canvas.finish(0.05)


def _tufts(canvas, colour, count, height=0.03) -> None:
    """Blades of grass, larger toward the viewer."""
    for x, depth, lean in canvas.rng.random((count, 3)):
        y = canvas.horizon + 0.04 + (0.96 - canvas.horizon) * depth
        tall = height * (0.3 + depth)
        canvas.polygon([(x - 0.004, y), (x + (lean - 0.5) * tall, y - tall), (x + 0.004, y)], colour)
        canvas.polygon([(x, y), (x + 0.008 + (0.5 - lean) * tall, y - 0.7 * tall), (x + 0.008, y)], colour)


def meadow(size, horizon, light, rng) -> Image.Image:
    canvas = open_sky(size, horizon, light, rng)
    grass = _pick(rng, GRASSES)
    for distance in np.linspace(0.6, 0.25, int(rng.integers(0, 4))):
        ridge = canvas.ridge(horizon - 0.14 * distance, rng.uniform(0.02, 0.07), rng.uniform(0.5, 1.5))
        canvas.land(ridge, tuple(0.82 * c for c in grass), tuple(0.95 * c for c in grass), far=distance)
    pale = tuple(min(255, 1.1 * c + 8) for c in grass)
    canvas.land(canvas.ridge(horizon, rng.uniform(0, 0.03), 0.8), grass, pale)
    _tufts(canvas, tuple(0.8 * c for c in grass), int(rng.integers(10, 60)))
    petal = _pick(rng, [(255, 255, 250), (250, 220, 80), (235, 110, 130), (170, 130, 220)])
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
    white = _pick(rng, [(248, 250, 255), (238, 244, 252)], 3)
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
        colour = _pick(rng, [(70, 45, 75), (60, 50, 60), (85, 50, 60)])
        for distance in np.linspace(0.55, 0.2, int(rng.integers(1, 4))):
            canvas.land(canvas.ridge(horizon - 0.1 * distance, 0.05, rng.uniform(0.5, 1.6)), colour, far=distance)
        canvas.land(canvas.ridge(horizon + 0.02, 0.02, 0.7), tuple(0.8 * c for c in colour), colour)
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


def desert(size, horizon, light, rng) -> Image.Image:
    canvas = open_sky(size, horizon, light, rng)
    sand = _pick(rng, [(236, 182, 108), (226, 160, 96), (240, 204, 142), (214, 140, 96)])
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
    green = _pick(rng, [(46, 110, 72), (58, 120, 60), (36, 92, 80), (110, 120, 50)])
    for distance in (0.55, 0.3, 0.05):
        steps = np.arange(-0.05, 1.1, rng.uniform(0.09, 0.2) * (1.3 - distance))
        for x in steps + rng.uniform(-0.03, 0.03, len(steps)):
            foot = horizon + 0.05 * (1 - distance)
            _conifer(canvas, x, foot, rng.uniform(0.3, 0.75) * (1.1 - distance) * (horizon + 0.25), green, distance)
    ground = _pick(rng, [(84, 128, 66), (104, 112, 66), (74, 110, 70)])
    canvas.land(canvas.ridge(horizon + 0.02, 0.012, 1.5), ground, tuple(0.85 * c for c in ground))
    _tufts(canvas, tuple(0.78 * c for c in ground), int(rng.integers(10, 50)))
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
    rock = _pick(rng, [(112, 118, 142), (130, 120, 118), (96, 112, 124)])
    tall = horizon * rng.uniform(0.5, 0.85)
    _peaks(canvas, horizon + 0.02, tall, rock, 0.4, int(rng.integers(2, 5)))
    _peaks(canvas, horizon + 0.02, tall * rng.uniform(0.45, 0.75), rock, 0.1, int(rng.integers(2, 5)))
    grass = _pick(rng, GRASSES)
    dark = tuple(0.8 * c for c in grass)
    canvas.land(canvas.ridge(horizon, 0.025, 1), dark, dark, far=0.15)
    for x in rng.random(int(rng.integers(0, 12))):
        _conifer(canvas, x, horizon + 0.04, rng.uniform(0.05, 0.13), (60, 100, 70), 0.1)
    canvas.land(canvas.ridge(horizon + 0.05, 0.02, 0.8), grass, dark)
    _tufts(canvas, dark, int(rng.integers(5, 40)))
    return canvas.finish(0.08)


def underwater(size, horizon, light, rng) -> Image.Image:
    skies = [((70, 195, 215), (10, 70, 130)), ((60, 160, 220), (10, 40, 110)), ((110, 215, 205), (15, 95, 120))]
    canvas = Canvas(size, horizon, "", rng, skies)
    canvas.glow(rng.uniform(0, 1), 0, 0.45, (200, 245, 245), 0.6)
    rays = soft_noise(rng, int(rng.integers(5, 12)), 1)
    fade = np.linspace(1, 0, len(rays), dtype=np.float32)[:, None]
    canvas.soft += (60 * fade * np.clip(rays - 0.5, 0, 1))[..., None]
    canvas.begin()
    sand = _pick(rng, [(200, 188, 146), (170, 175, 150), (214, 196, 160)])
    canvas.land(canvas.ridge(horizon - 0.05, 0.04, 0.8), (60, 110, 130), far=0.5)
    for x in rng.random(int(rng.integers(0, 10))):
        y = np.linspace(horizon + 0.06, horizon - rng.uniform(0.05, 0.25), 9)
        sway = x + 0.015 * np.sin(np.linspace(0, 6, 9) + 9 * x)
        canvas.line(np.stack([sway, y], axis=1), _pick(rng, [(40, 130, 90), (80, 150, 80), (150, 70, 90)]), 0.012)
    canvas.land(canvas.ridge(horizon, 0.015, 1.2), sand, tuple(0.75 * c for c in sand))
    for x, y, radius in rng.random((int(rng.integers(5, 30)), 3)):
        radius = 0.004 + 0.014 * radius**2
        canvas.disc(x, y * horizon, radius, (190, 235, 240))
        canvas.disc(x, y * horizon, radius * 0.75, (110, 190, 215))
    return canvas.finish(0.06)


def lake(size, horizon, light, rng) -> Image.Image:
    shore, horizon = horizon, horizon - rng.uniform(0.2, 0.45) * horizon  # the water is farther than the grass
    canvas = open_sky(size, horizon, light, rng)
    hills = [canvas.ridge(horizon - 0.03 - d, 0.04, rng.uniform(0.6, 1.6)) for d in (0.08, 0.0)]
    green = _pick(rng, [(70, 120, 90), (90, 130, 80), (100, 110, 80)])
    for ridge, far in zip(hills, (0.5, 0.2)):
        canvas.land(np.minimum(ridge, horizon), green, far=far)
    _water(canvas, horizon, shore, _pick(rng, [(60, 120, 160), (80, 140, 165), (70, 125, 135)]), 10)
    for ridge, far in zip(hills, (0.55, 0.35)):  # mirrored in the water
        x = np.linspace(0, 1, len(ridge))
        below = np.stack([x, horizon + np.clip(0.6 * (horizon - ridge), 0, None)], axis=1)
        canvas.polygon([(0, horizon), *below, (1, horizon)], tuple(0.8 * c for c in green), far)
    _waves(canvas, horizon, shore, (190, 215, 225), int(rng.integers(20, 60)))
    grass = _pick(rng, GRASSES)
    line = shore - 0.03 + rng.uniform(-0.08, 0.08) * np.linspace(-1, 1, 48) + canvas.ridge(0, 0.015, 1.5)
    canvas.land(line, tuple(0.7 * c for c in grass))
    canvas.land(line + 0.012, grass, tuple(0.9 * c for c in grass))
    canvas.horizon = shore  # the grass, not the water, has tufts
    _tufts(canvas, tuple(0.75 * c for c in grass), int(rng.integers(10, 50)))
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
    green = _pick(rng, [(50, 130, 64), (36, 110, 70), (80, 140, 50)])
    for distance in (0.6, 0.35):
        for x in rng.uniform(0, 1, 4):
            canvas.box(x, 0, x + 0.04 * (1 - distance), horizon + 0.03, (90, 76, 56), distance)
        for x, y, turn in rng.random((16, 3)):
            _leaf(canvas, x, y * horizon * 0.9, 6.3 * turn, 0.28 * (1.2 - distance), green, distance)
    ground = _pick(rng, [(70, 110, 56), (92, 92, 58), (60, 100, 64)])
    canvas.land(canvas.ridge(horizon + 0.02, 0.015, 1.5), ground, tuple(0.8 * c for c in ground))
    for edge in (0.0, 1.0):
        for y in rng.uniform(0, 1, int(rng.integers(2, 6))):
            inward = (0 if edge == 0 else np.pi) + rng.uniform(-0.9, 0.9)
            _leaf(canvas, edge, y, inward, rng.uniform(0.12, 0.26), tuple(0.75 * c for c in green))
    for x in rng.uniform(0, 1, int(rng.integers(0, 4))):
        y = np.linspace(0, rng.uniform(0.2, 0.5), 8)
        canvas.line(np.stack([x + 0.01 * np.sin(9 * y + 9 * x), y], axis=1), (60, 90, 50), 0.006)
    return canvas.finish(0.1)
