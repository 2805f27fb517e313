"""Weights kept in bfloat16: the file is half as large, and what is computed stays the same."""

import importlib.util

import keras
import ml_dtypes
import numpy as np
import pytest

pytestmark = pytest.mark.skipif(not importlib.util.find_spec("openvino"), reason="OpenVINO is not installed")


def network():
    """A convolution, a norm and a product, with random weights."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((8, 8, 32))
    x = keras.layers.LayerNormalization()(keras.layers.Conv2D(64, 3, padding="same", activation="relu")(inputs))
    model = keras.Model(inputs, keras.layers.Dense(256)(x))
    rng = np.random.default_rng(0)
    model.set_weights([rng.standard_normal(each.shape).astype(np.float32) for each in model.weights])
    return model


def test_the_file_is_half_as_large_and_computes_the_same(tmp_path):
    from helpers.engines import by_openvino, halving
    from helpers.engines.converting import converted

    plain, keras_network = network(), network()
    keras_network.set_weights(
        [each.astype(ml_dtypes.bfloat16).astype(np.float32) if each.ndim > 1 else each for each in plain.get_weights()]
    )
    rounded, halved = converted(keras_network), converted(plain, precision="bfloat16")
    outputs, sizes = [], []
    picture = np.random.default_rng(1).standard_normal((1, 8, 8, 32), np.float32)
    for model in (rounded, halved):
        halving.save(model, tmp_path / "network.xml")
        sizes.append((tmp_path / "network.bin").stat().st_size)
        read = by_openvino.core().read_model(tmp_path / "network.xml")
        read.reshape([1, 8, 8, 32])
        outputs.append(by_openvino.compiled_for(read, "bfloat16")([picture])[0])
    np.testing.assert_array_equal(*outputs)
    assert sizes[1] < 0.52 * sizes[0]
    assert np.abs(outputs[0]).max() > 1
    # marked, so that a reader does not make them float32 again beforehand
    assert (tmp_path / "network.xml").read_text().count('name="decompression"') == 2


def test_norms_and_small_weights_stay():
    from helpers.engines.converting import converted

    model = converted(network(), precision="bfloat16")
    constants = [node for node in model.get_ops() if node.get_type_name() == "Constant"]
    halves = sorted(tuple(node.shape) for node in constants if node.get_element_type().to_string() == "bf16")
    assert halves == [(64, 32, 3, 3), (256, 64)] or halves == [(64, 32, 3, 3), (64, 256)]


def test_the_pocket_models_file_in_bfloat16(tmp_path, monkeypatch):
    from helpers import StableDiffusion

    sizes = {}
    for precision in ("float32", "bfloat16"):
        monkeypatch.setenv("KERAS_HOME", str(tmp_path / precision))
        model = StableDiffusion("pocket", engine="openvino", precision=precision)
        model.run("decoder", np.zeros((1, 16, 16, 4), np.float32))
        sizes[precision] = sum(file.stat().st_size for file in (tmp_path / precision).rglob("*.bin"))
    assert sizes["bfloat16"] < 0.6 * sizes["float32"]
