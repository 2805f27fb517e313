"""How a network is run: by which engine and in which precision. Nothing else in the project knows.

An engine turns a Keras network into `run(*arrays)`, a function from NumPy arrays to a float32 one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import keras
import numpy as np

PRECISIONS = ("float32", "float16", "bfloat16")


def has_gpu() -> bool:
    """Whether Keras's backend sees a GPU."""
    return bool(keras.distribution.list_devices("gpu"))


def default_engine() -> str:
    """XLA on a GPU; the plain graph on a CPU, where XLA makes large convolutions slower."""
    return "xla" if has_gpu() else "graph"


def default_precision() -> str:
    """The precision of Keras's global policy if the user has set one, else float16 on a GPU and float32 on a CPU.

    A mixed policy means its compute dtype: pictures are made, not trained, so nothing is gained from
    keeping a float32 copy of the weights.
    """
    policy = keras.config.dtype_policy()
    if policy.name != "float32":
        return policy.compute_dtype
    return "float16" if has_gpu() else "float32"


def known_precision(precision: str) -> str:
    """The precision itself; raises ValueError for one that is not of `PRECISIONS`."""
    if precision not in PRECISIONS:
        raise ValueError(f"Unknown precision {precision!r}: choose one of {', '.join(PRECISIONS)}.")
    return precision


@contextlib.contextmanager
def building_in(precision: str) -> Iterator[None]:
    """Networks built inside have weights and arithmetic in `precision`; Keras's global policy is put back after."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)


def compiled(network: keras.Model, engine: str) -> Callable[..., np.ndarray]:
    """`run(*arrays) → float32 array`, the network's inputs in the order in which it declares them.

    `engine` is "graph" or "xla". A new shape of the inputs, another batch size say, is compiled at its
    first call.
    """
    # said either way: a network left uncompiled lets Keras 3 choose, and on a GPU it chooses XLA
    network.compile(jit_compile=engine == "xla")

    def run(*arrays: np.ndarray) -> np.ndarray:
        inputs = list(arrays) if len(arrays) > 1 else arrays[0]
        return np.asarray(network.predict_on_batch(inputs)).astype(np.float32)

    return run
