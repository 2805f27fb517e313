"""Values and gradients against finite differences, on each backend that is installed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMPARED = """
import keras, numpy as np
from keras import ops
from helpers.teach.gradients import value_and_gradients

keras.utils.set_random_seed(0)
layer = keras.layers.Dense(3)
layer.build((None, 4))
layer.enable_lora(2)
layer.lora_kernel_b.assign(np.full((2, 3), 0.3, np.float32))
learned, x = [layer.lora_kernel_a, layer.lora_kernel_b], np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4)
compute = value_and_gradients(lambda x: ops.sum(ops.tanh(layer(x)) ** 2), learned, [layer._kernel, layer.bias])
value, gradients = compute(x)
for variable, gradient in zip(learned, gradients):
    own = ops.convert_to_numpy(variable)
    for place in np.ndindex(own.shape):
        moved = []
        for way in (0.01, -0.01):
            other = own.copy()
            other[place] += way
            variable.assign(other)  # seen without being traced anew
            moved.append(compute(x)[0])
        variable.assign(own)
        assert abs((moved[0] - moved[1]) / 0.02 - gradient[place]) < 2e-3, (place, moved, gradient[place])
assert compute(x)[0] == value
"""


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_gradients_are_finite_differences(backend):
    pytest.importorskip(backend)
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run([sys.executable, "-c", COMPARED], cwd=ROOT, env=environment, check=True)
