"""How a network is run: by which engine and in which precision. Nothing else in the project knows.

An engine turns a Keras network into `run(*arrays)`, a function from NumPy arrays to a float32 one.
"""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Callable, Iterator

import keras
import numpy as np
from keras import tree

ENGINES = ("graph", "xla", "openvino")
PRECISIONS = ("float32", "float16", "bfloat16")


def has_gpu() -> bool:
    """Whether Keras's backend sees a GPU."""
    return bool(keras.distribution.list_devices("gpu"))


def chosen(engine: str | None, precision: str | None) -> tuple[str, str]:
    """Engine and precision, where None is given those that suit this machine.

    The engine: XLA on a GPU; on a CPU OpenVINO where it is installed, else TensorFlow's plain graph. For the
    pocket model on two cores `python -m helpers.benchmark` found OpenVINO the fastest, and XLA faster than the
    graph, but compiling for longer than a dozen pictures make up for.

    The precision: that of Keras's global policy if the user has set one (a mixed policy means its compute
    dtype: pictures are made, not trained, so nothing is gained from a float32 copy of the weights), else the
    fastest: float16 on a GPU, bfloat16 by OpenVINO on a processor that has it, otherwise float32.

    Raises ValueError for what is unknown or does not go together, ImportError for an engine not installed.
    """
    if engine not in (None, *ENGINES):
        raise ValueError(f"Unknown engine {engine!r}: choose one of {', '.join(ENGINES)}.")
    if precision not in (None, *PRECISIONS):
        raise ValueError(f"Unknown precision {precision!r}: choose one of {', '.join(PRECISIONS)}.")
    installed = importlib.util.find_spec("openvino") is not None
    if engine == "openvino" and not installed:
        raise ImportError("engine='openvino' needs the package of that name: pip install openvino.")
    policy = keras.config.dtype_policy()
    if precision is None and policy.name != "float32":
        precision = policy.compute_dtype
    if engine is None:
        engine = "xla" if has_gpu() else "openvino" if installed and precision != "float16" else "graph"
    if engine == "openvino":
        from helpers.engines import by_openvino

        if precision == "float16":
            raise ValueError("OpenVINO computes in bfloat16 or float32 on a CPU; for float16 take engine='graph'.")
        return engine, precision or ("bfloat16" if by_openvino.has_bfloat16() else "float32")
    return engine, precision or ("float16" if has_gpu() else "float32")


@contextlib.contextmanager
def building_in(precision: str) -> Iterator[None]:
    """Networks built inside have weights and arithmetic in `precision`; Keras's global policy is put back after."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)


def compiled(
    make: Callable[[], keras.Model], engine: str, precision: str, key: str | None
) -> Callable[..., np.ndarray]:
    """`run(*arrays) → float32 array`, or a list of them for a network of several outputs.

    The arrays are the network's inputs in the order in which it declares them.
    make: gives the Keras network, its weights in `precision`, or for OpenVINO in float32; called when the
        network is needed, and by OpenVINO only if it has not kept the converted network.
    key: tells the network with its weights from every other; None for weights that no other start will have.

    A new shape of the inputs, another batch size say, is compiled at its first call.
    """
    if engine == "openvino":
        from helpers.engines import by_openvino

        return by_openvino.compiled(make, precision, key)
    network = make()
    # said either way: a network left uncompiled lets Keras 3 choose, and on a GPU it chooses XLA
    network.compile(jit_compile=engine == "xla")

    def run(*arrays: np.ndarray) -> np.ndarray:
        inputs = list(arrays) if len(arrays) > 1 else arrays[0]
        outputs = [
            np.asarray(each).astype(np.float32, copy=False) for each in tree.flatten(network.predict_on_batch(inputs))
        ]
        return outputs if len(outputs) > 1 else outputs[0]

    return run
