"""Convolutions by Winograd's tiles and after a doubling against the plain ones."""

import importlib.util

import keras
import numpy as np
import pytest
from keras_cv.src.models.stable_diffusion import diffusion_model
from keras_cv.src.models.stable_diffusion.padded_conv2d import PaddedConv2D

from helpers.engines import faster_layers, winograd
from helpers.models import quick_layers
from helpers.models.checkpoints import checkpoint


@pytest.fixture(autouse=True)
def few_filters_suffice(monkeypatch):
    monkeypatch.setattr(faster_layers, "MANY_FILTERS", 1)
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


@pytest.mark.parametrize(("height", "width"), [(16, 16), (16, 34), (32, 48)])
def test_by_tiles(height, width):
    shape = (height, width, 24)
    model = network(shape, PaddedConv2D(16, 3, padding=1))
    expected = output(model, shape)
    winograd.by_winograd(model, "float32")
    assert model.layers[0].by_tiles(height, width)
    result = output(model, shape)
    assert_close(result, expected, 1e-5)
    assert (result != expected).any(), "it went another way"


def test_where_tiles_do_not_fit_or_pay_the_way_is_direct(monkeypatch):
    made = [PaddedConv2D(8, 3, padding=1), PaddedConv2D(8, 3, strides=2, padding=1), PaddedConv2D(8, 1)]
    model = winograd.by_winograd(network((17, 16, 4), *made), "float32")
    assert [type(layer) for layer in model.layers] == [winograd.PaddedConv2D, PaddedConv2D, PaddedConv2D]
    convolution = model.layers[0]
    sizes = [(16, 64), (64, 64), (17, 16), (8, 8), (128, 64), (None, None)]
    assert [convolution.by_tiles(*size) for size in sizes] == [True, True, False, False, False, False]
    assert output(model, (17, 16, 4)).shape == (2, 9, 8, 8)
    half = winograd.by_winograd(network((64, 64, 4), PaddedConv2D(8, 3, padding=1)), "bfloat16").layers[0]
    assert half.by_tiles(32, 32) and not half.by_tiles(64, 64)
    monkeypatch.setattr(winograd, "MANY_FILTERS", 9)
    assert not half.by_tiles(32, 32)


@pytest.mark.parametrize("shape", [(4, 6, 5), (1, 1, 3)])
def test_a_convolution_after_a_doubling(shape):
    plain = network(shape, keras.layers.UpSampling2D(2), PaddedConv2D(7, 3, padding=1))
    upsample = network(shape, diffusion_model.Upsample(7))
    expected = output(plain, shape)
    np.testing.assert_array_equal(output(upsample, shape), expected)
    for model in (plain, upsample):
        faster_layers.faster(model)
        assert {type(layer) for layer in model._flatten_layers()} & {faster_layers.PaddedConv2D, faster_layers.Upsample}
        assert_close(output(model, shape), expected, 1e-5)


def test_weights_are_loaded_after_the_change_as_before_it(tmp_path):
    plain, changed = (checkpoint("pocket").decoder(128, 128, False) for _ in range(2))
    plain.save_weights(tmp_path / "of.weights.h5")
    expected = output(plain, (16, 16, 4))
    winograd.by_winograd(faster_layers.faster(changed), "float32").load_weights(tmp_path / "of.weights.h5")
    assert_close(output(changed, (16, 16, 4)), expected, 1e-5)


def test_a_doubling_before_something_else_stays():
    model = network((4, 4, 3), keras.layers.UpSampling2D(2), keras.layers.Conv2D(2, 3))
    expected = output(model, (4, 4, 3))
    np.testing.assert_array_equal(output(faster_layers.faster(model), (4, 4, 3)), expected)


@pytest.mark.filterwarnings("error::UserWarning")
def test_layers_by_tiles_are_called_without_warnings():
    """A layer by tiles pads without the layer that KerasCV pads with, of which Keras warned that it was not built."""
    picture, timestep = keras.Input((16, 16, 32)), keras.Input((32,))
    model = keras.Model([picture, timestep], quick_layers.ResBlock(64)([picture, timestep]))
    winograd.by_winograd(model, "float32")
    model([np.zeros((1, 16, 16, 32), np.float32), np.zeros((1, 32), np.float32)])


@pytest.mark.skipif(not importlib.util.find_spec("openvino"), reason="OpenVINO is not installed")
@pytest.mark.parametrize("precision, limit", [("float32", 1e-4), ("bfloat16", 3e-2)])
def test_a_converted_network_with_all_of_them(precision, limit):
    from helpers.engines import by_openvino

    plain, changed = (checkpoint("pocket").decoder(128, 128, True) for _ in range(2))
    latent = np.random.default_rng(0).standard_normal((2, 16, 16, 4), np.float32)
    winograd.by_winograd(faster_layers.faster(changed), precision)
    assert {winograd.PaddedConv2D, faster_layers.PaddedConv2D} <= {type(layer) for layer in changed._flatten_layers()}
    run = by_openvino.compiled(lambda: changed, precision, None)
    assert_close(run(latent), np.asarray(plain(latent)), limit)
