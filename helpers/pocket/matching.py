"""Finds a thing's sprite in a picture by masked normalised cross-correlation, in every size, both ways round.

Only the sprite's opaque pixels count, with the mean of each colour channel subtracted, so that neither the backdrop
nor the light matters. A coarse search by Fourier transform finds candidates; a climb from each refines them.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
from PIL import Image

from helpers.pocket.templates import Template, coarse_template, fine_template, weigh
from helpers.pocket.world.things import sprite

SMALLEST, LARGEST, STEP = 0.165, 0.97, 1.06  # widths searched, in parts of the picture's, and from one to the next
COARSE = ((0.34, 128), (1.0, 64))  # things up to so wide are looked for in a picture of so many pixels
MARGIN = 0.04  # so far a thing may reach out of the picture
CANDIDATES = 5  # of the coarse search, looked at more closely
GROWTH = ((0.5, 0.5), (0, 0), (1, 0), (0, 1), (1, 1))  # how much of its growth a thing does to the left and the top


class Match(NamedTuple):
    """Where a thing's sprite fits best: correlation in -1…1; width and centre in parts of the picture's width."""

    correlation: float
    width: float
    x: float
    y: float
    flipped: bool


class _Surface:
    """A picture (h, w, 3), float32, to try templates on; what is `hidden`, bool (h, w), does not count."""

    def __init__(self, pixels: np.ndarray, hidden: np.ndarray | None):
        self.pixels, self.squares, self.hidden = pixels, (pixels**2).sum(axis=2), hidden

    def score(self, template: Template, left: int, top: int) -> float:
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
            alpha, centred, energy = weigh(colours, seen)[:3]
        part = self.pixels[there]
        sums = np.einsum("ijk,ij->k", part, alpha)
        spread = float(np.vdot(self.squares[there], alpha) - (sums**2).sum() / alpha.sum())
        # an even surface has no shape to compare
        least = float(alpha.sum())
        return float(np.einsum("ijk,ijk->", part, centred) / np.sqrt(max(spread, least) * max(energy, least)))


def _fast_length(least: int) -> int:
    """The next length whose Fourier transform is fast."""
    return min(n for a in (1, 3, 5, 9, 15) for k in range(12) if (n := a << k) >= least)


class _Spectrum:
    """A picture (h, w, 3) prepared to be searched for many templates; what is `hidden`, bool (h, w), does not count."""

    def __init__(self, pixels: np.ndarray, margin: int, hidden: np.ndarray | None):
        self.margin, self.masked = margin, hidden is not None
        around = ((margin, margin), (margin, margin))
        padded = np.pad(pixels - pixels.mean(), (*around, (0, 0)), mode="edge")
        self.room = padded.shape[:2]
        self.shape = tuple(map(_fast_length, self.room))
        planes = [*np.moveaxis(padded, 2, 0), (padded**2).sum(axis=2)]
        if hidden is not None:
            seen = np.pad(~hidden, around, constant_values=True)
            planes = [*(plane * seen for plane in planes), seen]
        self.planes = np.fft.rfft2(np.stack(planes).astype(np.float32), self.shape)

    def correlations(self, template: Template) -> np.ndarray | None:
        """The correlation at every place where the template is within the padded picture, or None if nowhere."""
        height, width = template.alpha.shape
        if height > self.room[0] or width > self.room[1]:
            return None
        total = template.alpha.sum()
        kernels = [*np.moveaxis(template.centred, 2, 0), template.alpha]
        if self.masked:
            kernels.append((template.centred**2).sum(axis=2) / np.maximum(template.alpha, 1e-3))
        spectra = np.conj(np.fft.rfft2(np.stack(kernels), self.shape))
        products = [(self.planes[:3] * spectra[:3]).sum(axis=0)[None], self.planes * spectra[3]]
        if self.masked:
            products += [self.planes[4] * spectra[:3], self.planes[4:] * spectra[4]]
        found = np.fft.irfft2(np.concatenate(products), self.shape)
        found = found[:, : self.room[0] - height + 1, : self.room[1] - width + 1]
        product, sums, squares = found[0], found[1:4], found[4]
        if not self.masked:
            energy = squares - (sums**2).sum(axis=0) / total
            return product / np.sqrt(np.maximum(energy, total) * max(template.energy, total))
        seen, own_sums, own_squares = np.maximum(found[5], 1e-3 * total), found[6:9], found[9]
        energy = squares - (sums**2).sum(axis=0) / seen
        own = own_squares - (own_sums**2).sum(axis=0) / seen
        product = product - (sums * own_sums).sum(axis=0) / seen
        scores = product / np.sqrt(np.maximum(energy, seen) * np.maximum(own, seen))
        return np.where(seen > total / 2, scores, -1)


def _shrink(picture: np.ndarray, factor: float, hidden: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    """The picture float32 and what is hidden of it, `factor` times as large."""
    if factor >= 1:
        return picture.astype(np.float32), hidden
    size = (max(1, round(picture.shape[1] * factor)), max(1, round(picture.shape[0] * factor)))
    small = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX), np.float32)
    if hidden is not None:
        hidden = np.asarray(Image.fromarray(hidden.astype(np.uint8) * 255).resize(size, Image.Resampling.BOX)) > 64
    return small, hidden


def _coarse(
    picture: np.ndarray, whole: int, thing: str, paint: str, smallest: float, hidden: np.ndarray | None
) -> list[Match]:
    """The best places of the coarse search, best first, in pixels of the picture uint8 (h, w, 3).

    `whole` is how many pixels a width of 1 is.
    """
    found, above = [], 0.0
    widths = smallest * STEP ** np.arange(int(np.log(LARGEST / smallest) / np.log(STEP)) + 1)
    for until, pixels in COARSE:
        factor = min(1.0, pixels / whole)
        small, unseen = _shrink(picture, factor, hidden)
        spectrum = _Spectrum(small, round(MARGIN * pixels), unseen)
        for width in widths[(widths > above) & (widths <= until)]:
            side = round(width * whole * factor)
            for flipped in (False, True):
                template = coarse_template(thing, paint, flipped, side)
                scores = spectrum.correlations(template)
                if scores is None:
                    continue
                row, column = np.unravel_index(scores.argmax(), scores.shape)
                x = column - spectrum.margin - template.left + side / 2
                y = row - spectrum.margin - template.top + side / 2
                found.append(Match(float(scores[row, column]), side / factor, x / factor, y / factor, flipped))
        above = until
    chosen: list[Match] = []
    for each in sorted(found, reverse=True):  # the best of each neighbourhood
        if not any(_near(each, other) for other in chosen):
            chosen.append(each)
    return chosen[:CANDIDATES]


def _near(one: Match, other: Match) -> bool:
    """Whether a climb from either would lead to the same place."""
    apart = abs(one.x - other.x) + abs(one.y - other.y)
    larger, smaller = max(one.width, other.width), min(one.width, other.width)
    return one.flipped == other.flipped and apart < 0.15 * larger and larger < 1.09 * smaller


def _climb(surface: _Surface, thing: str, paint: str, start: Match, least: int) -> Match:
    """From a match in the surface's pixels to the best size and place nearby, in steps of two pixels or one.

    No width is less than `least` pixels.
    """

    @functools.cache
    def score(side: int, left: int, top: int) -> float:
        return surface.score(fine_template(thing, paint, start.flipped, side), left, top) if side >= least else -1.0

    best = tuple(round(value) for value in (start.width, start.x - start.width / 2, start.y - start.width / 2))
    step = 2
    while step:
        # larger or smaller to any side, or moved
        moves = [(0, step, 0), (0, -step, 0), (0, 0, step), (0, 0, -step)]
        for grow in (step, -step):
            moves += [(grow, -round(grow * x), -round(grow * y)) for x, y in GROWTH]
        around = [tuple(b + d for b, d in zip(best, move)) for move in moves]
        better = max(around, key=lambda each: score(*each))
        if score(*better) > score(*best):
            best, step = better, 2
        else:
            step -= 1
    side, left, top = best
    return Match(score(*best), float(side), left + side / 2, top + side / 2, start.flipped)


def _scaled(match: Match, factor: float) -> Match:
    return match._replace(width=match.width * factor, x=match.x * factor, y=match.y * factor)


def find(
    picture: np.ndarray,
    thing: str,
    paint: str = "",
    within: tuple[int, int, int, int] | None = None,
    hidden: np.ndarray | None = None,
    smallest: float = SMALLEST,
) -> Match:
    """Where a square picture uint8 (S, S, 3) is most like the thing's sprite in the colour `paint`.

    `smallest` is the least width, in parts of the picture's: a sprite of some twenty pixels is like any blot somewhere.
    `within` is a region (left, top, right, bottom) in pixels, e.g. a hole that was filled: only what is in it counts.
    `hidden`, bool (S, S), is where something else is in front.
    """
    whole = picture.shape[1]
    left, top, right, bottom = within or (0, 0, whole, len(picture))
    part = np.ascontiguousarray(picture[top:bottom, left:right])
    hidden = None if hidden is None else hidden[top:bottom, left:right]
    candidates = _coarse(part, whole, thing, paint, smallest, hidden)
    if not candidates:
        return Match(0.0, 0.0, 0.0, 0.0, False)
    factor = min(1.0, 128 / whole)  # climbs begin in a smaller picture
    surface = _Surface(*_shrink(part, factor, hidden))
    least = int(smallest * whole * factor)
    climbed = sorted((_climb(surface, thing, paint, _scaled(each, factor), least) for each in candidates), reverse=True)
    if factor < 1:
        surface, least = _Surface(*_shrink(part, 1, hidden)), int(smallest * whole)
        climbed = [_climb(surface, thing, paint, _scaled(each, 1 / factor), least) for each in climbed[:2]]
    best = _scaled(max(climbed), 1 / whole)
    return best._replace(x=best.x + left / whole, y=best.y + top / whole)


def covered(match: Match, thing: str, size: int) -> np.ndarray:
    """What of a picture of `size` × `size` pixels a thing that was found covers, bool (size, size)."""
    side = round(match.width * size)
    alpha = sprite(thing).getchannel("A").resize((side, side), Image.Resampling.BOX)
    if match.flipped:
        alpha = alpha.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    whole = Image.new("L", (size, size))
    whole.paste(alpha, (round(match.x * size - side / 2), round(match.y * size - side / 2)))
    return np.asarray(whole) > 24
