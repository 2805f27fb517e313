"""How much room the pocket worlds leave: `python -m tests.measure_world` draws eight pictures of each of some prompts.

Tells the mean over pairs of pictures of one scene of their root mean square difference, in 0…255, for both worlds,
and how long a picture takes to draw.
"""

from __future__ import annotations

import time

import numpy as np

from helpers.pocket import scenes as first
from helpers.pocket.measures import mean_distance
from helpers.pocket.world import scenes as second

SCENES = [
    ("dog", "beach", "riding", "skateboard"),
    ("panda", "space", "riding", "rocket"),
    ("penguin", "snow", "beside", "apple"),
    ("fox", "forest", "riding", "horse"),
    ("cat", "red", "alone", None),
    ("robot", "city", "alone", None),
    ("castle", "mountains", "alone", None),
    ("duck", "sea", "beside", "sailboat"),
]


def main() -> None:
    print(f"{'scene':<32}{'first world':>12}{'second':>9}")
    totals = []
    for each in SCENES:
        row = []
        for world in (first, second):
            scene = world.Scene(*each)
            pictures = [world.draw(scene, 128, np.random.default_rng(seed)) for seed in range(8)]
            row.append(mean_distance(np.stack(pictures)))
        totals.append(row)
        print(f"{' '.join(filter(None, each)):<32}{row[0]:>12.1f}{row[1]:>9.1f}")
    print(f"{'mean':<32}{np.mean(totals, axis=0)[0]:>12.1f}{np.mean(totals, axis=0)[1]:>9.1f}")
    for size in (128, 256):
        rng = np.random.default_rng(0)
        chosen = [second.sample_scene(rng) for _ in range(200)]
        for scene in chosen:  # sprites and photographs are read once
            second.draw(scene, 64, rng)
        start = time.process_time()
        for scene in chosen:
            second.draw(scene, size, rng)
        print(f"a picture of {size} pixels a side: {1000 * (time.process_time() - start) / len(chosen):.1f} ms")


if __name__ == "__main__":
    main()
