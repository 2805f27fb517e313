"""The pocket model's networks: Stable Diffusion's, from the same KerasCV layers, a few thousand times cheaper.

They take and give what KerasCV's own networks do (`TextEncoder`, `DiffusionModel`, `ImageEncoder`,
`Decoder`), so that the rest of the project treats both alike: a picture in [-1, 1] is f =
FACTOR times as wide as its latent of C = LATENT_CHANNELS channels, and latents have unit variance.
"""

from __future__ import annotations

import keras
from keras_cv.src.models.stable_diffusion.attention_block import AttentionBlock
from keras_cv.src.models.stable_diffusion.diffusion_model import Upsample
from keras_cv.src.models.stable_diffusion.padded_conv2d import PaddedConv2D
from keras_cv.src.models.stable_diffusion.resnet_block import ResnetBlock
from keras_cv.src.models.stable_diffusion.text_encoder import CLIPEmbedding, quick_gelu

from helpers.models.pocket.sizes import CONTEXT_WIDTH, FACTOR, LATENT_CHANNELS
from helpers.models.quick_layers import CLIPEncoderLayer, ResBlock, SpatialTransformer

TIMESTEP_WIDTH = 320  # sines and cosines of a timestep, as in Stable Diffusion
HEADS = 4
CHANNELS = (64, 128, 160)  # of the UNet's three levels


def text_encoder(max_length: int, vocabulary_size: int) -> keras.Model:
    """CLIP's text encoder with two layers: tokens, positions int32 (N, max_length) → (N, max_length, 160)."""
    tokens = keras.Input((max_length,), dtype="int32", name="tokens")
    positions = keras.Input((max_length,), dtype="int32", name="positions")
    x = CLIPEmbedding(vocabulary_size, CONTEXT_WIDTH, max_length)([tokens, positions])
    for _ in range(2):
        x = CLIPEncoderLayer(CONTEXT_WIDTH, HEADS, activation=quick_gelu)(x)
    x = keras.layers.LayerNormalization(epsilon=1e-5)(x)
    return keras.Model([tokens, positions], x, name="pocket_text_encoder")


def diffusion_model(
    height: int,
    width: int,
    max_length: int,
    channels: tuple[int, ...] = CHANNELS,
    seen: int = LATENT_CHANNELS,
    told: int = LATENT_CHANNELS,
) -> keras.Model:
    """The UNet: a latent (N, height/f, width/f, C), its timestep embedding (N, 320), a context → its velocity.

    Three levels, each with one block down and two up; attention on every level. It sees and tells so many channels.
    """
    latent = keras.Input((height // FACTOR, width // FACTOR, seen), name="latent")
    timestep = keras.Input((TIMESTEP_WIDTH,), name="timestep_embedding")
    context = keras.Input((max_length, CONTEXT_WIDTH), name="context")

    t = keras.layers.Dense(256)(timestep)
    t = keras.layers.Activation("swish")(t)
    t = keras.layers.Dense(256)(t)

    def block(x, width):
        x = ResBlock(width)([x, t])
        return SpatialTransformer(HEADS, width // HEADS)([x, context])

    x = PaddedConv2D(channels[0], 3, padding=1)(latent)
    skips = [x]
    for level, width in enumerate(channels):
        if level:
            x = PaddedConv2D(width, 3, strides=2, padding=1)(x)
            skips.append(x)
        x = block(x, width)
        skips.append(x)

    x = block(x, channels[-1])
    x = ResBlock(channels[-1])([x, t])

    for level, width in reversed(list(enumerate(channels))):
        for _ in range(2):
            x = keras.layers.Concatenate()([x, skips.pop()])
            x = block(x, width)
        if level:
            x = Upsample(width)(x)

    x = keras.layers.GroupNormalization(epsilon=1e-5)(x)
    x = keras.layers.Activation("swish")(x)
    x = PaddedConv2D(told, 3, padding=1)(x)
    return keras.Model([latent, timestep, context], x, name="pocket_diffusion_model")


def image_moments() -> keras.Model:
    """The image encoder before its last choice: a picture (N, H, W, 3) → mean and log variance (N, H/f, W/f, 2·C)."""
    return keras.Sequential(
        [
            keras.Input((None, None, 3)),
            # patches of 4 × 4 pixels at once: full-size convolutions would cost more than all the rest
            PaddedConv2D(64, 4, strides=4),
            ResnetBlock(64),
            PaddedConv2D(128, 3, strides=2, padding=1),
            ResnetBlock(128),
            AttentionBlock(128),
            ResnetBlock(128),
            keras.layers.GroupNormalization(epsilon=1e-5),
            keras.layers.Activation("swish"),
            PaddedConv2D(2 * LATENT_CHANNELS, 3, padding=1),
            PaddedConv2D(2 * LATENT_CHANNELS, 1),
        ],
        name="pocket_image_encoder",
    )


def image_encoder(moments: keras.Model | None = None) -> keras.Model:
    """A picture (N, H, W, 3) in [-1, 1] → the mean of its latent (N, H/f, W/f, C), by `image_moments`."""
    moments = moments or image_moments()
    return keras.Model(moments.inputs[0], moments.outputs[0][..., :LATENT_CHANNELS], name="pocket_image_encoder")


def decoder(height: int, width: int) -> keras.Model:
    """A latent (N, height/f, width/f, C) → a picture (N, height, width, 3) in about [-1, 1]."""
    return keras.Sequential(
        [
            keras.Input((height // FACTOR, width // FACTOR, LATENT_CHANNELS)),
            PaddedConv2D(LATENT_CHANNELS, 1),
            PaddedConv2D(128, 3, padding=1),
            ResnetBlock(128),
            AttentionBlock(128),
            ResnetBlock(128),
            keras.layers.UpSampling2D(2),
            PaddedConv2D(128, 3, padding=1),
            ResnetBlock(128),
            ResnetBlock(128),
            keras.layers.GroupNormalization(epsilon=1e-5),
            keras.layers.Activation("swish"),
            # each cell becomes 4 × 4 sub-pixels of three colours (1609.05158)
            PaddedConv2D(48, 3, padding=1),
            keras.layers.Reshape((height // 4, width // 4, 4, 4, 3)),
            keras.layers.Permute((1, 3, 2, 4, 5)),
            keras.layers.Reshape((height, width, 3)),
        ],
        name="pocket_decoder",
    )
