"""The UNet of latent diffusion (2112.10752), with KerasCV's layers and the original's arithmetic."""

from __future__ import annotations

import keras
from keras import ops
from keras_cv.src.models.stable_diffusion import diffusion_model as layers
from keras_cv.src.models.stable_diffusion.padded_conv2d import PaddedConv2D

from helpers.engines import faster_layers
from helpers.models import quick_layers
from helpers.models.architectures.configs import UNetConfig


class CrossAttention(layers.CrossAttention):
    """Attention to a context of any length, which KerasCV's fixes at building.

    The queries are scaled before the products, whose sums float16 would not always hold, and not after.
    """

    def call(self, inputs, context=None):
        context = inputs if context is None else context

        def heads(x):
            x = ops.reshape(x, (-1, ops.shape(x)[1], self.num_heads, self.head_size))
            return ops.transpose(x, (0, 2, 1, 3))

        q, k, v = heads(self.to_q(inputs) * self.scale), heads(self.to_k(context)), heads(self.to_v(context))
        mixed = ops.matmul(ops.softmax(ops.matmul(q, ops.transpose(k, (0, 1, 3, 2)))), v)
        mixed = ops.transpose(mixed, (0, 2, 1, 3))
        return self.out_proj(ops.reshape(mixed, (-1, inputs.shape[1], self.num_heads * self.head_size)))


class GEGLU(faster_layers.GEGLU):
    """With the exact GELU."""

    approximate = False


class SpatialTransformer(quick_layers.SpatialTransformer):
    """KerasCV's, with the original's epsilon and the two layers above."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.norm.epsilon = 1e-6
        block = self.transformer_block
        block.attn1.__class__ = block.attn2.__class__ = CrossAttention
        block.geglu.__class__ = GEGLU


def diffusion_model(config: UNetConfig, height: int, width: int) -> keras.Model:
    """[latent (N, height, width, in_channels), timestep embedding (N, channels[0]), context (N, tokens, width)] → noise
    or velocity (N, height, width, latent_channels); height and width are cells of the latent, tokens may be any number.

    With a guidance_width the last input is the guidance's embedding (N, guidance_width).
    """
    latent = keras.Input((height, width, config.in_channels), name="latent")
    timestep = keras.Input((config.channels[0],), name="timestep_embedding")
    context = keras.Input((None, config.context_width), name="context")
    inputs = [latent, timestep, context]

    t = timestep
    if config.guidance_width is not None:
        guidance = keras.Input((config.guidance_width,), name="guidance_embedding")
        inputs.append(guidance)
        t += keras.layers.Dense(config.channels[0], use_bias=False, name="time_embedding.cond_proj")(guidance)
    t = keras.layers.Dense(4 * config.channels[0], name="time_embedding.linear_1")(t)
    t = keras.layers.Activation("swish")(t)
    t = keras.layers.Dense(4 * config.channels[0], name="time_embedding.linear_2")(t)

    def block(x, level: int, name: str, number: int, attention: bool):
        channels, heads = config.channels[level], config.heads[level]
        x = quick_layers.ResBlock(channels, name=f"{name}.resnets.{number}")([x, t])
        if attention:
            place = f"{name}.attentions.{number}"
            x = SpatialTransformer(heads, channels // heads, config.linear_projection, name=place)([x, context])
        return x

    x = PaddedConv2D(config.channels[0], 3, padding=1, name="conv_in")(latent)
    skips = [x]
    last = len(config.channels) - 1
    for level, channels in enumerate(config.channels):
        name = f"down_blocks.{level}"
        for number in range(config.layers):
            x = block(x, level, name, number, config.attention[level])
            skips.append(x)
        if level < last:
            x = PaddedConv2D(channels, 3, strides=2, padding=1, name=f"{name}.downsamplers.0.conv")(x)
            skips.append(x)

    x = block(x, last, "mid_block", 0, attention=True)
    x = block(x, last, "mid_block", 1, attention=False)

    for level in reversed(range(len(config.channels))):
        name = f"up_blocks.{last - level}"
        for number in range(config.layers + 1):
            x = keras.layers.Concatenate()([x, skips.pop()])
            x = block(x, level, name, number, config.attention[level])
        if level:
            x = layers.Upsample(config.channels[level], name=f"{name}.upsamplers.0")(x)

    x = keras.layers.GroupNormalization(epsilon=1e-5, name="conv_norm_out")(x)
    x = keras.layers.Activation("swish")(x)
    x = PaddedConv2D(config.latent_channels, 3, padding=1, name="conv_out")(x)
    return keras.Model(inputs, x, name="diffusion_model")
