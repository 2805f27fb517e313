"""A model is data: one whose latent's cells are of 16 pixels and of 6 channels draws and repaints like any other."""

import dataclasses

import keras
import numpy as np

from helpers import StableDiffusion, make_mask, stable_diffusion
from helpers.models.checkpoints import checkpoint

FACTOR, CHANNELS, SIZE = 16, 6, 256


def diffusion_model(height, width, weights):
    latent = keras.Input((height // FACTOR, width // FACTOR, CHANNELS))
    timestep, context = keras.Input((320,)), keras.Input((24, 160))
    told = keras.layers.Dense(CHANNELS)(timestep) + keras.layers.Dense(CHANNELS)(context[:, 0])
    return keras.Model([latent, timestep, context], keras.layers.Dense(CHANNELS)(latent) + told[:, None, None])


def decoder(height, width, weights):
    latent = keras.Input((height // FACTOR, width // FACTOR, CHANNELS))
    return keras.Model(latent, keras.layers.UpSampling2D(FACTOR)(keras.layers.Dense(3)(latent)))


def image_encoder(weights):
    picture = keras.Input((None, None, 3))
    return keras.Model(picture, keras.layers.Conv2D(CHANNELS, FACTOR, strides=FACTOR)(picture))


def test_another_factor(monkeypatch):
    makers = dict(diffusion_model=diffusion_model, decoder=decoder, image_encoder=image_encoder)
    shape = dict(factor=FACTOR, channels=CHANNELS, native_size=SIZE, sizes=(SIZE,), prediction="noise")
    coarse = dataclasses.replace(checkpoint("pocket"), name="coarse", **shape, **makers)
    monkeypatch.setattr(stable_diffusion, "checkpoint", lambda name: coarse)
    model = StableDiffusion("coarse", engine="graph", precision="float32", download_weights=False)
    assert model.networks.latent_shape == (16, 16, CHANNELS)
    options = dict(num_steps=2, seed=1, verbose=False)
    photo = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    mask = make_mask(photo.shape, 60, 200, 33, 171)
    assert model.encode_image(photo).shape == (1, 16, 16, CHANNELS)
    assert model.text_to_image("a cat", **options).shape == (1, SIZE, SIZE, 3)
    assert model.image_to_image("a cat", photo, **options).shape == (1, SIZE, SIZE, 3)
    (picture,) = model.inpaint("a cat", photo, mask, num_resamples=2, **options)
    np.testing.assert_array_equal(picture[mask == 1], photo[mask == 1])
    assert (picture != photo)[mask == 0].any(axis=-1).mean() > 0.9
