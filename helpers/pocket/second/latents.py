"""What the UNet learns on: the latents of many scenes and of the same scenes with a hole, made once and kept."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from helpers.models.pocket.inpainting import BASE, CHANNELS, SIZE
from helpers.pocket.data import to_float
from helpers.pocket.objectives import Autoencoder, unit_variance
from helpers.pocket.second.data import draw_parts, draw_scenes
from helpers.pocket.second.holes import blanked, hole_cells
from helpers.pocket.world.scenes import Scene


class Latents(NamedTuple):
    """N scenes: their latents' mean and deviation, float16 (N, 16, 16, 8), the cells of holes and of things, bool
    (N, 16, 16), and `around`.

    around: float16, the mean of the latent of the picture with its hole grey; grey: (16, 16, 8), of a hole that is all.
    """

    scenes: list[Scene]
    mean: np.ndarray
    deviation: np.ndarray
    holes: np.ndarray
    things: np.ndarray
    around: np.ndarray
    grey: np.ndarray


def normalise(model: Autoencoder) -> None:
    """Make the channels that the first edition has not half as wide as those that it has: so noise hides them sooner,
    and a model tells them when the others are decided."""
    _, pictures = draw_scenes(512, seed=3)
    mean = encoded(model.moments, pictures)[..., :CHANNELS]
    spread = np.concatenate([np.ones(BASE), 2 * mean[..., BASE:].std(axis=(0, 1, 2))])
    unit_variance(model, np.concatenate([np.zeros(BASE), mean[..., BASE:].mean(axis=(0, 1, 2))]), spread)


def encoded(moments: keras.Model, pictures: np.ndarray, masks: np.ndarray | None = None) -> np.ndarray:
    """Mean and log variance of pictures uint8 (N, H, W, 3), with their holes grey if given: (N, H/16, W/16, 16)."""
    told = []
    for first in range(0, len(pictures), 32):
        part = to_float(pictures[first : first + 32])
        part = part if masks is None else blanked(part, masks[first : first + 32])
        told.append(ops.convert_to_numpy(ops.cast(moments(part), "float32")))
    return np.concatenate(told)


def make_latents(moments: keras.Model, count: int, seed: int) -> Latents:
    """The latents of `count` training scenes, drawn here."""
    scenes, arrays = [], []
    for drawn in draw_parts(count, seed):
        mean, log_variance = np.split(encoded(moments, drawn.pictures), 2, axis=-1)
        around = encoded(moments, drawn.pictures, drawn.masks)[..., :CHANNELS]
        deviation = np.exp(np.clip(log_variance, -12, 4) / 2)
        scenes += drawn.scenes
        floats = (each.astype(np.float16) for each in (mean, deviation, around))
        arrays.append((*floats, hole_cells(drawn.masks), drawn.things))
    mean, deviation, around, holes, things = (np.concatenate(each) for each in zip(*arrays))
    return Latents(scenes, mean, deviation, holes, things, around, grey(moments).astype(np.float16))


def grey(moments: keras.Model) -> np.ndarray:
    """The latent of a picture of which nothing is seen, float32 (16, 16, 8)."""
    return encoded(moments, np.zeros((1, SIZE, SIZE, 3), np.uint8), np.zeros((1, SIZE, SIZE)))[0, ..., :CHANNELS]


def save(latents: Latents, path: Path) -> None:
    scenes = json.dumps([dataclasses.asdict(scene) for scene in latents.scenes])
    partial = path.with_suffix(".partial.npz")
    np.savez(partial, scenes=np.array(scenes), **{k: v for k, v in latents._asdict().items() if k != "scenes"})
    partial.replace(path)


def load(path: Path) -> Latents:
    """Raises FileNotFoundError where the stage `latents` has not been run."""
    if not path.exists():
        raise FileNotFoundError(f"No latents in {path}: run the stage `latents` first.")
    with np.load(path) as kept:
        scenes = [Scene(**each) for each in json.loads(str(kept["scenes"]))]
        return Latents(scenes, **{name: kept[name] for name in Latents._fields[1:]})
