"""What bounds a configuration's speed: how much a guided step takes, and what this machine can do at most."""

from __future__ import annotations

import time

import numpy as np

from helpers.models.checkpoints import checkpoint


def inputs(configuration: dict) -> list[np.ndarray]:
    """Latent, timestep embedding and context of both halves of the guidance, random: speed depends on shapes alone."""
    rng = np.random.default_rng(0)
    model = checkpoint(configuration["model"])
    pictures, size = 2 * configuration["batch"], configuration["size"] // model.factor
    shapes = (size, size, model.in_channels or model.channels), (320,), (model.max_length, model.context_width)
    return [rng.standard_normal((pictures, *shape), np.float32) for shape in shapes]


def operations(configuration: dict) -> float:
    """Floating-point operations of a guided step: two for each multiplication of its products and convolutions."""
    import tensorflow as tf

    from helpers.engines import running

    with running.building_in("float32"):
        size = configuration["size"]
        network = checkpoint(configuration["model"]).diffusion_model(size, size, False)
    signature = [tf.TensorSpec(array.shape) for array in inputs(configuration)]
    graph = tf.function(lambda *arrays: network(list(arrays)), input_signature=signature).get_concrete_function().graph
    total = 0
    for operation in graph.get_operations():
        if operation.type == "Conv2D":
            each = np.prod(operation.inputs[1].shape[:3])  # height, width and channels of the kernel
        elif operation.type in ("MatMul", "BatchMatMulV2"):
            each = operation.inputs[0].shape[-2 if _transposed(operation) else -1]
        else:
            continue
        total += 2 * int(each) * int(np.prod(operation.outputs[0].shape))
    return float(total)


def _transposed(operation) -> bool:
    return operation.get_attr("transpose_a" if operation.type == "MatMul" else "adj_x")


def matmul_peak(engine: str, precision: str, products: int = 4) -> float:
    """Floating-point operations a second of this machine at its best, in products of large square matrices.

    The largest only where they take seconds: a processor without bfloat16 would be at it for many minutes.
    """
    peak = 0.0
    for width in (1024, 4096):
        operations = 2 * products * width**3
        if not peak or operations / peak < 4:
            peak = max(peak, operations / _seconds_of_products(engine, precision, width, products))
    return peak


def _seconds_of_products(engine: str, precision: str, width: int, products: int) -> float:
    import keras

    from helpers.engines import running

    with running.building_in("float32" if engine == "openvino" else precision):
        square, x = keras.layers.Dense(width, use_bias=False), keras.Input((width,))
        y = x
        for _ in range(products):
            y = square(y)
    run = running.compiled(lambda: keras.Model(x, y), engine, precision, None)
    rows = np.random.default_rng(0).standard_normal((width, width), np.float32)
    seconds = []
    for _ in range(6):
        begin = time.perf_counter()
        run(rows)
        seconds.append(time.perf_counter() - begin)
    return min(seconds[1:])
