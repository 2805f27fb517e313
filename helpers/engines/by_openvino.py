"""Networks run by OpenVINO: converted from Keras once, kept on disk, compiled for this processor.

What is kept are OpenVINO's own files, a network's graph and its weights, which are read without TensorFlow
and mapped into memory instead of copied. They lie in Keras's own folder, usually ~/.keras/openvino.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import shutil
import tempfile
import warnings
from pathlib import Path

import keras
import numpy as np

from helpers.engines import converting, faster_layers, halving, winograd
from helpers.engines.converting import converted
from helpers.engines.engine import Engine, Make, Passing, Run
from helpers.engines.memory import free_memory

with contextlib.suppress(ImportError):  # an engine is there, and told what it needs, where its package is not
    import openvino

# Room for Stable Diffusion's four networks, which take some GB, in more than one form; the pocket model's take 50 MB.
CACHE_BYTES = 12 * 10**9
PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}  # as OpenVINO calls them
NETWORK = "network.xml"  # its graph; the weights lie beside it


@functools.cache
def core() -> openvino.Core:
    return openvino.Core()


def has_bfloat16() -> bool:
    """Whether this processor multiplies in bfloat16; one that does not is slower with it."""
    return "BF16" in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def cache_folder() -> Path:
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "openvino"


def clear_cache() -> None:
    """Delete all converted networks; each is converted again when it is next needed."""
    shutil.rmtree(cache_folder(), ignore_errors=True)


def compiled(make: Make, precision: str, key: str | None) -> Run:
    """`run(*arrays) → float32 array`, as of `running.compiled`.

    make: the Keras network, in float32. It is called at the first run, and only if the network is not on disk; one
        that is `Passing` is freed while it is converted.
    precision: "float32" or "bfloat16", of the arithmetic.
    key: tells this network with these weights from every other, to be kept on disk; None: not to be kept.
    """
    for_shapes = {}
    # once, at the first run
    model = functools.cache(lambda: _kept(make, precision, key) if key else mapped(_made(make, precision)))

    def run(*arrays: np.ndarray) -> np.ndarray | list[np.ndarray]:
        shapes = tuple(array.shape for array in arrays)
        if shapes not in for_shapes:
            fixed = model().clone()
            free_memory()  # of the Keras network, after its conversion
            fixed.reshape(dict(zip(fixed.inputs, shapes)))  # fixed shapes run faster than a free batch size
            for_shapes[shapes] = compiled_for(fixed, precision)
        outputs = [*for_shapes[shapes](list(arrays)).values()]
        return outputs if len(outputs) > 1 else outputs[0]

    return run


def compiled_for(model: openvino.Model, precision: str) -> openvino.CompiledModel:
    """The model, its shapes fixed, ready for this processor to compute in "float32" or "bfloat16"."""
    hints = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": PRECISIONS[precision]}
    return core().compile_model(model, "CPU", hints)


def _made(make: Make, precision: str) -> openvino.Model:
    made = make()
    lasting = not isinstance(made, Passing)
    return converted(made if lasting else made.network, lasting, precision)


def _kept(make: Make, precision: str, key: str) -> openvino.Model:
    """The converted network from the disk, where it is put first if it is not there."""
    code = (__file__, converting.__file__, faster_layers.__file__, halving.__file__, winograd.__file__)
    versions = [keras.__version__, openvino.__version__, *map(_digest, code)]
    folder = cache_folder() / hashlib.sha256(" ".join([key, *versions]).encode()).hexdigest()[:32]
    with contextlib.suppress(RuntimeError):  # not there, or damaged
        model = core().read_model(folder / NETWORK)
        os.utime(folder)  # those longest unused go first
        return model
    model = _made(make, precision)
    try:
        _put(model, folder)
    except (OSError, RuntimeError) as error:  # OpenVINO's own writing raises the second
        cause = f"Converted networks cannot be kept in '{folder.parent}' for the next start: {error}."
        warnings.warn(cause, stacklevel=2)
        return model
    return core().read_model(folder / NETWORK)  # mapped into memory, where the other would fill it


def mapped(model: openvino.Model) -> openvino.Model:
    """The network in a file that nobody sees, mapped into memory, where its weights take no room for long."""
    with tempfile.TemporaryDirectory() as folder:
        halving.save(model, Path(folder) / NETWORK)
        return core().read_model(Path(folder) / NETWORK)


def _put(model: openvino.Model, folder: Path) -> None:
    """Write a network's folder, whole or not at all, and delete others to keep the bound."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        halving.save(model, partial / NETWORK)
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(FileExistsError):  # another process was faster
            partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    taken = 0
    for each in sorted(folder.parent.iterdir(), key=lambda each: each.stat().st_mtime, reverse=True):
        taken += sum(file.stat().st_size for file in each.iterdir())
        if taken > CACHE_BYTES and each != folder:
            shutil.rmtree(each)


def _digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


ENGINES = {
    "openvino": Engine(
        compiled=compiled,
        prepared=winograd.by_winograd,
        converts=True,
        precision=lambda gpu: "bfloat16" if has_bfloat16() else "float32",
        refused={"float16": "OpenVINO computes in bfloat16 or float32 on a CPU; for float16 take engine='graph'."},
        suits=lambda gpu: 0 if gpu else 3,
        backends=("tensorflow",),  # whose functions it converts
        package="openvino",
    )
}
