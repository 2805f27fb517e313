"""KerasCV's networks in forms that run faster: the same weights and, but for rounding, the same output."""

from __future__ import annotations

import keras
from keras import ops
from keras_cv.src.models.stable_diffusion import diffusion_model


class GroupNormalization(keras.layers.GroupNormalization):
    """Group normalisation (1803.08494) of (N, H, W, C) that never reshapes or transposes the picture.

    Each channel is averaged over height and width first, and only those few averages over the channels of
    a group. The statistics are of float32, the picture stays in the compute dtype.
    """

    def call(self, inputs):
        inputs = ops.cast(inputs, self.compute_dtype)
        channels = inputs.shape[-1]

        def group_mean(x):
            """The mean over height, width and a group's channels, float32 (N, 1, 1, C)."""
            x = ops.reshape(ops.mean(ops.cast(x, "float32"), axis=(1, 2)), (-1, self.groups, channels // self.groups))
            return ops.reshape(ops.repeat(ops.mean(x, axis=-1), channels // self.groups, axis=-1), (-1, 1, 1, channels))

        # the variance from centred values: a difference of large means would not survive bfloat16
        centred = inputs - ops.cast(group_mean(inputs), inputs.dtype)
        scale = ops.rsqrt(group_mean(ops.square(ops.cast(centred, "float32"))) + self.epsilon) * self.gamma
        return centred * ops.cast(scale, inputs.dtype) + ops.cast(self.beta, inputs.dtype)


class GEGLU(diffusion_model.GEGLU):
    """GEGLU (2002.05202) with a product for each half, where KerasCV's slices one product in two.

    The gate's GELU is the tanh approximation, as in KerasCV, but one operation, which every compiler knows.
    """

    def call(self, inputs):
        kernels = ops.split(self.dense.kernel, 2, axis=-1)
        biases = ops.split(self.dense.bias, 2)
        value, gate = (ops.matmul(inputs, kernel) + bias for kernel, bias in zip(kernels, biases))
        return value * keras.activations.gelu(gate, approximate=True)


# The names of the classes are KerasCV's and Keras's: a file of weights tells its layers apart by them.
_FASTER = {keras.layers.GroupNormalization: GroupNormalization, diffusion_model.GEGLU: GEGLU}


def faster(network: keras.Model) -> keras.Model:
    """The network itself, its group normalisations and GEGLUs computing as the classes above do.

    Their weights, names and places in a checkpoint stay what they were, so weights may be loaded before or after.
    """
    for layer in network._flatten_layers():
        layer.__class__ = _FASTER.get(type(layer), type(layer))
    return network


def with_deep_features(unet: keras.Model) -> keras.Model:
    """The UNet with a second output: what its inner levels hand to the outermost one (DeepCache, 2312.00858)."""
    return keras.Model(unet.inputs, [unet.outputs[0], _deep_features(unet)])


def from_deep_features(unet: keras.Model) -> keras.Model:
    """The UNet's outermost level alone: it takes, after the UNet's own inputs, such features, of a timestep near."""
    return keras.Model([*unet.inputs, _deep_features(unet)], unet.outputs[0])


def _deep_features(unet: keras.Model):
    return [layer for layer in unet.layers if isinstance(layer, diffusion_model.Upsample)][-1].output
