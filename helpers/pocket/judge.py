"""Judges pictures of the pocket world strictly: is each thing there, whole, in its own shape and colours?

A thing is looked for by its sprite, in every size, both ways round and everywhere; the judge needs no network and
has learned nothing, so a picture that pleases it has the thing in it.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
from PIL import Image

from helpers.pocket.world.scenes import Scene
from helpers.pocket.world.things import sprite

SMALLEST, LARGEST, STEP = 0.165, 0.97, 1.06  # widths searched, in parts of the picture's, and from one to the next
COARSE = ((0.34, 128), (1.0, 64))  # things up to so wide are looked for in a picture of so many pixels
MARGIN = 0.04  # so far a thing may reach out of the picture
CANDIDATES = 4  # of the coarse search, looked at in the picture's own size


class Match(NamedTuple):
    """Where a thing's sprite fits best: correlation in -1…1; width and centre in parts of the picture's width."""

    correlation: float
    width: float
    x: float
    y: float
    flipped: bool


class _Template(NamedTuple):
    """A sprite of some size without its empty edges: its left and top in the whole, and what correlations need."""

    alpha: np.ndarray  # (h, w) in 0…1
    centred: np.ndarray  # (h, w, 3): alpha times the colours less their mean
    energy: float
    left: int
    top: int


def _cut(thing: str, paint: str, flipped: bool, side: int, gap: float | None = None) -> _Template:
    """The template of the sprite `side` pixels wide."""
    picture = sprite(thing, paint).resize((side, side), Image.Resampling.LANCZOS, reducing_gap=gap)
    if flipped:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    left, top, right, bottom = picture.getchannel("A").point(lambda level: 255 * (level > 8)).getbbox()
    pixels = np.asarray(picture, np.float32)[top:bottom, left:right]
    return _weigh(pixels[..., :3], pixels[..., 3] / 255, left, top)


def _weigh(colours: np.ndarray, alpha: np.ndarray, left: int = 0, top: int = 0) -> _Template:
    weight = alpha[..., None]
    away = colours - (weight * colours).sum(axis=(0, 1)) / alpha.sum()
    return _Template(alpha, weight * away, float((weight * away * away).sum()), left, top)


# the fine ones are many and large, the coarse ones few and small
_fine_template = functools.lru_cache(maxsize=256)(_cut)
_coarse_template = functools.lru_cache(maxsize=8192)(functools.partial(_cut, gap=2.0))


class _Surface:
    """A picture (h, w, 3), float32, to try templates on; what is `hidden`, bool (h, w), does not count."""

    def __init__(self, pixels: np.ndarray, hidden: np.ndarray | None):
        self.pixels, self.squares, self.hidden = pixels, (pixels**2).sum(axis=2), hidden

    def score(self, template: _Template, left: int, top: int) -> float:
        """The correlation with the template at a place; -1 where more than a sixth is outside or half is hidden."""
        alpha, centred, energy = template[:3]
        left, top = left + template.left, top + template.top
        height, width = alpha.shape
        rows = slice(max(0, -top), min(height, len(self.pixels) - top))
        columns = slice(max(0, -left), min(width, self.pixels.shape[1] - left))
        if rows.stop <= rows.start or columns.stop <= columns.start:
            return -1.0
        there = (slice(top + rows.start, top + rows.stop), slice(left + columns.start, left + columns.stop))
        whole = rows.stop - rows.start == height and columns.stop - columns.start == width
        if not whole or self.hidden is not None:  # as if the sprite were what is seen of it
            seen, total = alpha[rows, columns], alpha.sum()
            if seen.sum() < total * 5 / 6:
                return -1.0
            colours = centred[rows, columns] / np.maximum(seen, 1e-3)[..., None]
            if self.hidden is not None:
                seen = seen * ~self.hidden[there]
            if seen.sum() < total / 2:
                return -1.0
            alpha, centred, energy = _weigh(colours, seen)[:3]
        part = self.pixels[there]
        sums = np.einsum("ijk,ij->k", part, alpha)
        spread = float(np.vdot(self.squares[there], alpha) - (sums**2).sum() / alpha.sum())
        # an even surface has no shape to compare
        least = float(alpha.sum())
        return float(np.einsum("ijk,ijk->", part, centred)) / np.sqrt(max(spread, least) * max(energy, least))


def _fast_length(least: int) -> int:
    """The next length whose Fourier transform is fast."""
    return min(n for a in (1, 3, 5, 9, 15) for k in range(12) if (n := a << k) >= least)


class _Spectrum:
    """A picture (h, w, 3) prepared to be searched for many templates."""

    def __init__(self, pixels: np.ndarray, margin: int):
        self.margin = margin
        padded = np.pad(pixels - pixels.mean(), ((margin, margin), (margin, margin), (0, 0)), mode="edge")
        self.room = padded.shape[:2]
        self.shape = tuple(map(_fast_length, self.room))
        planes = np.stack([*np.moveaxis(padded, 2, 0), (padded**2).sum(axis=2)]).astype(np.float32)
        self.planes = np.fft.rfft2(planes, self.shape)

    def correlations(self, template: _Template) -> np.ndarray | None:
        """The correlation at every place where the template is within the padded picture, or None if nowhere."""
        height, width = template.alpha.shape
        if height > self.room[0] or width > self.room[1]:
            return None
        total = template.alpha.sum()
        kernels = np.stack([*np.moveaxis(template.centred, 2, 0), template.alpha])
        spectra = np.conj(np.fft.rfft2(kernels, self.shape))
        products = np.concatenate([(self.planes[:3] * spectra[:3]).sum(axis=0)[None], self.planes * spectra[3]])
        found = np.fft.irfft2(products, self.shape)[:, : self.room[0] - height + 1, : self.room[1] - width + 1]
        energy = found[4] - (found[1:4] ** 2).sum(axis=0) / total
        return found[0] / np.sqrt(np.maximum(energy, total) * max(template.energy, total))


def _widths() -> list[float]:
    return list(SMALLEST * STEP ** np.arange(np.floor(np.log(LARGEST / SMALLEST) / np.log(STEP)) + 1))


def _coarse(picture: np.ndarray, whole: int, thing: str, paint: str) -> list[tuple[float, float, float, float, bool]]:
    """Candidates (correlation, width, centre x and y, flipped), best first, in pixels of the picture (h, w, 3).

    `whole` is how many pixels a width of 1 is.
    """
    found, above = [], 0.0
    for until, pixels in COARSE:
        factor = min(1.0, pixels / whole)
        size = (max(1, round(picture.shape[1] * factor)), max(1, round(picture.shape[0] * factor)))
        small = Image.fromarray(picture.astype(np.uint8)).resize(size, Image.Resampling.BOX)
        spectrum = _Spectrum(np.asarray(small, np.float32), round(MARGIN * pixels))
        for width in [width for width in _widths() if above < width <= until]:
            side = round(width * whole * factor)
            for flipped in (False, True):
                template = _coarse_template(thing, paint, flipped, side)
                scores = spectrum.correlations(template)
                if scores is None:
                    continue
                row, column = np.unravel_index(scores.argmax(), scores.shape)
                x = column - spectrum.margin - template.left + side / 2
                y = row - spectrum.margin - template.top + side / 2
                found.append((float(scores[row, column]), side / factor, x / factor, y / factor, flipped))
        above = until
    chosen: list = []  # the best of each neighbourhood
    for each in sorted(found, reverse=True):
        near = lambda other: abs(each[2] - other[2]) + abs(each[3] - other[3]) < 0.08 * whole  # noqa: E731
        if not any(near(other) and each[4] == other[4] for other in chosen):
            chosen.append(each)
    return chosen


def _climb(surface: _Surface, thing: str, paint: str, start: tuple, step: int) -> Match:
    """From a candidate to the best size and place nearby, in whole pixels."""
    _, side, x, y, flipped = start

    @functools.cache
    def score(side: int, x: int, y: int) -> float:  # x and y of the centre, in half pixels
        if side < 8:
            return -1.0
        return surface.score(_fine_template(thing, paint, flipped, side), (x - side) // 2, (y - side) // 2)

    best = (round(side), round(2 * x), round(2 * y))
    while step:
        around = [tuple(b + step * d for b, d in zip(best, move)) for move in MOVES]
        better = max(around, key=lambda each: score(*each))
        if score(*better) > score(*best):
            best = better
        else:
            step //= 2
    return Match(score(*best), float(best[0]), best[1] / 2, best[2] / 2, flipped)


MOVES = ((1, 0, 0), (-1, 0, 0), (0, 2, 0), (0, -2, 0), (0, 0, 2), (0, 0, -2), (0, 1, 0), (0, 0, 1))


def find(
    picture: np.ndarray,
    thing: str,
    paint: str = "",
    within: tuple[int, int, int, int] | None = None,
    hidden: np.ndarray | None = None,
) -> Match:
    """Where a square picture uint8 (S, S, 3) is most like the thing's sprite in the colour `paint`.

    `within` is a region (left, top, right, bottom) in pixels, e.g. a hole that was filled: only what is in it counts.
    `hidden`, bool (S, S), is where something else is in front.
    """
    whole = picture.shape[1]
    left, top, right, bottom = within or (0, 0, whole, len(picture))
    part = picture[top:bottom, left:right].astype(np.float32)
    candidates = _coarse(part, whole, thing, paint)[:CANDIDATES]
    if not candidates:
        return Match(0.0, 0.0, 0.0, 0.0, False)
    surface = _Surface(part, None if hidden is None else hidden[top:bottom, left:right])
    step = max(1, whole // 64)
    best = max((_climb(surface, thing, paint, each, step) for each in candidates), key=lambda match: match.correlation)
    x, y = (best.x + left) / whole, (best.y + top) / whole
    return best._replace(width=best.width / whole, x=x, y=y)


def covered(match: Match, thing: str, size: int) -> np.ndarray:
    """What of a picture of `size` × `size` pixels a thing that was found covers, bool (size, size)."""
    side = round(match.width * size)
    alpha = sprite(thing).getchannel("A").resize((side, side), Image.Resampling.BOX)
    if match.flipped:
        alpha = alpha.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    whole = Image.new("L", (size, size))
    whole.paste(alpha, (round(match.x * size - side / 2), round(match.y * size - side / 2)))
    return np.asarray(whole) > 24


def judge(pictures: np.ndarray, scenes: list[Scene]) -> list[list[float]]:
    """For each of the pictures uint8 (N, S, S, 3) the best correlation, in -1…1, of each thing of its scene.

    Of a vehicle counts what its rider does not hide.
    """
    return [_judge_one(picture, scene) for picture, scene in zip(pictures, scenes, strict=True)]


def _judge_one(picture: np.ndarray, scene: Scene) -> list[float]:
    matches = [find(picture, thing, scene.paint(thing)) for thing in scene.things[:1]]
    if scene.partner:
        hidden = covered(matches[0], scene.thing, len(picture)) if scene.relation == "riding" else None
        matches.append(find(picture, scene.partner, scene.paint(scene.partner), hidden=hidden))
    return [match.correlation for match in matches]


def summary(correlations: list[list[float]]) -> dict[str, float]:
    """Of what `judge` returns: shares of things, and of pictures with all their things, over 0.8; and quantiles.

    Pictures of empty scenes do not count. Raises ValueError if no picture has a thing.
    """
    pictures = [each for each in correlations if each]
    if not pictures:
        raise ValueError("No picture has a thing to judge.")
    things = np.concatenate(pictures)
    return {
        "things over 0.8": float((things > 0.8).mean()),
        "pictures over 0.8": float(np.mean([min(each) > 0.8 for each in pictures])),
        "median": float(np.median(things)),
        "tenth percentile": float(np.quantile(things, 0.1)),
    }


def sharpness(pictures: np.ndarray) -> float:
    """The mean absolute Laplacian of the luminance of pictures uint8 (N, S, S, 3), in 0…255 levels."""
    light = pictures.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    inner = light[:, 1:-1, 1:-1]
    around = light[:, :-2, 1:-1] + light[:, 2:, 1:-1] + light[:, 1:-1, :-2] + light[:, 1:-1, 2:]
    return float(np.abs(around - 4 * inner).mean())


