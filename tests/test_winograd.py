"""Convolutions by Winograd's tiles and after a doubling against the plain ones."""

import importlib.util

import keras
import numpy as np
import pytest
from keras_cv.src.models.stable_diffusion import diffusion_model
from keras_cv.src.models.stable_diffusion.padded_conv2d import PaddedConv2D

from helpers import layers, winograd
from helpers.checkpoints import checkpoint


@pytest.fixture(autouse=True)
def few_filters_suffice(monkeypatch):
    monkeypatch.setattr(layers, "MANY_FILTERS", 1)
    monkeypatch.setattr(winograd, "MANY_FILTERS", 1)


def network(shape, *made):
    """Of layers, with random biases too."""
    model = keras.Sequential([keras.Input(shape), *made])
    rng = np.random.default_rng(0)
    model.set_weights([rng.standard_normal(weight.shape, np.float32) for weight in model.weights])
    return model


def output(model, shape):
    return np.asarray(model(np.random.default_rng(1).standard_normal((2, *shape), np.float32)))


def assert_close(result, expected, limit):
    assert result.shape == expected.shape
    assert np.abs(result - expected).max() < limit * np.abs(expected).max()


@pytest.mark.parametrize(
    ("height", "width", "precision", "tile", "limit"),
    [(16, 16, "float32", 2, 1e-5), (16, 34, "bfloat16", 2, 1e-5), (32, 48, "float32", 4, 3e-5)],
)
def test_by_tiles(height, width, precision, tile, limit):
    shape = (height, width, 24)
    model = network(shape, PaddedConv2D(16, 3, padding=1))
    expected = output(model, shape)
    winograd.by_winograd(model, precision)
    assert model.layers[0].tile(height, width) == tile
    assert_close(output(model, shape), expected, limit)


def test_where_tiles_do_not_fit_or_pay_the_way_is_direct(monkeypatch):
    made = [PaddedConv2D(8, 3, padding=1), PaddedConv2D(8, 3, strides=2, padding=1), PaddedConv2D(8, 1)]
    model = winograd.by_winograd(network((17, 16, 4), *made), "float32")
    kinds = [type(layer) for layer in model.layers]
    assert kinds == [winograd.PaddedConv2D, PaddedConv2D, PaddedConv2D]
    convolution = model.layers[0]
    assert convolution.tile(17, 16) is None and convolution.tile(8, 8) is None
    convolution.precision = "bfloat16"
    assert convolution.tile(32, 32) == 2 and convolution.tile(64, 64) is None
    monkeypatch.setattr(winograd, "MANY_FILTERS", 9)
    assert convolution.tile(32, 32) is None
    assert output(model, (17, 16, 4)).shape == (2, 9, 8, 8)


@pytest.mark.parametrize("shape", [(4, 6, 5), (1, 1, 3)])
def test_a_convolution_after_a_doubling(shape):
    plain = network(shape, keras.layers.UpSampling2D(2), PaddedConv2D(7, 3, padding=1))
    upsample = network(shape, diffusion_model.Upsample(7))
    expected = output(plain, shape)
    np.testing.assert_array_equal(output(upsample, shape), expected)
    for model in (plain, upsample):
        layers.faster(model)
        assert {type(layer) for layer in model._flatten_layers()} & {layers.PaddedConv2D, layers.Upsample}
        assert_close(output(model, shape), expected, 1e-5)


def test_weights_are_loaded_after_the_change_as_before_it(tmp_path):
    plain, changed = (checkpoint("pocket").decoder(128, 128, False) for _ in range(2))
    plain.save_weights(tmp_path / "of.weights.h5")
    expected = output(plain, (16, 16, 4))
    winograd.by_winograd(layers.faster(changed), "float32").load_weights(tmp_path / "of.weights.h5")
    assert_close(output(changed, (16, 16, 4)), expected, 1e-5)


def test_a_doubling_before_something_else_stays():
    model = network((4, 4, 3), keras.layers.UpSampling2D(2), keras.layers.Conv2D(2, 3))
    expected = output(model, (4, 4, 3))
    np.testing.assert_array_equal(output(layers.faster(model), (4, 4, 3)), expected)


@pytest.mark.skipif(not importlib.util.find_spec("openvino"), reason="OpenVINO is not installed")
@pytest.mark.parametrize("precision, limit", [("float32", 1e-4), ("bfloat16", 4e-2)])
@pytest.mark.parametrize("name", ["decoder", "diffusion_model"])
def test_a_converted_network_with_all_of_them(name, precision, limit):
    from helpers import converted

    make = lambda: getattr(checkpoint("pocket"), name)(128, 128, True)  # noqa: E731
    rng = np.random.default_rng(0)
    shapes = [(2, 16, 16, 4), (2, 320), (2, 24, 160)][: len(make().inputs)]
    arrays = [rng.standard_normal(shape, np.float32) for shape in shapes]
    expected = np.asarray(make()(arrays if len(arrays) > 1 else arrays[0]))
    changed = winograd.by_winograd(layers.faster(make()), precision)
    kinds = {type(layer) for layer in changed._flatten_layers()}
    assert winograd.PaddedConv2D in kinds and kinds & {layers.Upsample, layers.PaddedConv2D}
    assert_close(converted.compiled(lambda: changed, precision, None)(*arrays), expected, limit)
