"""Networks run by Keras's own backend, which usually is TensorFlow: as a plain graph, or compiled by XLA."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
from keras import tree

from helpers.engines.engine import Engine, Run
from helpers.engines.faster_layers import with_attention_in_parts


def compiled(jit_compile: bool, make: Callable[[], keras.Model]) -> Run:
    """As of `running.compiled`; the precision is the network's own, and nothing is kept."""
    network = make()
    # said either way: a network left uncompiled lets Keras 3 choose, and on a GPU it chooses XLA
    network.compile(optimizer=None, jit_compile=jit_compile)  # nothing is trained by it

    def run(*arrays: np.ndarray) -> np.ndarray | list[np.ndarray]:
        inputs = list(arrays) if len(arrays) > 1 else arrays[0]
        outputs = [
            np.asarray(each).astype(np.float32, copy=False) for each in tree.flatten(network.predict_on_batch(inputs))
        ]
        return outputs if len(outputs) > 1 else outputs[0]

    return run


def _engine(jit_compile: bool, suits: Callable[[bool], int], *backends: str) -> Engine:
    return Engine(
        compiled=lambda make, precision, key: compiled(jit_compile, make),
        prepared=with_attention_in_parts,
        converts=False,
        precision=lambda gpu: "float16" if gpu else "float32",
        refused={},
        suits=suits,
        backends=backends,
    )


# On a CPU XLA draws the pocket model's pictures faster than the graph (`python -m helpers.benchmark`), but compiles for
# longer than a dozen pictures make up for.
# PyTorch has no graph, and runs layer by layer; JAX is fast by XLA alone.
ENGINES = {
    "graph": _engine(False, lambda gpu: 2, "tensorflow", "torch"),
    "xla": _engine(True, lambda gpu: 3 if gpu else 1, "tensorflow", "jax"),
}
