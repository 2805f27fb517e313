"""Keras on JAX draws and repaints what it does on TensorFlow."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers import make_mask

pytest.importorskip("jax")
ROOT = Path(__file__).resolve().parents[2]
PROMPT, OTHER = "a cat in space", "a dog in space"
DRAWING = f"""
import sys
import keras
import numpy as np
from helpers import StableDiffusion, make_mask

assert keras.backend.backend() == "jax"
model = StableDiffusion("pocket", precision="float32")
assert model.settings["engine"] == "xla"
drawn = model.text_to_image({PROMPT!r}, seed=1, num_steps=6, verbose=False)
mask = make_mask(drawn[0].shape, 32, 96, 32, 96)
repainted = model.inpaint({OTHER!r}, drawn[0], mask, seed=1, num_steps=6, verbose=False)
np.savez(sys.argv[1], drawn=drawn, repainted=repainted)
"""


def test_the_same_pictures(pocket, tmp_path):
    environment = os.environ | {"KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", DRAWING, tmp_path / "jax.npz"], env=environment, check=True)
    by_jax = np.load(tmp_path / "jax.npz")
    drawn = pocket.text_to_image(PROMPT, seed=1, num_steps=6, verbose=False)
    mask = make_mask(drawn[0].shape, 32, 96, 32, 96)
    repainted = pocket.inpaint(OTHER, drawn[0], mask, seed=1, num_steps=6, verbose=False)
    for name, expected in (("drawn", drawn), ("repainted", repainted)):
        difference = np.abs(by_jax[name].astype(int) - expected)
        assert difference.max() <= 2 and difference.mean() < 0.05, name
