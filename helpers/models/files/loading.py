"""Weights from files into networks, tensor by tensor, so that memory holds the network and little more."""

from __future__ import annotations

import keras

from helpers.models.additions import Change
from helpers.models.architectures.tensors import tensors
from helpers.models.files.checkpoint_files import Tensors
from helpers.models.files.tensor_files import listed


def load(network: keras.Model, stored: Tensors, change: Change | None = None) -> keras.Model:
    """The network itself with the weights of a file, in its own precision.

    change: is given every tensor, as the file has it, on its way.
    Raises ValueError for tensors missing or left over, of other shapes, or not finite; then the network is not to be
    used.
    """
    wanted = tensors(network)
    for problem, names in (("lack", wanted.keys() - stored.keys()), ("have", stored.keys() - wanted.keys())):
        if names:
            what = "needs" if problem == "lack" else "does not take"
            raise ValueError(
                f"The weights {problem} {len(names)} tensors that {network.name!r} {what}: {listed(sorted(names))}."
            )
    for name, (variable, from_file, _) in wanted.items():
        array = stored[name].read()
        array = from_file(array if change is None else change(name, array))
        if array.shape != tuple(variable.shape):
            raise ValueError(
                f"{name!r} has the shape {stored[name].shape} in '{stored[name].file.path.name}'; {network.name!r} "
                f"takes {tuple(variable.shape)}, in Keras's order of the axes."
            )
        variable.assign(array)
    return network
