"""From a Keras network to OpenVINO's, some operations at a time.

OpenVINO's converter takes four times as long for a graph twice as large: for Stable Diffusion's UNet at once minutes,
in parts less than one. It is called without `openvino.convert_model`, which tries to tell of each call over the net.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterable

import keras
from keras import tree
from tqdm.auto import tqdm

from helpers.engines.halving import halve
from helpers.engines.memory import free_memory

with contextlib.suppress(ImportError):
    import openvino
    from openvino._offline_transformations import apply_moc_transformations
    from openvino.frontend import FrontEndManager
    from openvino.frontend.tensorflow.utils import create_tf_graph_iterator

AT_ONCE = 8  # operations of Keras, mostly layers: 12 are hardly quicker, and take a third of a gigabyte more
LARGE = 50_000_000  # weights of a network that takes long enough for somebody to wonder
TYPES = {"float32": "f32", "int32": "i32"}  # as OpenVINO calls them


@functools.cache
def frontend():
    return FrontEndManager().load_by_framework("tf")


def converted(network: keras.Model, lasting: bool = True, precision: str = "float32") -> openvino.Model:
    """The network, of float32 inputs and outputs, for any batch size; a large one shows a progress bar.

    Inputs and outputs have the network's order. One that is not `lasting` loses its weights on the way, each as soon
    as OpenVINO has it, so that they are not in memory twice. In the precision "bfloat16" weights are halved.
    """
    graph = keras.Model(network.inputs, network.outputs)  # which a Sequential hides
    nodes = [node for _, some in sorted(graph._nodes_by_depth.items(), reverse=True) for node in some]
    nodes = [node for node in nodes if not node.is_input]
    parameters = [
        openvino.op.Parameter(getattr(openvino.Type, TYPES[tensor.dtype]), _shape(tensor)) for tensor in network.inputs
    ]
    known = {id(tensor): parameter.output(0) for tensor, parameter in zip(network.inputs, parameters)}
    weights = network.count_params()
    about = f"{weights / 1e6:.0f} million weights, for the first time here: converting"
    parts = [nodes[first : first + AT_ONCE] for first in range(0, len(nodes), AT_ONCE)]
    for number, part in enumerate(tqdm(parts, about, disable=weights < LARGE, leave=False)):
        wanted = {id(tensor) for later in parts[number + 1 :] for node in later for tensor in node.input_tensors}
        _add(part, wanted | {id(tensor) for tensor in network.outputs}, known, precision)
        if not lasting:
            later = {id(node.operation) for node in sum(parts[number + 1 :], [])}
            _empty(node.operation for node in part if id(node.operation) not in later)
        if weights >= LARGE:
            free_memory()
    return openvino.Model([known[id(tensor)] for tensor in network.outputs], parameters)


def _add(nodes, wanted: set[int], known: dict, precision: str) -> None:
    """Adds to the `known` outputs, by the ids of Keras's tensors, those of some nodes that are `wanted`."""
    import tensorflow as tf

    made = {id(tensor): tensor for node in nodes for tensor in node.outputs}
    given = {id(tensor): tensor for node in nodes for tensor in node.input_tensors if id(tensor) not in made}
    told = [each for each in made if each in wanted]

    def call(*arrays):
        values = dict(zip(given, arrays))
        for node in nodes:
            args, options = node.arguments.fill_in(values)
            outputs = tree.flatten(node.operation(*args, **options))
            values.update(zip(map(id, node.outputs), outputs))
        return [tf.identity(values[each]) for each in told]

    signature = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in given.values()]
    function = tf.function(call, input_signature=signature).get_concrete_function()
    # copied: shared ones would be TensorFlow's, which the last lines here take away
    graph = create_tf_graph_iterator(function, None, None, None, share_weights=False)
    model = frontend().convert(frontend().load(graph))
    # what can be worked out beforehand, such as kernels turned round, so that it is not at every start; not of the
    # whole, where it would work out the weights in float32 again
    apply_moc_transformations(model, cf=False)
    if precision == "bfloat16":
        halve(model)
    # TensorFlow never lets go of a graph with SiLU in it, for its gradient; at least the weights shall go
    captures = function.graph.function_captures
    captures.clear()
    _ = captures.by_val_capture_tuples  # a list, which is made anew when it is asked for

    inputs = {name: each.output(0) for each in model.get_parameters() for name in each.output(0).get_names()}
    for each, tensor in zip(given, function.inputs):
        if _name(tensor) in inputs:  # not one of whose values nothing hangs, as of a tensor's shape alone
            for target in inputs[_name(tensor)].get_target_inputs():
                target.replace_source_output(known[each])
    outputs = {name.partition(":")[0]: each for each in model.outputs for name in each.get_names()}
    for each, tensor in zip(told, function.outputs):
        known[each] = outputs[_name(tensor)].node.input_value(0)


def _empty(layers: Iterable[keras.Operation]) -> None:
    """Takes the layers' weights away."""
    for layer in layers:
        for weight in getattr(layer, "variables", ()):
            weight._value = None


def _name(tensor) -> str:
    return tensor.name.partition(":")[0]


def _shape(tensor: keras.KerasTensor) -> openvino.PartialShape:
    return openvino.PartialShape([-1 if side is None else side for side in tensor.shape])
