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
from helpers.teach.gradients import Vector, value_and_gradient

keras.utils.set_random_seed(0)
layer = keras.layers.Dense(3)
layer.build((None, 4))
layer.enable_lora(2)
layer.lora_kernel_b.assign(np.full((2, 3), 0.3, np.float32))
learned, x = Vector([layer.lora_kernel_a, layer.lora_kernel_b]), np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4)
loss = lambda x: ops.sum(ops.tanh(layer(x)) ** 2)
compute = value_and_gradient(loss, learned, [layer._kernel, layer.bias])
vector = learned.read()
value, gradient = compute(vector, x)
assert vector.shape == gradient.shape == (4 * 2 + 2 * 3,) and abs(value - float(loss(x))) < 1e-5
np.testing.assert_array_equal(learned.of_each([1, 2]), [1] * 8 + [2] * 6)
for place in range(len(vector)):
    moved = []
    for way in (0.01, -0.01):
        other = vector.copy()
        other[place] += way
        learned.assign(other)
        np.testing.assert_array_equal(learned.read(), other)
        assert abs(compute(other, x)[0] - float(loss(x))) < 1e-5  # the loss of what the variables would be
        learned.assign(vector)
        moved.append(compute(other, x)[0])
    assert abs((moved[0] - moved[1]) / 0.02 - gradient[place]) < 2e-3, (place, moved, gradient[place])
assert compute(vector, x)[0] == value
layer.bias.assign(np.ones(3, np.float32))
assert abs(compute(vector, x)[0] - float(loss(x))) < 1e-5  # seen without being traced anew
"""


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_gradients_are_finite_differences(backend):
    pytest.importorskip(backend)
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run([sys.executable, "-c", COMPARED], cwd=ROOT, env=environment, check=True)
