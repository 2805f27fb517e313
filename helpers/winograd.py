"""Convolutions of 3 × 3 with fewer products: Winograd's minimal filtering, after Lavin and Gray (1509.09308).

A tile of 2 × 2 numbers takes 36 products the direct way. Taken as sums of the inputs times sums of the kernel, which
are formed once, it takes 16, and a tile of 4 × 4 takes 36 instead of 144. cuDNN does so by itself on a GPU;
OpenVINO does not, so its networks are given these layers before they are converted.
"""

from __future__ import annotations

import functools

import keras
import numpy as np
from keras import ops
from keras_cv.src.models.stable_diffusion import padded_conv2d

from helpers.layers import MANY_FILTERS

# By the width of a tile: what its input, the kernel and its output are multiplied by from both sides
# (Bᵀ, G and Aᵀ in 1509.09308, section 4).
_TRANSFORMS = {
    2: (
        [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
        [[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]],
        [[1, 1, 1, 0], [0, 1, -1, -1]],
    ),
    4: (
        [
            [4, 0, -5, 0, 1, 0],
            [0, -4, -4, 1, 1, 0],
            [0, 4, -4, -1, 1, 0],
            [0, -2, -1, 2, 1, 0],
            [0, 2, -1, -2, 1, 0],
            [0, 4, 0, -5, 0, 1],
        ],
        [
            [1 / 4, 0, 0],
            [-1 / 6, -1 / 6, -1 / 6],
            [-1 / 6, 1 / 6, -1 / 6],
            [1 / 24, 1 / 12, 1 / 6],
            [1 / 24, -1 / 12, 1 / 6],
            [0, 0, 1],
        ],
        [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
    ),
}


class PaddedConv2D(padded_conv2d.PaddedConv2D):
    """KerasCV's, of 3 × 3, by tiles where that pays: the same weights, but for rounding the same output.

    And the same name, by which a file of weights tells layers apart.
    """

    precision = "float32"  # of the arithmetic: as of `engines`

    def tile(self, height: int, width: int) -> int | None:
        """The width of a tile for such a picture; None: the direct way.

        The larger tile rounds about three times as much, too much for bfloat16, and its kernels take four times the
        room, too much for the many channels of small pictures.
        """
        least = min(height, width)
        tile = 4 if self.precision == "float32" and least >= 32 else 2
        worth = least >= 16 and (self.precision == "float32" or least <= 32) and self.conv2d.filters >= MANY_FILTERS
        return tile if worth and height % tile == width % tile == 0 else None

    def call(self, inputs):
        _, height, width, channels = inputs.shape
        tile = self.tile(height, width) if height and width else None
        if tile is None:
            return super().call(inputs)
        of_input, _, of_output = _TRANSFORMS[tile]
        kernel = self.transformed_kernel(tile)
        down, across = height // tile, width // tile
        # the phases apart, x[i, j]: of each tile the number in row i and column j, (N, down + 1, across + 1, channels)
        x = ops.pad(inputs, [(0, 0), (1, tile - 1), (1, tile - 1), (0, 0)])
        x = ops.reshape(x, (-1, down + 1, tile, across + 1, tile, channels))
        x = ops.transpose(x, (2, 4, 0, 1, 3, 5))

        def phase(i, j):
            """Those in row i and column j, which from `tile` on are the next tile's."""
            (next_down, i), (next_across, j) = divmod(i, tile), divmod(j, tile)
            return x[i, j][:, next_down : next_down + down, next_across : next_across + across]

        reach = range(tile + 2)
        tiles = _from_both_sides(of_input, [[phase(i, j) for j in reach] for i in reach])
        products = [[ops.matmul(tiles[i][j], kernel[i, j]) for j in reach] for i in reach]
        rows = [ops.stack(row, 3) for row in _from_both_sides(of_output, products)]
        rows = [ops.reshape(row, (-1, down, width, self.conv2d.filters)) for row in rows]
        return ops.reshape(ops.stack(rows, 2), (-1, height, width, self.conv2d.filters)) + self.conv2d.bias

    def transformed_kernel(self, tile: int):
        """G · kernel · Gᵀ: float32 (tile + 2, tile + 2, channels, filters), computed now and not in the graph."""
        import tensorflow as tf

        transform = np.array(_TRANSFORMS[tile][1], np.float32)
        with tf.init_scope():  # out of the function that is being traced
            kernel = np.tensordot(np.kron(transform, transform), self.conv2d.kernel.numpy().reshape(9, -1), 1)
            return tf.constant(kernel.reshape(tile + 2, tile + 2, *self.conv2d.kernel.shape[2:]))


def _from_both_sides(matrix: list[list[float]], grid: list[list]) -> list[list]:
    """matrix · grid · matrixᵀ, of a grid of arrays."""
    half = [_combined(matrix, column) for column in zip(*grid)]
    return [_combined(matrix, row) for row in zip(*half)]


def _combined(matrix: list[list[float]], arrays: tuple) -> list:
    """A sum of the arrays for each row of the matrix, without the products by 0 and 1."""

    def added(total, term):
        factor, array = term
        if total is None:
            return array if factor == 1 else array * factor
        if abs(factor) != 1:
            array = array * abs(factor)
        return total + array if factor > 0 else total - array

    return [functools.reduce(added, [term for term in zip(row, arrays) if term[0]], None) for row in matrix]


def by_winograd(network: keras.Model, precision: str) -> keras.Model:
    """The network itself, its 3 × 3 convolutions done by tiles where that pays in such a precision.

    For conversion: the kernels are taken as they are when the network is next traced.
    """
    for layer in network._flatten_layers():
        if type(layer) is padded_conv2d.PaddedConv2D and (layer.conv2d.kernel_size, layer.conv2d.strides) == (
            (3, 3),
            (1, 1),
        ):
            layer.__class__, layer.precision = PaddedConv2D, precision
    return network
