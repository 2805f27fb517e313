"""Pictures of the pocket world to train on and to measure with."""

from __future__ import annotations

import numpy as np
from keras import ops
from tqdm.auto import tqdm

from helpers.pocket import scenes
from helpers.pocket.objectives import SIZE


def draw_scenes(count: int, seed: int) -> tuple[list[scenes.Scene], np.ndarray]:
    """`count` training scenes and their pictures, uint8 (count, SIZE, SIZE, 3)."""
    rng = np.random.default_rng(seed)
    described, pictures = [], np.empty((count, SIZE, SIZE, 3), np.uint8)
    for number in tqdm(range(count), desc="drawing scenes", mininterval=10):
        described.append(scenes.sample_training_scene(rng))
        pictures[number] = scenes.draw(described[-1], SIZE, rng)
    return described, pictures


def draw_each(described: list[scenes.Scene], rng: np.random.Generator) -> np.ndarray:
    """A picture of each scene, uint8 (N, SIZE, SIZE, 3)."""
    return np.stack([scenes.draw(scene, SIZE, rng) for scene in described])


def held_out_scenes(count: int, seed: int) -> list[scenes.Scene]:
    """The first `count` held-out scenes of the seed."""
    rng = np.random.default_rng(seed)
    found: list[scenes.Scene] = []
    while len(found) < count:
        if (scene := scenes.sample_scene(rng)).held_out:
            found.append(scene)
    return found


def to_float(pictures: np.ndarray) -> np.ndarray:
    """uint8 → float32 in [-1, 1]."""
    return pictures.astype(np.float32) / 127.5 - 1


def to_uint8(pictures) -> np.ndarray:
    """A tensor in about [-1, 1] → uint8."""
    pictures = ops.convert_to_numpy(ops.cast(pictures, "float32"))
    return np.clip(np.round((pictures + 1) * 127.5), 0, 255).astype(np.uint8)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Mean over the pictures uint8 (N, H, W, 3) of the peak signal-to-noise ratio, in dB."""
    error = np.mean((a.astype(np.float32) - b) ** 2, axis=(1, 2, 3))
    return float(np.mean(10 * np.log10(255**2 / error)))
