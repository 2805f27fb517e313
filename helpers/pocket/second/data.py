"""Pictures of the second pocket world, drawn by all cores, with a hole in each."""

from __future__ import annotations

import copy
import multiprocessing
import os
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from tqdm.auto import tqdm

from helpers.models.pocket.inpainting import SIZE
from helpers.pocket.second.holes import sample_hole
from helpers.pocket.world.placing import cells_of
from helpers.pocket.world.scenes import Scene, draw, placements, sample_scene, sample_training_scene

AT_ONCE = 32  # scenes of one generator, so that who draws them does not matter


class Drawn(NamedTuple):
    """Scenes, their pictures uint8 (N, SIZE, SIZE, 3), a mask for each, uint8 (N, SIZE, SIZE), 1 keeps, and where in
    the latents' cells the things are, bool (N, SIZE/16, SIZE/16)."""

    scenes: list[Scene]
    pictures: np.ndarray
    masks: np.ndarray
    things: np.ndarray


def _some(seeds: tuple[int, int]) -> Drawn:
    rng = np.random.default_rng(seeds)
    scenes = [sample_training_scene(rng) for _ in range(AT_ONCE)]
    pictures, masks, things = [], [], []
    for scene in scenes:
        placed = placements(scene, copy.deepcopy(rng))
        pictures.append(draw(scene, SIZE, rng))
        masks.append(sample_hole(placed, rng))
        things.append(cells_of(placed))
    return Drawn(scenes, np.stack(pictures), np.stack(masks), np.stack(things))


def draw_parts(count: int, seed: int) -> Iterator[Drawn]:
    """At least `count` training scenes, `AT_ONCE` in a part; the same for the same seed."""
    parts = -(-count // AT_ONCE)
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        drawn = pool.imap(_some, [(seed, part) for part in range(parts)])
        yield from tqdm(drawn, "drawing scenes", parts, mininterval=10)


def draw_scenes(count: int, seed: int) -> tuple[list[Scene], np.ndarray]:
    """`count` training scenes and their pictures, uint8 (count, SIZE, SIZE, 3); the same for the same seed."""
    parts = [(drawn.scenes, drawn.pictures) for drawn in draw_parts(count, seed)]
    scenes = [scene for some, _ in parts for scene in some]
    return scenes[:count], np.concatenate([pictures for _, pictures in parts])[:count]


def held_out_scenes(count: int, seed: int) -> list[Scene]:
    """The first `count` held-out scenes of the seed."""
    rng = np.random.default_rng(seed)
    found: list[Scene] = []
    while len(found) < count:
        if (scene := sample_scene(rng)).held_out:
            found.append(scene)
    return found


def drawn_scenes(count: int) -> list[Scene]:
    """Held-out scenes in drawn places, to judge by: nobody asks for a photograph that is not there."""
    return [scene for scene in held_out_scenes(4 * count + 8, seed=0) if scene.setting != "photo"][:count]
