"""Weights written by Keras 2.12 in KerasCV's published layout load into its networks of today, in every precision."""

import lzma
from pathlib import Path

import keras
import numpy as np
import pytest
from keras_cv.src.models.stable_diffusion import decoder, diffusion_model, image_encoder, text_encoder

from helpers.engines.running import building_in
from tests.models.keras2.narrow import makers, narrowed

FOLDER = Path(__file__).parent / "keras2"
NAMES = sorted(path.name.removesuffix(".h5.xz") for path in FOLDER.glob("*.h5.xz"))
# The large ones once each, for it takes long to build them.
ONCE = {"diffusion_model": "float32", "diffusion_model_v2": "bfloat16", "text_encoder_v2": "float16"}
# Of the outputs' size; what is rounded at every layer adds up.
CLOSE = {"float32": 2e-5, "float16": 0.02, "bfloat16": 0.15}


@pytest.fixture(scope="module")
def expected():
    with np.load(FOLDER / "expected.npz") as file:
        return dict(file)


def loaded(name: str, precision: str, folder: Path) -> keras.Model:
    path = folder / f"{name}.h5"
    path.write_bytes(lzma.decompress((FOLDER / f"{name}.h5.xz").read_bytes()))
    modules = diffusion_model, text_encoder, decoder, image_encoder
    with narrowed(*modules), building_in(precision):
        network = makers(*modules)[name]()
    network.load_weights(path)
    return network


def test_all_of_keras_cvs_networks_are_here():
    assert NAMES == sorted(makers(None, None, None, None))


@pytest.mark.parametrize(
    "name, precision", [(name, each) for name in NAMES for each in CLOSE if ONCE.get(name, each) == each]
)
def test_weights_of_keras_2(name, precision, expected, tmp_path, figure):
    network = loaded(name, precision, tmp_path)
    assert {weight.dtype for weight in network.weights} == {precision}
    inputs = [expected[f"{name} input {index}"] for index in range(len(network.inputs))]
    output = keras.ops.convert_to_numpy(keras.ops.cast(network(inputs if len(inputs) > 1 else inputs[0]), "float32"))
    wanted = expected[f"{name} output"]
    difference = np.abs(output - wanted).max() / np.abs(wanted).max()
    figure(f"weights of Keras 2, {name} in {precision}: outputs differ by {difference:.1e} of the largest")
    assert wanted.std() > 0.01, "a flat output would prove nothing"
    assert difference < CLOSE[precision]
