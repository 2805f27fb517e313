"""With this folder in PYTHONPATH, Python has a stand-in for `StableDiffusion` that is quick and notes what it draws."""

import os
import sys
import time
import types

import numpy as np


class StableDiffusion:
    """A seed's picture in a moment. DRAWN names a file in which each seed begun is a line."""

    img_height = img_width = 64
    settings = {"model": "pocket"}

    def __init__(self, model="pocket"):
        from helpers.models.checkpoints import CHECKPOINTS

        self.checkpoint = CHECKPOINTS[model]

    def text_to_image(self, prompt, *, seed, verbose, **options):
        with open(os.environ["DRAWN"], "a") as file:
            file.write(f"{seed}\n")
        time.sleep(float(os.environ.get("SECONDS", "0.02")))
        if prompt == "nothing":
            raise RuntimeError("Nothing cannot be drawn.")
        return np.random.default_rng(seed).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)


sys.modules["helpers.stable_diffusion"] = types.ModuleType("helpers.stable_diffusion")
sys.modules["helpers.stable_diffusion"].StableDiffusion = StableDiffusion
