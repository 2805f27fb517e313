"""The autoencoder of latent diffusion (2112.10752): a picture becomes a latent an eighth as wide, and back."""

from __future__ import annotations

import keras
from keras_cv.src.models.stable_diffusion.attention_block import AttentionBlock
from keras_cv.src.models.stable_diffusion.padded_conv2d import PaddedConv2D
from keras_cv.src.models.stable_diffusion.resnet_block import ResnetBlock

from helpers.models.architectures.configs import AutoencoderConfig

EPSILON = 1e-6  # of every normalisation in the original; KerasCV has 1e-5


def image_encoder(config: AutoencoderConfig) -> keras.Model:
    """A picture (N, H, W, 3) in [-1, 1] → the mean of its latent (N, H/f, W/f, C), of about unit variance."""
    picture = keras.Input((None, None, 3), name="picture")
    x = PaddedConv2D(config.channels[0], 3, padding=1, name="encoder.conv_in")(picture)
    for level, width in enumerate(config.channels):
        block = f"encoder.down_blocks.{level}"
        for number in range(config.layers):
            x = ResnetBlock(width, name=f"{block}.resnets.{number}")(x)
        if level < len(config.channels) - 1:
            halved = PaddedConv2D(width, 3, padding=((0, 1), (0, 1)), strides=2, name=f"{block}.downsamplers.0.conv")
            x = halved(x)
    x = _middle(x, config.channels[-1], "encoder.mid_block")
    x = keras.layers.GroupNormalization(name="encoder.conv_norm_out")(x)
    x = keras.layers.Activation("swish")(x)
    x = PaddedConv2D(2 * config.latent_channels, 3, padding=1, name="encoder.conv_out")(x)
    x = PaddedConv2D(2 * config.latent_channels, 1, name="quant_conv")(x)
    x = keras.layers.Rescaling(config.scale)(x[..., : config.latent_channels])
    return _with_epsilon(keras.Model(picture, x, name="image_encoder"))


def decoder(config: AutoencoderConfig, height: int, width: int) -> keras.Model:
    """A latent (N, height/f, width/f, C) of unit variance → a picture (N, height, width, 3) in about [-1, 1]."""
    latent = keras.Input((height // config.factor, width // config.factor, config.latent_channels), name="latent")
    x = keras.layers.Rescaling(1 / config.scale)(latent)
    x = PaddedConv2D(config.latent_channels, 1, name="post_quant_conv")(x)
    x = PaddedConv2D(config.channels[-1], 3, padding=1, name="decoder.conv_in")(x)
    x = _middle(x, config.channels[-1], "decoder.mid_block")
    for level, channels in enumerate(reversed(config.channels)):
        block = f"decoder.up_blocks.{level}"
        for number in range(config.layers + 1):
            x = ResnetBlock(channels, name=f"{block}.resnets.{number}")(x)
        if level < len(config.channels) - 1:
            x = keras.layers.UpSampling2D(2)(x)
            x = PaddedConv2D(channels, 3, padding=1, name=f"{block}.upsamplers.0.conv")(x)
    x = keras.layers.GroupNormalization(name="decoder.conv_norm_out")(x)
    x = keras.layers.Activation("swish")(x)
    x = PaddedConv2D(3, 3, padding=1, name="decoder.conv_out")(x)
    return _with_epsilon(keras.Model(latent, x, name="decoder"))


def _middle(x, channels: int, name: str):
    x = ResnetBlock(channels, name=f"{name}.resnets.0")(x)
    x = AttentionBlock(channels, name=f"{name}.attentions.0")(x)
    return ResnetBlock(channels, name=f"{name}.resnets.1")(x)


def _with_epsilon(network: keras.Model) -> keras.Model:
    for layer in network._flatten_layers():
        if isinstance(layer, keras.layers.GroupNormalization):
            layer.epsilon = EPSILON
    return network
