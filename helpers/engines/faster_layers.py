"""KerasCV's networks in forms that run faster: the same weights and, but for rounding, the same output."""

from __future__ import annotations

import keras
from keras import ops
from keras_cv.src.models.stable_diffusion import diffusion_model, padded_conv2d


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

    approximate = True

    def call(self, inputs):
        kernels = ops.split(self.dense.kernel, 2, axis=-1)
        biases = ops.split(self.dense.bias, 2)
        value, gate = (ops.matmul(inputs, kernel) + bias for kernel, bias in zip(kernels, biases))
        return value * keras.activations.gelu(gate, approximate=self.approximate)


def _doubled_convolution(inputs, convolution: keras.layers.Conv2D):
    """Nearest-neighbour doubling and a 3 × 3 convolution of the doubled picture, in 4/9 of its products.

    Of the 3 × 3 numbers that a place of the doubled picture sees only 2 × 2 differ, so it is given the kernel's sums
    over equal ones: one small kernel for even and one for odd rows, and so for columns.
    """
    _, height, width, _ = inputs.shape
    kernel, filters = convolution.kernel, convolution.filters
    x = ops.pad(inputs, [(0, 0), (1, 1), (1, 1), (0, 0)])

    def sums(kernel, axis):
        first, middle, last = ops.split(kernel, 3, axis)
        return [ops.concatenate(pair, axis) for pair in ((first, middle + last), (first + middle, last))]

    rows = []
    for row, of_rows in enumerate(sums(kernel, 0)):
        columns = [
            ops.conv(x[:, row : row + height + 1, column : column + width + 1], each, padding="valid")
            for column, each in enumerate(sums(of_rows, 1))
        ]
        rows.append(ops.reshape(ops.stack(columns, 3), (-1, height, 2 * width, filters)))
    return ops.reshape(ops.stack(rows, 2), (-1, 2 * height, 2 * width, filters)) + convolution.bias


class Upsample(diffusion_model.Upsample):
    """KerasCV's doubling and convolution as one."""

    def call(self, inputs):
        return _doubled_convolution(inputs, self.conv.conv2d)


class PaddedConv2D(padded_conv2d.PaddedConv2D):
    """A convolution after a doubling, which it does as well."""

    def call(self, inputs):
        return _doubled_convolution(inputs, self.conv2d)


class UpSampling2D(keras.layers.UpSampling2D):
    """A doubling that the layer after it does."""

    def call(self, inputs):
        return inputs


class FewerTokensAttention(diffusion_model.CrossAttention):
    """Attention of all tokens of a picture to those in every `downsampling`-th row and column (2402.13573).

    What is looked at is down-sampled, who looks is not, so nothing has to be merged back.
    """

    def call(self, inputs, context=None):
        if context is None:
            channels = inputs.shape[-1]
            step = self.downsampling
            context = ops.reshape(inputs, (-1, *self.grid, channels))[:, ::step, ::step]
            context = ops.reshape(context, (-1, context.shape[1] * context.shape[2], channels))
        return super().call(inputs, context)


class AttentionInParts(diffusion_model.CrossAttention):
    """A picture's attention to itself, for `IN_PART` tokens at most at a time (2112.05682, without its running sums).

    A picture of 512 × 512 pixels has 4096 tokens: the weights of all, for eight heads, guided and not, are a gigabyte
    in float32, of which this has an eighth at any time. It takes as long.
    """

    def call(self, inputs, context=None):
        _, tokens, channels = inputs.shape
        if context is not None or tokens <= 2 * IN_PART:
            return super().call(inputs, context)
        parts = next(parts for parts in range(-(-tokens // IN_PART), tokens + 1) if tokens % parts == 0)

        def heads(x):
            return ops.reshape(x, (-1, tokens, self.num_heads, self.head_size))

        keys = ops.transpose(heads(self.to_k(inputs)), (0, 2, 3, 1))  # (N, heads, size, tokens)
        values = ops.transpose(heads(self.to_v(inputs)), (0, 2, 1, 3))  # (N, heads, tokens, size)
        queries = ops.reshape(
            self.to_q(inputs) * self.scale, (-1, parts, tokens // parts, self.num_heads, self.head_size)
        )

        def attended(queries):
            return ops.matmul(ops.softmax(ops.matmul(queries, keys)), values)

        x = ops.map(attended, ops.transpose(queries, (1, 0, 3, 2, 4)))  # (parts, N, heads, tokens of a part, size)
        return self.out_proj(ops.reshape(ops.transpose(x, (1, 0, 3, 2, 4)), (-1, tokens, channels)))


IN_PART = 512
# The names of the classes are KerasCV's and Keras's: a file of weights tells its layers apart by them.
_FASTER = {keras.layers.GroupNormalization: GroupNormalization, diffusion_model.GEGLU: GEGLU}
MANY_FILTERS = 256  # from so many on, a convolution gains more by fewer products than it loses by more operations


def faster(network: keras.Model) -> keras.Model:
    """The network itself, some of its layers computing as the classes above do.

    Their weights, names and places in a checkpoint stay what they were, so weights may be loaded before or after.
    """
    for layer in network._flatten_layers():
        layer.__class__ = _FASTER.get(type(layer), type(layer))
        if type(layer) is diffusion_model.Upsample and layer.conv.conv2d.filters >= MANY_FILTERS:
            layer.__class__ = Upsample
    for layer, following in zip(network.layers, network.layers[1:]):
        if (type(layer), type(following)) == (keras.layers.UpSampling2D, padded_conv2d.PaddedConv2D):
            if following.conv2d.filters >= MANY_FILTERS:
                layer.__class__, following.__class__ = UpSampling2D, PaddedConv2D
    return network


def with_attention_in_parts(network: keras.Model, precision: str) -> keras.Model:
    """The network itself, for what runs it operation by operation; OpenVINO has one operation for all of attention."""
    for layer in network._flatten_layers():
        if type(layer) is diffusion_model.CrossAttention:
            layer.__class__ = AttentionInParts
    return network


def with_fewer_tokens(unet: keras.Model, downsampling: int) -> keras.Model:
    """The UNet itself; at its largest level a picture attends to each `downsampling`-th row and column of itself."""
    transformers = [layer for layer in unet.layers if isinstance(layer, diffusion_model.SpatialTransformer)]
    grids = [layer.output.shape[1:3] for layer in transformers]
    for layer, grid in zip(transformers, grids):
        if grid == max(grids):
            attention = layer.transformer_block.attn1
            attention.__class__, attention.grid, attention.downsampling = FewerTokensAttention, grid, downsampling
    return unet


def with_deep_features(unet: keras.Model) -> keras.Model:
    """The UNet with a second output: what its inner levels hand to the outermost one (DeepCache, 2312.00858)."""
    return keras.Model(unet.inputs, [unet.outputs[0], _deep_features(unet)])


def from_deep_features(unet: keras.Model) -> keras.Model:
    """The UNet's outermost level alone: it takes, after the UNet's own inputs, such features, of a timestep near."""
    return keras.Model([*unet.inputs, _deep_features(unet)], unet.outputs[0])


def _deep_features(unet: keras.Model):
    return [layer for layer in unet.layers if isinstance(layer, diffusion_model.Upsample)][-1].output
