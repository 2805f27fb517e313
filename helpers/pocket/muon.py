"""Keras's Muon optimizer, for convolutions too: their updates are made orthogonal, so few steps teach much.

Keras gives Muon's step to matrices alone. A convolution's kernel (height, width, in, out) is a matrix
(height·width·in, out) as well, and this model is nearly all convolutions
(https://kellerjordan.github.io/posts/muon/; scaled as in 2502.16982).
"""

from __future__ import annotations

import keras
from keras import ops


class ConvolutionalMuon(keras.optimizers.Muon):
    """Muon for kernels between layers; AdamW for the rest: embeddings, biases, norms, first and last layers."""

    def _should_use_adamw(self, variable) -> bool:
        matrix = len(variable.shape) in (2, 4) and min(variable.shape[-2:]) >= 64
        return not matrix or "embedding" in variable.path.lower()

    def zeropower_via_newtonschulz5(self, x, steps: int):
        """The orthogonal matrix nearest to x (…, out), scaled so that its root mean square is Adam's, about 0.2."""
        matrix = ops.reshape(x, (-1, x.shape[-1]))
        return ops.reshape(super().lr_adjust(super().zeropower_via_newtonschulz5(matrix, steps)), x.shape)

    def lr_adjust(self, x):
        return x  # done above, where the matrix's sides are known
