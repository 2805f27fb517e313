"""A network's weights on disk in bfloat16, for one that computes in it: half the file, half of what is mapped.

The processor would round them so itself. Elsewhere the network stays in float32, whose sums and norms need it.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import ml_dtypes
import numpy as np

with contextlib.suppress(ImportError):
    import openvino
    from openvino import opset13

LEAST = 2**12  # numbers of a constant that is worth it
TAKERS = {"MatMul", "Convolution"}  # which take weights in bfloat16 as they are
NAME = "in_bfloat16"


def halve(model: openvino.Model) -> None:
    """Rounds the weights of products and convolutions; an operation after each makes it float32 again."""
    nodes = model.get_ops()
    while nodes:
        node = nodes.pop()  # so that the weight is not in memory twice for long
        if node.get_type_name() != "Constant" or node.get_element_type() != openvino.Type.f32:
            continue
        takers = node.output(0).get_target_inputs()
        if np.prod(node.shape) < LEAST or {each.get_node().get_type_name() for each in takers} - TAKERS:
            continue
        rounded = openvino.Tensor(openvino.Type.bf16, node.shape)
        rounded.data.view(np.uint16)[...] = node.data.astype(ml_dtypes.bfloat16).view(np.uint16)
        restored = opset13.convert(openvino.op.Constant(rounded), "f32")
        restored.set_friendly_name(f"{NAME}/{node.get_friendly_name()}")
        for each in takers:
            each.replace_source_output(restored.output(0))


def save(model: openvino.Model, path: Path) -> None:
    """Writes graph and weights as they are.

    The operations after halved weights are marked as OpenVINO's own compression to float16 marks its own, so that they
    are not worked out when the network is read; only its file can say so, its Python functions cannot.
    """
    openvino.save_model(model, path, compress_to_fp16=False)
    start = rf'(<layer id="\d+" name="{NAME}/[^"]*" type="Convert" [^>]*>\s*<data destination_type="f32" />)'
    mark = r'\1<rt_info><attribute name="decompression" version="0" /></rt_info>'
    path.write_text(re.sub(start, mark, path.read_text(encoding="utf-8")), encoding="utf-8")
