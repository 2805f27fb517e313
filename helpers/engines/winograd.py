"""Convolutions of 3 × 3 with fewer products: Winograd's minimal filtering, after Lavin and Gray (1509.09308).

A tile of 2 × 2 numbers takes 36 products the direct way. Taken as sums of the inputs times sums of the kernel, which
are formed once, it takes 16. cuDNN does so by itself on a GPU; OpenVINO does not, so its networks are given these
layers before they are converted. (Tiles of 4 × 4 save more, but round too much for bfloat16, and take minutes to be
converted.)
"""

from __future__ import annotations

import functools

import keras
import numpy as np
from keras import ops
from keras_cv.src.models.stable_diffusion import padded_conv2d

from helpers.engines.faster_layers import MANY_FILTERS

Matrix = list[list[float]]
# What a tile's input, the kernel and the tile's output are multiplied by from both sides
# (Bᵀ, G and Aᵀ of F(2 × 2, 3 × 3) in 1509.09308, section 4.1).
_OF_INPUT: Matrix = [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]]
_OF_KERNEL: Matrix = [[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]]
_OF_OUTPUT: Matrix = [[1, 1, 1, 0], [0, 1, -1, -1]]


class PaddedConv2D(padded_conv2d.PaddedConv2D):
    """KerasCV's, of 3 × 3, by tiles where that pays: the same weights, but for rounding the same output.

    And the same name, by which a file of weights tells layers apart.
    """

    most = 64  # rows or columns: of larger pictures the sums take longer than the products that they save

    def by_tiles(self, height: int | None, width: int | None) -> bool:
        """Whether tiles fit such a picture, and pay."""
        if not height or not width or height % 2 or width % 2:
            return False
        return 16 <= min(height, width) and max(height, width) <= self.most and self.conv2d.filters >= MANY_FILTERS

    def call(self, inputs):
        _, height, width, channels = inputs.shape
        if not self.by_tiles(height, width):
            return super().call(inputs)
        down, across, filters = height // 2, width // 2, self.conv2d.filters
        # even and odd rows and columns apart, four arrays (N, down + 1, across + 1, channels)
        x = ops.pad(inputs, [(0, 0), (1, 1), (1, 1), (0, 0)])
        x = ops.reshape(x, (-1, down + 1, 2, across + 1, 2, channels))
        x = [ops.unstack(row, axis=0) for row in ops.unstack(ops.transpose(x, (2, 4, 0, 1, 3, 5)), axis=0)]

        def of_each_tile(row, column):
            """Its number in a row and column of 0 to 3, of which 2 and 3 are the next tile's 0 and 1."""
            (below, row), (right, column) = divmod(row, 2), divmod(column, 2)
            return x[row][column][:, below : below + down, right : right + across]

        kernel = self.transformed_kernel()
        tiles = _from_both_sides(_OF_INPUT, [[of_each_tile(i, j) for j in range(4)] for i in range(4)])
        products = [[ops.matmul(tiles[i][j], kernel[i][j]) for j in range(4)] for i in range(4)]
        rows = [ops.stack(row, 3) for row in _from_both_sides(_OF_OUTPUT, products)]
        rows = [ops.reshape(row, (-1, down, width, filters)) for row in rows]
        return ops.reshape(ops.stack(rows, 2), (-1, height, width, filters)) + self.conv2d.bias

    def transformed_kernel(self) -> list[list]:
        """G · kernel · Gᵀ, 4 × 4 constants (channels, filters), computed now and not in the graph."""
        import tensorflow as tf

        transform = np.array(_OF_KERNEL, np.float32)
        with tf.init_scope():  # out of the function that is being traced
            kernel = np.tensordot(np.kron(transform, transform), self.conv2d.kernel.numpy().reshape(9, -1), 1)
            kernel = kernel.reshape(4, 4, *self.conv2d.kernel.shape[2:])
            return [[tf.constant(each) for each in row] for row in kernel]


def _from_both_sides(matrix: Matrix, grid: list[list]) -> list[list]:
    """matrix · grid · matrixᵀ, of a grid of arrays and a matrix of 0, 1 and -1."""
    half = [_combined(matrix, column) for column in zip(*grid)]
    return [_combined(matrix, row) for row in zip(*half)]


def _combined(matrix: Matrix, arrays: tuple) -> list:
    """A sum of some of the arrays for each row of the matrix."""

    def added(total, term):
        sign, array = term
        return array if total is None else total + array if sign > 0 else total - array

    # those to be added come first: a row can begin with one to be taken off
    chosen = [sorted((t for t in zip(row, arrays) if t[0]), key=lambda t: -t[0]) for row in matrix]
    return [functools.reduce(added, terms, None) for terms in chosen]


def by_winograd(network: keras.Model, precision: str) -> keras.Model:
    """The network itself, its 3 × 3 convolutions done by tiles where that pays in such a precision.

    For conversion: the kernels are taken as they are when the network is next traced.
    """
    for layer in network._flatten_layers():
        if type(layer) is padded_conv2d.PaddedConv2D:
            if (layer.conv2d.kernel_size, layer.conv2d.strides) == ((3, 3), (1, 1)):
                layer.__class__ = PaddedConv2D
                layer.most = 64 if precision == "float32" else 32
    return network
