"""Judges pictures of the pocket world strictly: is each thing there, whole, in its own shape and colours?

A thing is looked for by its sprite (`find`); the judge needs no network and has learned nothing, so a picture that
pleases it has the thing in it.
"""

from __future__ import annotations

import numpy as np

from helpers.pocket.matching import covered, find
from helpers.pocket.world.scenes import Scene
from helpers.pocket.world.things import PAINTS

SIZES = {"small": (0, 0.36), "large": (0.62, 1)}  # widths that pass for it; the world's are 0.18–0.3 and 0.75–0.95


def judge(pictures: np.ndarray, scenes: list[Scene]) -> list[list[float]]:
    """For each of the pictures uint8 (N, S, S, 3) the best correlation, in -1…1, of each thing of its scene.

    Of a vehicle counts what its rider does not hide.
    """
    return [_judge_one(picture, scene) for picture, scene in zip(pictures, scenes, strict=True)]


def _judge_one(picture: np.ndarray, scene: Scene) -> list[float]:
    matches = [find(picture, thing, scene.paint(thing)) for thing in scene.things[:1]]
    if scene.partner:
        hidden = covered(matches[0], scene.things[0], len(picture)) if scene.relation == "riding" else None
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


def sizes_obeyed(pictures: np.ndarray, scenes: list[Scene]) -> float:
    """The share of the pictures uint8 (N, S, S, 3) in which the thing is small, or large, as its scene says."""
    right = []
    for picture, scene in zip(pictures, scenes, strict=True):
        least, most = SIZES[scene.size]
        right.append(least <= find(picture, scene.things[0], scene.paint(scene.things[0])).width <= most)
    return float(np.mean(right))


def colours_obeyed(pictures: np.ndarray, scenes: list[Scene]) -> float:
    """The share of the pictures uint8 (N, S, S, 3) in which the thing is more like itself in the colour that its scene
    says than in any other."""
    right = []
    for picture, scene in zip(pictures, scenes, strict=True):
        likeness = {paint: find(picture, scene.things[0], paint).correlation for paint in PAINTS}
        right.append(max(likeness, key=lambda paint: likeness[paint]) == scene.colour)
    return float(np.mean(right))
