"""The networks of "pocket-inpainting": those of "pocket", for pictures twice as wide, and a UNet that sees a hole.

Latents have 16 × 16 cells of 8 channels: the four of "pocket", of a picture twice as wide, and four for what
those leave out. The networks take and give what KerasCV's own do, but for the UNet's latent: beside the noisy latent
it sees the hole (1 where it shall paint) and the latent of the picture around the hole, as Stable Diffusion's
inpainting networks do. A picture from words alone is a hole as large as the picture.
"""

from __future__ import annotations

import keras
import numpy as np
from keras_cv.src.models.stable_diffusion.padded_conv2d import PaddedConv2D
from keras_cv.src.models.stable_diffusion.resnet_block import ResnetBlock

from helpers.models.pocket import networks as first
from helpers.models.pocket.sizes import INPAINTING, LATENT_CHANNELS, MAX_LENGTH

SIZE, FACTOR, CHANNELS, UNET_CHANNELS = INPAINTING
BASE = LATENT_CHANNELS  # of a latent's channels, what "pocket" tells
LATENT = (SIZE // FACTOR, SIZE // FACTOR, CHANNELS)
WIDTHS = first.CHANNELS  # of the UNet's three levels
DETAIL, ADDED = "detail", "added"  # layers of the decoder: how it takes the other channels, and what it adds at the end


text_encoder = first.text_encoder


def diffusion_model(height: int, width: int, max_length: int = MAX_LENGTH) -> keras.Model:
    """The UNet: (N, height/16, width/16, 17), a timestep embedding (N, 320), a context (N, max_length, 160) → velocity.

    The latent's 17 channels are the noisy latent's 8, the hole, and the 8 of the picture around the hole.
    """
    return first.diffusion_model(height // 2, width // 2, max_length, WIDTHS, UNET_CHANNELS, CHANNELS)


def image_moments(half: keras.Model | None = None) -> keras.Model:
    """The image encoder before its last choice: a picture (N, H, W, 3) → mean, log variance (N, H/16, W/16, 16).

    half: tells the first four channels, of a picture of half the size, and stays as it is: that of "pocket".
    """
    half = half or first.image_moments()
    half.trainable = False
    picture = keras.Input((None, None, 3))
    base = keras.layers.AveragePooling2D(2)(picture)
    for layer in half.layers:
        base = layer(base)
    x = PaddedConv2D(64, 4, strides=4)(picture)
    x = ResnetBlock(64)(x)
    x = PaddedConv2D(128, 3, strides=2, padding=1)(x)
    x = ResnetBlock(128)(x)
    x = PaddedConv2D(128, 3, strides=2, padding=1)(x)
    x = ResnetBlock(128)(x)
    x = keras.layers.GroupNormalization(epsilon=1e-5)(x)
    x = keras.layers.Activation("swish")(x)
    detail = PaddedConv2D(2 * (CHANNELS - BASE), 3, padding=1)(x)
    means = [base[..., :BASE], detail[..., : CHANNELS - BASE]]
    log_variances = [base[..., BASE:], detail[..., CHANNELS - BASE :]]
    x = keras.layers.Concatenate()(means + log_variances)
    return keras.Model(picture, _scaled(x), name="pocket_image_encoder")


def image_encoder(moments: keras.Model | None = None) -> keras.Model:
    """A picture (N, H, W, 3) in [-1, 1] → the mean of its latent (N, H/16, W/16, 8), by `image_moments`."""
    moments = moments or image_moments()
    return keras.Model(moments.inputs[0], moments.outputs[0][..., :CHANNELS], name="pocket_image_encoder")


def decoder(height: int, width: int, half: keras.Model | None = None) -> keras.Model:
    """A latent (N, height/16, width/16, 8) → a picture (N, height, width, 3) in about [-1, 1].

    It is a picture of half the size, by the decoder of "pocket" or `half`, made twice as wide, and what it adds.
    """
    half = half or first.decoder(height // 2, width // 2)
    head = len(half.layers) - 4  # from there on features become pixels
    latent = keras.Input((height // FACTOR, width // FACTOR, CHANNELS))
    scaled = _scaled(latent)
    scale, widen, *others = half.layers[:head]
    features = widen(scale(scaled[..., :BASE]))
    detail = PaddedConv2D(features.shape[-1], 3, padding=1, name=DETAIL)(scaled[..., BASE:])
    features = keras.layers.Add()([features, detail])
    for layer in others:
        features = layer(features)
    small = features
    for layer in half.layers[head:]:
        small = layer(small)
    x = keras.layers.UpSampling2D(2)(features)
    x = PaddedConv2D(64, 3, padding=1)(x)
    x = ResnetBlock(64)(x)
    x = ResnetBlock(64)(x)
    x = keras.layers.GroupNormalization(epsilon=1e-5)(x)
    x = keras.layers.Activation("swish")(x)
    # each cell becomes 4 × 4 sub-pixels of three colours (1609.05158)
    x = SubPixels(4)(PaddedConv2D(48, 3, padding=1, name=ADDED)(x))
    small = keras.layers.UpSampling2D(2, interpolation="bilinear")(small)
    return keras.Model(latent, keras.layers.Add()([small, x]), name="pocket_decoder")


def _scaled(x):
    """x, but for what `unit_variance` makes of it: the layer learns nothing."""
    scale = PaddedConv2D(x.shape[-1], 1, trainable=False)
    x = scale(x)
    scale.set_weights([np.eye(x.shape[-1])[None, None], np.zeros(x.shape[-1])])
    return x


@keras.saving.register_keras_serializable("pocket")
class SubPixels(keras.layers.Layer):
    """(N, H, W, 3 · factor²) → (N, factor · H, factor · W, 3): each place's numbers become a square of pixels."""

    def __init__(self, factor: int, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        ops, factor = keras.ops, self.factor
        _, height, width, _ = ops.shape(inputs)
        x = ops.reshape(inputs, (-1, height, width, factor, factor, 3))
        return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, height * factor, width * factor, 3))

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        return batch, height and height * self.factor, width and width * self.factor, 3
