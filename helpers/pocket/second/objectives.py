"""What the second edition's halves learn: the autoencoder to restore pictures, the UNet to tell a velocity."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from helpers.engines.faster_layers import faster
from helpers.models.pocket.sizes import MAX_LENGTH
from helpers.pocket.objectives import zero_residuals
from helpers.pocket.second import networks
from helpers.pocket.second.networks import CHANNELS, LATENT, SIZE, UNET_CHANNELS

# One of what each model takes, to build it with.
PICTURE_EXAMPLE = np.zeros((1, SIZE, SIZE, 3), np.float32)
DIFFUSION_EXAMPLE = [
    np.zeros((1, MAX_LENGTH), np.int32),
    np.zeros((1, *LATENT[:2], UNET_CHANNELS), np.float32),
    np.zeros((1, networks.TIMESTEP_WIDTH), np.float32),
]


class Autoencoder(keras.Model):
    """Image encoder and decoder, with the loss that trains both: pixels, edges and a little KL (2112.10752).

    Its latents follow what is done to a picture (2502.09509), which makes them easier to learn for the UNet: some of a
    batch are mirrored or turned between encoder and decoder, and half of it is also decoded at half the size.
    """

    def __init__(self):
        super().__init__()
        self.moments, self.decoder = faster(networks.image_moments()), faster(networks.decoder())
        self.noise = keras.random.SeedGenerator(0)

    def call(self, pictures):
        """(N, H, W, 3) → restored, mean, log variance, and the first half restored at half the size."""
        mean, log_variance = ops.split(ops.cast(self.moments(pictures), "float32"), 2, axis=-1)
        log_variance = ops.clip(log_variance, -12, 4)
        latent = mean + ops.exp(log_variance / 2) * keras.random.normal(ops.shape(mean), seed=self.noise)
        restored = ops.cast(self.decoder(moved(latent)), "float32")
        small = ops.cast(self.decoder(halved(latent[: ops.shape(latent)[0] // 2])), "float32")
        return restored, mean, log_variance, small

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        restored, mean, log_variance, small = y_pred
        picture = ops.convert_to_tensor(x)
        kl = ops.mean(ops.square(mean) + ops.exp(log_variance) - 1 - log_variance) / 2
        half = halved(picture[: ops.shape(picture)[0] // 2])
        return difference(restored, moved(picture)) + difference(small, half) / 4 + 1e-4 * kl


def difference(a, b):
    """How far pictures (N, H, W, 3) are from each other: by pixel, and in how they change from pixel to pixel."""
    error = a - b
    edges = sum(ops.mean(ops.abs(ops.diff(error, axis=axis))) for axis in (1, 2))
    return ops.mean(ops.abs(error)) + ops.mean(ops.square(error)) + 2 * edges


def moved(x):
    """A batch (N, H, W, C) of squares whose third quarter is mirrored and whose last is turned by a right angle."""
    quarter = ops.shape(x)[0] // 4
    same, mirrored, turned = x[: 2 * quarter], x[2 * quarter : 3 * quarter], x[3 * quarter :]
    return ops.concatenate([same, ops.flip(mirrored, axis=2), ops.flip(ops.transpose(turned, (0, 2, 1, 3)), axis=1)])


def halved(x):
    """(N, H, W, C) → (N, H/2, W/2, C), means of 2 × 2."""
    return ops.average_pool(x, 2)


class Diffusion(keras.Model):
    """Text encoder and UNet, trained together to tell a noisy latent's velocity (2202.00512, section 4)."""

    def __init__(self, vocabulary_size: int):
        super().__init__()
        self.text_encoder = networks.text_encoder(vocabulary_size)
        self.diffusion_model = faster(networks.diffusion_model(SIZE, SIZE))
        zero_residuals(self.diffusion_model)

    def call(self, inputs):
        tokens, latent, timestep = inputs
        positions = ops.broadcast_to(ops.arange(MAX_LENGTH, dtype="int32"), ops.shape(tokens))
        context = self.text_encoder([tokens, positions])
        return ops.cast(self.diffusion_model([latent, timestep, context]), "float32")

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        error = ops.mean(ops.square(y_pred - ops.convert_to_tensor(y)), axis=(1, 2, 3))
        return ops.mean(ops.convert_to_tensor(sample_weight) * error)


def unit_variance(model: Autoencoder, mean: np.ndarray, deviation: np.ndarray) -> None:
    """Fold (latent - mean) / deviation into the encoder's last 1×1 convolution, its inverse into the decoder's.

    mean, deviation: float32 (CHANNELS,).
    """
    kernel, bias = (ops.convert_to_numpy(w) for w in model.moments.layers[-1].weights)
    scale = np.concatenate([1 / deviation, np.ones(CHANNELS)])
    shift = np.concatenate([-mean / deviation, -2 * np.log(deviation)])  # log variances shift instead
    model.moments.layers[-1].set_weights([kernel * scale, bias * scale + shift])
    kernel, bias = (ops.convert_to_numpy(w) for w in model.decoder.layers[0].weights)
    model.decoder.layers[0].set_weights([kernel * deviation[:, None], bias + mean @ kernel[0, 0]])
