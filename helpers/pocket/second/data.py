"""Pictures of the second pocket world, drawn by all cores."""

from __future__ import annotations

import multiprocessing
import os

import numpy as np
from tqdm.auto import tqdm

from helpers.pocket.second.networks import SIZE
from helpers.pocket.world.scenes import Scene, draw, sample_scene, sample_training_scene

AT_ONCE = 32  # scenes of one generator, so that who draws them does not matter


def _some(seeds: tuple[int, int]) -> tuple[list[Scene], np.ndarray]:
    rng = np.random.default_rng(seeds)
    described = [sample_training_scene(rng) for _ in range(AT_ONCE)]
    return described, np.stack([draw(scene, SIZE, rng) for scene in described])


def draw_scenes(count: int, seed: int) -> tuple[list[Scene], np.ndarray]:
    """`count` training scenes and their pictures, uint8 (count, SIZE, SIZE, 3); the same for the same seed."""
    parts = -(-count // AT_ONCE)
    described, pictures = [], np.empty((parts * AT_ONCE, SIZE, SIZE, 3), np.uint8)
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        drawn = pool.imap(_some, [(seed, part) for part in range(parts)])
        for part, (some, them) in enumerate(tqdm(drawn, "drawing scenes", parts, mininterval=10)):
            described += some
            pictures[part * AT_ONCE : (part + 1) * AT_ONCE] = them
    return described[:count], pictures[:count]


def held_out_scenes(count: int, seed: int) -> list[Scene]:
    """The first `count` held-out scenes of the seed."""
    rng = np.random.default_rng(seed)
    found = []
    while len(found) < count:
        if (scene := sample_scene(rng)).held_out:
            found.append(scene)
    return found
