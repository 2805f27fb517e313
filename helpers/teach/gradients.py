"""A loss and its gradient with respect to Keras variables, on the backends that can: TensorFlow and JAX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops


class Vector:
    """The numbers of many variables as one vector float32 (N,): of two hundred small ones most time went into calls."""

    def __init__(self, variables: Sequence[keras.Variable]):
        self._variables = [*variables]
        self._sizes = [int(np.prod(each.shape)) for each in variables]
        self._ends = [*np.cumsum(self._sizes[:-1])]

    def read(self) -> np.ndarray:
        return np.concatenate([np.ravel(ops.convert_to_numpy(each)) for each in self._variables])

    def assign(self, vector: np.ndarray) -> None:
        for variable, value in self.pairs(vector):
            variable.assign(value)

    def of_each(self, values: Sequence[float]) -> np.ndarray:
        """One value for each variable, as often as that has numbers."""
        return np.repeat(np.array(values, np.float32), self._sizes)

    def pairs(self, vector) -> list[tuple[keras.Variable, Any]]:
        """Each variable with its part of such an array or tensor, in its own shape."""
        parts = ops.split(vector, self._ends) if self._ends else [vector]
        return [(each, ops.reshape(part, each.shape)) for each, part in zip(self._variables, parts)]


def value_and_gradient(
    loss: Callable[..., Any], learned: Vector, frozen: Sequence[keras.Variable] = ()
) -> Callable[..., tuple[float, np.ndarray]]:
    """A compiled function of the learned vector and the loss's arrays: the loss, and its gradient, float32 (N,).

    loss: from arrays to a scalar tensor, by Keras's operations; it reads the learned variables as the vector tells,
        whatever they hold, and the `frozen` ones as they are at each call.
    Raises ValueError with another backend.
    """
    backend = keras.backend.backend()
    if backend not in _BACKENDS:
        raise ValueError(
            f"KERAS_BACKEND={backend} cannot learn here: start Python anew with KERAS_BACKEND={' or '.join(_BACKENDS)}."
        )
    compute = _BACKENDS[backend](loss, learned, [*frozen])

    def as_numpy(vector: np.ndarray, *arrays: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = compute(vector, *arrays)
        return float(value), np.asarray(gradient, np.float32)

    return as_numpy


def _by_tensorflow(loss, learned, frozen):
    import tensorflow as tf

    @tf.function
    def compute(vector, *arrays):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(vector)
            with keras.StatelessScope(state_mapping=learned.pairs(vector)):
                value = loss(*arrays)
        return value, tape.gradient(value, vector)

    # as tensors: for other numbers of the same shape nothing is traced anew
    return lambda *arrays: compute(*map(tf.convert_to_tensor, arrays))


def _by_jax(loss, learned, frozen):
    import jax

    def of_values(vector, frozen_values, *arrays):
        with keras.StatelessScope(state_mapping=[*learned.pairs(vector), *zip(frozen, frozen_values)]):
            return loss(*arrays)

    compute = jax.jit(jax.value_and_grad(of_values))
    # frozen ones too are arguments: as constants they would be copied into the compiled function
    return lambda vector, *arrays: compute(vector, [each.value for each in frozen], *arrays)


_BACKENDS: dict[str, Callable] = {"tensorflow": _by_tensorflow, "jax": _by_jax}
