"""The decoder of TAESD (github.com/madebyollin/taesd): 1.2 million weights instead of the autoencoder's 50."""

from __future__ import annotations

import keras

from helpers.models.architectures.configs import TinyDecoderConfig


def tiny_decoder(config: TinyDecoderConfig, height: int, width: int) -> keras.Model:
    """A latent (N, height/f, width/f, C) of unit variance → a picture (N, height, width, 3) in about [-1, 1]."""
    latent = keras.Input((height // config.factor, width // config.factor, config.latent_channels), name="latent")
    x = keras.layers.Rescaling(1 / 3)(latent)
    x = keras.layers.Rescaling(3.0)(keras.layers.Activation("tanh")(x))  # outliers are held back
    x = keras.layers.Activation("relu")(_convolution(config.width, "decoder.layers.0")(x))
    number = 2  # diffusers counts every layer, those without weights too
    for level, blocks in enumerate(config.blocks):
        for _ in range(blocks):
            x = _block(x, config.width, f"decoder.layers.{number}")
            number += 1
        last = level == len(config.blocks) - 1
        if not last:
            x = keras.layers.UpSampling2D(2)(x)
            number += 1
        x = _convolution(3 if last else config.width, f"decoder.layers.{number}", use_bias=last)(x)
        number += 1
    return keras.Model(latent, keras.layers.Rescaling(2.0, offset=-1.0)(x), name="decoder")  # from [0, 1]


def _convolution(channels: int, name: str, use_bias: bool = True) -> keras.layers.Conv2D:
    return keras.layers.Conv2D(channels, 3, padding="same", use_bias=use_bias, name=name)


def _block(x, width: int, name: str):
    y = x
    for number in (0, 2, 4):
        y = _convolution(width, f"{name}.conv.{number}")(y)
        if number < 4:
            y = keras.layers.Activation("relu")(y)
    return keras.layers.Activation("relu")(keras.layers.Add()([y, x]))
