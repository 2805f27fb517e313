"""What an engine is: a file `by_….py` of this folder tells one, or several, in its `ENGINES`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import keras

Make = Callable[[], "keras.Model | Passing"]  # the Keras network
Run = Callable[..., "np.ndarray | list[np.ndarray]"]  # from NumPy arrays to a float32 one, or several


class Passing(NamedTuple):
    """A Keras network that nobody keeps: an engine that converts it may take its weights away."""

    network: keras.Model


class Engine(NamedTuple):
    """One way to run a Keras network.

    compiled: (make, precision, key) → Run, as of `running.compiled`.
    prepared: (network, precision) → the network itself, changed where that makes it faster or smaller here.
    converts: whether it takes the network over: it is given the weights in float32 and computes in a precision, and
        Keras's network is no longer needed once it is converted.
    precision: (whether there is a GPU) → the fastest precision here.
    refused: precisions that it does not compute in, and what to say of each.
    suits: (whether there is a GPU) → the higher, the better it suits; the best is the default.
    backends: of Keras, set by KERAS_BACKEND, those that it runs with.
    package: what must be installed for it, by the name that pip and `import` know; None: nothing more.
    """

    compiled: Callable[[Make, str, str | None], Run]
    prepared: Callable[[keras.Model, str], keras.Model]
    converts: bool
    precision: Callable[[bool], str]
    refused: dict[str, str]
    suits: Callable[[bool], int]
    backends: tuple[str, ...]
    package: str | None = None
