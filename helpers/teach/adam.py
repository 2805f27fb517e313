"""Adam (1412.6980): what is learned of gradients, and all that it takes to go on with it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_MOMENTS = 0.9, 0.999
_KINDS = "value", "mean", "square"  # of what a state holds


class Adam:
    """Changes numbers against their gradient, each at a rate of its own; all float32 (N,).

    value: as they are now; number: of the steps that it took.
    """

    def __init__(self, value: np.ndarray, rates: np.ndarray):
        self.value, self._rates, self.number = value, rates, 0
        self._mean = self._square = np.zeros_like(value)

    def follow(self, gradient: np.ndarray) -> None:
        """A step: all is computed before anything is changed, so that one may interrupt it."""
        number, (one, two) = self.number + 1, _MOMENTS
        mean = one * self._mean + (1 - one) * gradient
        square = two * self._square + (1 - two) * gradient**2
        change = (mean / (1 - one**number)) / (np.sqrt(square / (1 - two**number)) + 1e-8)
        self._set(self.value - self._rates * change, mean, square, number)

    def state(self) -> dict[str, np.ndarray]:
        """All that `restore` needs to go on from here, but the number."""
        return dict(zip(_KINDS, (self.value, self._mean, self._square)))

    def restore(self, read: Callable[[str], np.ndarray], number: int) -> None:
        """Go on after that step; `read` gives each array of the `state` by its name."""
        value, mean, square = map(read, _KINDS)
        self._set(value, mean, square, number)

    def _set(self, value: np.ndarray, mean: np.ndarray, square: np.ndarray, number: int) -> None:
        self.value, self._mean, self._square, self.number = value, mean, square, number
