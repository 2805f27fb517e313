"""Adam (1412.6980): what is learned of gradients, and all that it takes to go on with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np
from keras import ops

_MOMENTS = 0.9, 0.999
_KINDS = "value", "mean", "square"  # of what a state holds, for each variable
Arrays = dict[str, np.ndarray]  # by the variables' names


class Adam:
    """Changes variables against their gradients, each at a rate of its own. number: of the steps that it took."""

    def __init__(self, variables: Mapping[str, keras.Variable], rates: Mapping[str, float]):
        self._variables, self._rates, self.number = variables, rates, 0
        nothing = {name: np.zeros(each.shape, np.float32) for name, each in variables.items()}
        self._means, self._squares = nothing, dict(nothing)

    def follow(self, gradients: Sequence[np.ndarray]) -> None:
        """A step: all is computed before anything is changed, so that one may interrupt it."""
        number, (one, two) = self.number + 1, _MOMENTS
        found = dict(zip(self._variables, gradients))
        means = {name: one * self._means[name] + (1 - one) * each for name, each in found.items()}
        squares = {name: two * self._squares[name] + (1 - two) * each**2 for name, each in found.items()}
        values = {}
        for name, variable in self._variables.items():
            mean, square = means[name] / (1 - one**number), squares[name] / (1 - two**number)
            values[name] = ops.convert_to_numpy(variable) - self._rates[name] * mean / (np.sqrt(square) + 1e-8)
        self._set(values, means, squares, number)

    def state(self) -> Arrays:
        """All that `restore` needs to go on from here, but the number; float32."""
        values = {name: ops.convert_to_numpy(each) for name, each in self._variables.items()}
        kinds = dict(zip(_KINDS, (values, self._means, self._squares)))
        return {
            f"{kind}.{name}": np.ascontiguousarray(each, np.float32)
            for kind, told in kinds.items()
            for name, each in told.items()
        }

    def restore(self, read: Callable[[str], np.ndarray], number: int) -> None:
        """Go on after that step; `read` gives each array of the `state` by its name."""
        values, means, squares = ({name: read(f"{kind}.{name}") for name in self._variables} for kind in _KINDS)
        self._set(values, means, squares, number)

    def _set(self, values: Arrays, means: Arrays, squares: Arrays, number: int) -> None:
        for name, variable in self._variables.items():
            variable.assign(values[name])
        self._means, self._squares, self.number = means, squares, number
