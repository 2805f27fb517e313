"""How a network is run: by which engine and in which precision. Nothing else in the project knows.

An engine turns a Keras network into `run(*arrays)`, a function from NumPy arrays to a float32 one.
"""

from __future__ import annotations

import contextlib
import importlib.util
import threading
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np

from helpers.engines.engine import Engine, Make, Run

PRECISIONS = ("float32", "float16", "bfloat16")


def _found() -> dict[str, Engine]:
    """The engines of this folder's files `by_….py`; those that run Keras's own networks first."""
    found: dict[str, Engine] = {}
    for path in sorted(Path(__file__).parent.glob("by_*.py")):
        found |= importlib.import_module(f"helpers.engines.{path.stem}").ENGINES
    return dict(sorted(found.items(), key=lambda item: item[1].converts))


ENGINES = _found()


def has_gpu() -> bool:
    """Whether Keras's backend sees a GPU."""
    if keras.backend.backend() == "torch":  # whose devices Keras does not list
        import torch

        return torch.cuda.is_available()
    try:
        return bool(keras.distribution.list_devices("gpu"))
    except RuntimeError:  # JAX's answer where there is none
        return False


def installed(engine: Engine) -> bool:
    """Whether the package that it needs is there."""
    return engine.package is None or importlib.util.find_spec(engine.package) is not None


def asked_for(engine: str | None, jit_compile: bool | None) -> str | None:
    """The engine's name, or the one that KerasCV's `jit_compile` means; raises ValueError where both are given."""
    if jit_compile is None:
        return engine
    if engine is not None:
        raise ValueError("engine and jit_compile were both given; jit_compile=True means engine='xla': give one.")
    return "xla" if jit_compile else "graph"


def chosen(engine: str | None, precision: str | None) -> tuple[str, str]:
    """Engine and precision, where None is given those that suit this machine best.

    The engine is among those installed that compute in the precision and run with Keras's backend: XLA on a GPU; on
    a CPU OpenVINO, else the plain graph. PyTorch runs as it is, and JAX always by XLA.

    The precision: that of Keras's global policy if the user has set one (a mixed policy means its compute
    dtype: pictures are made, not trained, so nothing is gained from a float32 copy of the weights), else the
    engine's fastest: float16 on a GPU, bfloat16 by OpenVINO on a processor that has it, otherwise float32.

    Raises ValueError for what is unknown or does not go together, ImportError for an engine not installed.
    """
    if engine is not None and engine not in ENGINES:
        raise ValueError(f"Unknown engine {engine!r}: choose one of {', '.join(ENGINES)}.")
    if precision not in (None, *PRECISIONS):
        raise ValueError(f"Unknown precision {precision!r}: choose one of {', '.join(PRECISIONS)}.")
    if engine is not None and not installed(ENGINES[engine]):
        package = ENGINES[engine].package
        raise ImportError(f"engine={engine!r} needs the package of that name: pip install {package}.")
    backend = keras.backend.backend()
    with_backend = {name: each for name, each in ENGINES.items() if backend in each.backends}
    if engine is not None and engine not in with_backend:
        others = " or ".join(map(repr, with_backend)) or "another backend"
        raise ValueError(
            f"engine={engine!r} does not run with KERAS_BACKEND={backend}: choose {others}, or start Python anew with "
            f"KERAS_BACKEND={ENGINES[engine].backends[0]}."
        )
    policy = keras.config.dtype_policy()
    if precision is None and policy.name != "float32":
        precision = policy.compute_dtype
    gpu = has_gpu()
    if engine is None:
        able = [name for name, each in with_backend.items() if installed(each) and precision not in each.refused]
        engine = max(able, key=lambda name: ENGINES[name].suits(gpu))
    if precision in ENGINES[engine].refused:
        raise ValueError(ENGINES[engine].refused[precision])
    return engine, precision or ENGINES[engine].precision(gpu)


@contextlib.contextmanager
def building_in(precision: str) -> Iterator[None]:
    """Networks built inside have weights and arithmetic in `precision`; Keras's global policy is put back after."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)


def compiled(make: Make, engine: str, precision: str, key: str | None) -> Run:
    """`run(*arrays) → float32 array`, or a list of them for a network of several outputs.

    The arrays are the network's inputs in the order in which it declares them.
    make: gives the Keras network, its weights in `precision`, or in float32 for an engine that converts, which may be
        given it as `Passing`. Called when the network is needed, and by an engine that keeps converted networks only
        if it has not kept this one.
    key: tells the network with its weights from every other; None for weights that no other start will have.

    A new shape of the inputs, another batch size say, is compiled at its first call.

    Several threads may run it at once: they take turns, at compiling too, as each run has the whole machine anyway.
    """
    run, lock = ENGINES[engine].compiled(make, precision, key), threading.Lock()

    def in_turn(*arrays: np.ndarray) -> np.ndarray | list[np.ndarray]:
        with lock:
            return run(*arrays)

    return in_turn
