"""One of an architecture's four networks, by its name."""

from __future__ import annotations

from collections.abc import Callable

import keras

from helpers.models.architectures import autoencoder, text_encoder, unet
from helpers.models.architectures.configs import Architecture


def _diffusion_model(config: Architecture, height: int, width: int) -> keras.Model:
    factor = config.autoencoder.factor
    return unet.diffusion_model(config.unet, height // factor, width // factor)


_MAKERS: dict[str, Callable[[Architecture, int, int], keras.Model]] = {
    "text_encoder": lambda config, height, width: text_encoder.text_encoder(config.text_encoder),
    "diffusion_model": _diffusion_model,
    "decoder": lambda config, height, width: autoencoder.decoder(config.autoencoder, height, width),
    "image_encoder": lambda config, height, width: autoencoder.image_encoder(config.autoencoder),
}
NETWORKS = tuple(_MAKERS)


# Keras's names of the initialisers that layers have by themselves.
_RANDOM = ("glorot_uniform", "uniform")


def built(name: str, config: Architecture, height: int, width: int, random: bool = True) -> keras.Model:
    """The network of that name, with random weights, or with zeros, where others will be loaded: those cost no time.

    height, width: of a picture, in pixels; text and image encoder are the same for all sizes.
    """
    zeros = {} if random else dict.fromkeys(_RANDOM, keras.initializers.Zeros)
    with keras.utils.custom_object_scope(zeros):
        return _MAKERS[name](config, height, width)
