"""What the second edition's halves learn: the autoencoder to restore pictures, the UNet to tell a velocity."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from helpers.engines.faster_layers import faster
from helpers.models.pocket.sizes import MAX_LENGTH
from helpers.pocket.objectives import zero_residuals
from helpers.pocket.second import networks
from helpers.pocket.second.networks import CHANNELS, FACTOR, LATENT, SIZE, UNET_CHANNELS

# One of what each model takes, to build it with.
PICTURE_EXAMPLE = np.zeros((1, SIZE, SIZE, 3), np.float32)
DIFFUSION_EXAMPLE = [
    np.zeros((1, MAX_LENGTH), np.int32),
    np.zeros((1, *LATENT[:2], UNET_CHANNELS), np.float32),
    np.zeros((1, networks.TIMESTEP_WIDTH), np.float32),
]


class Autoencoder(keras.Model):
    """Image encoder and decoder, with the loss that trains both: pixels, edges and a little KL (2112.10752).

    Latents that follow a mirrored, turned or smaller picture (2502.09509) were tried and given up: a cell of 16 × 16
    pixels then cannot tell what in it is left or right, and faces melt.
    """

    def __init__(self):
        super().__init__()
        self.moments, self.decoder = faster(networks.image_moments()), faster(networks.decoder())
        self.noise = keras.random.SeedGenerator(0)

    def call(self, pictures):
        """(N, H, W, 3) → restored, mean, log variance."""
        mean, log_variance = ops.split(ops.cast(self.moments(pictures), "float32"), 2, axis=-1)
        log_variance = ops.clip(log_variance, -12, 4)
        latent = mean + ops.exp(log_variance / 2) * keras.random.normal(ops.shape(mean), seed=self.noise)
        return ops.cast(self.decoder(latent), "float32"), mean, log_variance

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        restored, mean, log_variance = y_pred
        kl = ops.mean(ops.square(mean) + ops.exp(log_variance) - 1 - log_variance) / 2
        return difference(restored, ops.convert_to_tensor(x)) + 1e-4 * kl


def difference(a, b):
    """How far pictures (N, H, W, 3) are from each other: by pixel, and in how they change from pixel to pixel."""
    error = a - b
    edges = sum(ops.mean(ops.abs(ops.diff(error, axis=axis))) for axis in (1, 2))
    return ops.mean(ops.abs(error)) + ops.mean(ops.square(error)) + 2 * edges


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


def start_linear(model: Autoencoder, pictures: np.ndarray) -> None:
    """Begin as a linear code, the best there is: the principal components of the pictures' cells. Nothing is added yet.

    pictures: float32 (N, H, W, 3) in [-1, 1].
    """
    several, height, width, _ = pictures.shape
    cells = pictures.reshape(several, height // FACTOR, FACTOR, width // FACTOR, FACTOR, 3)
    cells = cells.transpose(0, 1, 3, 2, 4, 5).reshape(-1, 3 * FACTOR**2)
    average = cells.mean(axis=0)
    variances, components = np.linalg.eigh(np.cov(cells, rowvar=False))  # the largest last
    components, deviations = components[:, : -CHANNELS - 1 : -1], np.sqrt(variances[: -CHANNELS - 1 : -1])
    scale = np.sqrt(deviations * deviations[0])  # half-way from their own spread to one for all
    without = np.zeros_like(components)
    encoded = np.concatenate([components / scale, without], axis=1)
    kernel = encoded.reshape(FACTOR, FACTOR, 3, 2 * CHANNELS)
    model.moments.get_layer(networks.LINEAR).set_weights([kernel, -average @ encoded])
    kernel = (components * scale).T[None, None]
    model.decoder.get_layer(networks.LINEAR).set_weights([kernel, average])
    for network in (model.moments, model.decoder):
        added, latent = network.get_layer(networks.ADDED), network.get_layer(networks.SCALE)
        added.set_weights([np.zeros(w.shape) for w in added.weights])
        latent.set_weights([np.eye(latent.weights[1].shape[0])[None, None], np.zeros(latent.weights[1].shape)])
    kernel, bias = model.moments.get_layer(networks.SCALE).get_weights()
    bias[CHANNELS:] = -6  # of the log variance: little noise
    model.moments.get_layer(networks.SCALE).set_weights([kernel, bias])


def unit_variance(model: Autoencoder, mean: np.ndarray, deviation: np.ndarray) -> None:
    """Fold (latent - mean) / deviation into the encoder's last 1×1 convolution, its inverse into the decoder's first.

    mean, deviation: float32 (CHANNELS,).
    """
    last, first = (network.get_layer(networks.SCALE) for network in (model.moments, model.decoder))
    kernel, bias = last.get_weights()
    scale = np.concatenate([1 / deviation, np.ones(CHANNELS)])
    shift = np.concatenate([-mean / deviation, -2 * np.log(deviation)])  # log variances shift instead
    last.set_weights([kernel * scale, bias * scale + shift])
    kernel, bias = first.get_weights()
    first.set_weights([kernel * deviation[:, None], bias + mean @ kernel[0, 0]])
