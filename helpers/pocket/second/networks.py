"""The second edition's networks: 256 × 256 pixels, latents of 16 × 16 cells and 16 channels, from KerasCV's layers.

They take and give what KerasCV's own networks do, but for the UNet's latent: beside the noisy latent it sees the
hole (1 where it shall paint) and the latent of the picture around the hole, as Stable Diffusion's inpainting
networks do. A picture from words alone is a hole as large as the picture.
"""

from __future__ import annotations

import keras
from keras_cv.src.models.stable_diffusion.diffusion_model import Upsample
from keras_cv.src.models.stable_diffusion.padded_conv2d import PaddedConv2D
from keras_cv.src.models.stable_diffusion.resnet_block import ResnetBlock

from helpers.models.pocket import networks as first
from helpers.models.pocket.networks import HEADS, TIMESTEP_WIDTH
from helpers.models.pocket.sizes import CONTEXT_WIDTH, MAX_LENGTH
from helpers.models.quick_layers import ResBlock, SpatialTransformer

SIZE = 256  # pixels
FACTOR = 16  # pixels of a latent's cell
CHANNELS = 16  # of a latent
LATENT = (SIZE // FACTOR, SIZE // FACTOR, CHANNELS)
UNET_CHANNELS = 2 * CHANNELS + 1  # what the UNet sees: noisy latent, hole, the surroundings' latent
WIDTHS = (96, 128, 128)  # of the UNet's three levels
# Layers of encoder and decoder: a linear code of each cell, what the last layer adds to it, and the latent's scale.
LINEAR, ADDED, SCALE = "linear_code", "added", "scale"


def text_encoder(vocabulary_size: int) -> keras.Model:
    """The first edition's: tokens, positions int32 (N, MAX_LENGTH) → context (N, MAX_LENGTH, 160)."""
    return first.text_encoder(MAX_LENGTH, vocabulary_size)


def diffusion_model(height: int, width: int, max_length: int = MAX_LENGTH) -> keras.Model:
    """The UNet: (N, height/16, width/16, 33), a timestep embedding (N, 320), a context (N, max_length, 160) → velocity.

    The latent's 33 channels are the noisy latent's 16, the hole, and the 16 of the picture around the hole.
    The largest level has residual blocks alone: attention there costs as much again and places nothing better.
    """
    latent = keras.Input((height // FACTOR, width // FACTOR, UNET_CHANNELS), name="latent")
    timestep = keras.Input((TIMESTEP_WIDTH,), name="timestep_embedding")
    context = keras.Input((max_length, CONTEXT_WIDTH), name="context")

    t = keras.layers.Dense(256)(timestep)
    t = keras.layers.Activation("swish")(t)
    t = keras.layers.Dense(256)(t)

    def block(x, level):
        x = ResBlock(WIDTHS[level])([x, t])
        return SpatialTransformer(HEADS, WIDTHS[level] // HEADS)([x, context]) if level else x

    x = PaddedConv2D(WIDTHS[0], 3, padding=1)(latent)
    skips = [x]
    for level, width in enumerate(WIDTHS):
        if level:
            x = PaddedConv2D(width, 3, strides=2, padding=1)(x)
            skips.append(x)
        for _ in range(1 if level else 2):
            x = block(x, level)
            skips.append(x)

    x = block(x, len(WIDTHS) - 1)
    x = ResBlock(WIDTHS[-1])([x, t])

    for level, width in reversed(list(enumerate(WIDTHS))):
        for _ in range(2 if level else 3):
            x = keras.layers.Concatenate()([x, skips.pop()])
            x = block(x, level)
        if level:
            x = Upsample(width)(x)

    x = keras.layers.GroupNormalization(epsilon=1e-5)(x)
    x = keras.layers.Activation("swish")(x)
    x = PaddedConv2D(CHANNELS, 3, padding=1)(x)
    return keras.Model([latent, timestep, context], x, name="pocket_diffusion_model")


def image_moments() -> keras.Model:
    """The image encoder before its last choice: a picture (N, H, W, 3) → mean, log variance (N, H/16, W/16, 32).

    What it tells of a cell is a linear code of the cell's pixels, which `start_linear` makes and which stays, and what
    the other layers add.
    """
    picture = keras.Input((None, None, 3))
    code = PaddedConv2D(2 * CHANNELS, FACTOR, strides=FACTOR, name=LINEAR, trainable=False)(picture)
    # patches of 4 × 4 pixels at once: full-size convolutions would cost more than all the rest
    x = PaddedConv2D(64, 4, strides=4)(picture)
    x = ResnetBlock(64)(x)
    x = PaddedConv2D(128, 3, strides=2, padding=1)(x)
    x = ResnetBlock(128)(x)
    x = PaddedConv2D(160, 3, strides=2, padding=1)(x)
    x = ResnetBlock(160)(x)
    x = keras.layers.GroupNormalization(epsilon=1e-5)(x)
    x = keras.layers.Activation("swish")(x)
    x = PaddedConv2D(2 * CHANNELS, 3, padding=1, name=ADDED)(x)
    x = keras.layers.Add()([code, x])
    x = PaddedConv2D(2 * CHANNELS, 1, name=SCALE)(x)
    return keras.Model(picture, x, name="pocket_image_encoder")


def image_encoder(moments: keras.Model | None = None) -> keras.Model:
    """A picture (N, H, W, 3) in [-1, 1] → the mean of its latent (N, H/16, W/16, 16), by `image_moments`."""
    moments = moments or image_moments()
    return keras.Model(moments.inputs[0], moments.outputs[0][..., :CHANNELS], name="pocket_image_encoder")


def decoder(height: int | None = None, width: int | None = None) -> keras.Model:
    """A latent (N, height/16, width/16, 16) → a picture (N, height, width, 3) in about [-1, 1]; None: of any size.

    It is the linear code's picture and what the other layers add.
    """
    latent = keras.Input((height and height // FACTOR, width and width // FACTOR, CHANNELS))
    scaled = PaddedConv2D(CHANNELS, 1, name=SCALE)(latent)
    cells = SubPixels(FACTOR)(keras.layers.Conv2D(3 * FACTOR**2, 1, name=LINEAR, trainable=False)(scaled))
    x = PaddedConv2D(160, 3, padding=1)(scaled)
    x = ResnetBlock(160)(x)
    x = ResnetBlock(160)(x)
    x = keras.layers.UpSampling2D(2)(x)
    x = PaddedConv2D(128, 3, padding=1)(x)
    x = ResnetBlock(128)(x)
    x = ResnetBlock(128)(x)
    x = keras.layers.UpSampling2D(2)(x)
    x = PaddedConv2D(64, 3, padding=1)(x)
    x = ResnetBlock(64)(x)
    x = ResnetBlock(64)(x)
    x = keras.layers.GroupNormalization(epsilon=1e-5)(x)
    x = keras.layers.Activation("swish")(x)
    # each cell becomes 4 × 4 sub-pixels of three colours (1609.05158)
    x = SubPixels(4)(PaddedConv2D(48, 3, padding=1, name=ADDED)(x))
    return keras.Model(latent, keras.layers.Add()([cells, x]), name="pocket_decoder")


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
