"""Pages whose model paints each picture in a colour that its prompt says, slowly: `python -m tests.app.stand_in`."""

import argparse
import contextlib
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from helpers.diffusion.samplers import Step
from helpers.models.checkpoint import Defaults

ROOT = Path(__file__).resolve().parents[2]
STEP = 0.1  # seconds
COLOURS = {"red": (200, 0, 0), "blue": (0, 0, 200)}


class SlowPainter:
    settings = {"model": "painter"}
    checkpoint = SimpleNamespace(
        drawing=Defaults("dpm_solver", 12), repainting=Defaults("dpm_solver", 12), inpaints=False, factor=8
    )
    img_width = img_height = 64

    def encode_text(self, prompt):
        if not prompt.strip():
            raise ValueError("The prompt must say what to draw; it is empty.")
        return np.frombuffer(prompt.encode(), np.uint8)

    def denoise(self, context, recipe):
        colour = COLOURS.get(context.tobytes().decode().split()[-1], (0, 200, 0))
        latent = np.array(colour, np.float32) + np.zeros((recipe.batch_size, 8, 8, 1), np.float32)
        for number in range(recipe.total_steps):
            time.sleep(STEP)
            yield Step(latent, latent, number)

    def denoise_hole(self, context, image, mask, recipe):
        return self.denoise(context, recipe)

    def decode(self, latent):
        return np.repeat(np.repeat(latent, 8, axis=1), 8, axis=2).astype(np.uint8)

    preview = decode


@contextlib.contextmanager
def pages(*options: str):
    """The address that the server of these pages prints, while it runs."""
    command = [sys.executable, "-u", "-m", "tests.app.stand_in", *options]
    environment = os.environ | {"JUPYTER_PREFER_ENV_PATH": "1", "JUPYTER_PATH": ""}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        try:
            for line in server.stdout:
                if address := re.search(r"http://\S+", line):
                    yield address[0]
                    break
        finally:
            server.terminate()


if __name__ == "__main__":
    from helpers.app.server import run

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--port", type=int)
    run(SlowPainter(), **vars(parser.parse_args()))
