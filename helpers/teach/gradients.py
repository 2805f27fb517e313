"""A loss and its gradient with respect to Keras variables, on the backends that can: TensorFlow and JAX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

Gradients = Callable[..., tuple[float, list[np.ndarray]]]


def value_and_gradients(
    loss: Callable[..., Any], learned: Sequence[keras.Variable], frozen: Sequence[keras.Variable] = ()
) -> Gradients:
    """A compiled function of the loss's arrays: its value, and its gradient for each learned variable, float32.

    loss: from arrays to a scalar tensor, by Keras's operations; it reads the variables as they are at each call.
    frozen: the other variables that it reads.
    Raises ValueError with another backend.
    """
    backend = keras.backend.backend()
    if backend not in _BACKENDS:
        raise ValueError(
            f"KERAS_BACKEND={backend} cannot learn here: start Python anew with KERAS_BACKEND={' or '.join(_BACKENDS)}."
        )
    compute = _BACKENDS[backend](loss, [*learned], [*frozen])

    def value_and_gradient(*arrays: np.ndarray) -> tuple[float, list[np.ndarray]]:
        value, gradients = compute(*arrays)
        return float(value), [np.asarray(gradient, np.float32) for gradient in gradients]

    return value_and_gradient


def _by_tensorflow(loss, learned, frozen):
    import tensorflow as tf

    @tf.function
    def compute(*arrays):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            for variable in learned:
                tape.watch(variable.value)
            value = loss(*arrays)
        return value, tape.gradient(value, [variable.value for variable in learned])

    # as tensors: for other numbers of the same shape nothing is traced anew
    return lambda *arrays: compute(*map(tf.convert_to_tensor, arrays))


def _by_jax(loss, learned, frozen):
    import jax

    def of_values(learned_values, frozen_values, *arrays):
        values = zip([*learned, *frozen], [*learned_values, *frozen_values])
        with keras.StatelessScope(state_mapping=values):
            return loss(*arrays)

    compute = jax.jit(jax.value_and_grad(of_values))
    # frozen ones too are arguments: as constants they would be copied into the compiled function
    return lambda *arrays: compute([each.value for each in learned], [each.value for each in frozen], *arrays)


_BACKENDS: dict[str, Callable] = {"tensorflow": _by_tensorflow, "jax": _by_jax}
