"""What the pocket model's two halves learn: the autoencoder to restore a picture, the UNet to tell a velocity."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from helpers.engines.faster_layers import faster
from helpers.models.pocket import networks
from helpers.models.pocket.sizes import MAX_LENGTH

SIZE = 128  # pixels
LATENT = (SIZE // 8, SIZE // 8, 4)

# One of what each model takes, to build it with.
PICTURE_EXAMPLE = np.zeros((1, SIZE, SIZE, 3), np.float32)
DIFFUSION_EXAMPLE = [
    np.zeros((1, MAX_LENGTH), np.int32),
    np.zeros((1, *LATENT), np.float32),
    np.zeros((1, networks.TIMESTEP_WIDTH), np.float32),
]


class Autoencoder(keras.Model):
    """Image encoder and decoder, with the loss that trains both: pixels, edges and a little KL (2112.10752)."""

    def __init__(self, moments: keras.Model | None = None, decoder: keras.Model | None = None):
        """moments, decoder: networks as `image_moments` and `decoder` of the pocket model, which are the default."""
        super().__init__()
        self.moments = faster(moments or networks.image_moments())
        self.decoder = faster(decoder or networks.decoder(SIZE, SIZE))
        self.noise = keras.random.SeedGenerator(0)

    def call(self, pictures):
        mean, log_variance = ops.split(ops.cast(self.moments(pictures), "float32"), 2, axis=-1)
        log_variance = ops.clip(log_variance, -12, 4)
        latent = mean + ops.exp(log_variance / 2) * keras.random.normal(ops.shape(mean), seed=self.noise)
        return ops.cast(self.decoder(latent), "float32"), mean, log_variance

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        picture, mean, log_variance = y_pred
        kl = ops.mean(ops.square(mean) + ops.exp(log_variance) - 1 - log_variance) / 2
        return difference(picture, ops.convert_to_tensor(x)) + 1e-4 * kl


class Restorer(keras.Model):
    """The decoder alone, which learns to restore pictures from latents that stay as they are."""

    def __init__(self):
        super().__init__()
        self.decoder = faster(networks.decoder(SIZE, SIZE))

    def call(self, latent):
        return ops.cast(self.decoder(latent), "float32")

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        error = y_pred - ops.convert_to_tensor(y)
        # the root for each picture: the mean of PSNRs, too, asks as much of a plain picture as of a rich one
        return ops.mean(ops.sqrt(ops.mean(ops.square(error), axis=(1, 2, 3)))) + _edges(error) / 2


class Diffusion(keras.Model):
    """Text encoder and UNet, trained together to tell a noisy latent's velocity (2202.00512, section 4)."""

    def __init__(self, vocabulary_size: int, diffusion_model: keras.Model | None = None):
        """diffusion_model: the UNet; the pocket model's by default."""
        super().__init__()
        self.text_encoder = networks.text_encoder(MAX_LENGTH, vocabulary_size)
        self.diffusion_model = faster(diffusion_model or networks.diffusion_model(SIZE, SIZE, MAX_LENGTH))
        zero_residuals(self.diffusion_model)

    def call(self, inputs):
        tokens, latent, timestep = inputs
        positions = ops.broadcast_to(ops.arange(MAX_LENGTH, dtype="int32"), ops.shape(tokens))
        context = self.text_encoder([tokens, positions])
        return ops.cast(self.diffusion_model([latent, timestep, context]), "float32")

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """sample_weight: how much each cell's error counts, (N, H, W) or (N, 1, 1)."""
        error = ops.mean(ops.square(y_pred - ops.convert_to_tensor(y)), axis=-1)
        return ops.mean(ops.convert_to_tensor(sample_weight) * error)


def difference(a, b):
    """How far pictures (N, H, W, 3) are from each other: by pixel, and in how they change from pixel to pixel."""
    error = a - b
    return ops.mean(ops.abs(error)) + ops.mean(ops.square(error)) + 2 * _edges(error)


def _edges(error):
    """How much the error of pictures changes from pixel to pixel."""
    return sum(ops.mean(ops.abs(ops.diff(error, axis=axis))) for axis in (1, 2))


def zero_residuals(unet: keras.Model) -> None:
    """Every residual branch starts at zero, so a new UNet is near the identity and learns sooner (2105.05233)."""
    for layer in unet.layers:
        if isinstance(layer, networks.ResBlock):
            kernel = layer.exit_flow[-1].conv2d.kernel
        elif isinstance(layer, networks.SpatialTransformer):
            kernel = layer.proj2.conv2d.kernel
        else:
            continue
        kernel.assign(np.zeros(kernel.shape, "float32"))


def unit_variance(model: Autoencoder, mean: np.ndarray, deviation: np.ndarray) -> None:
    """Fold (latent - mean) / deviation into the encoder's last 1×1 convolution, its inverse into the decoder's."""
    last, first = ([layer for layer in network.layers if layer.weights] for network in (model.moments, model.decoder))
    kernel, bias = last[-1].get_weights()
    scale = np.concatenate([1 / deviation, np.ones_like(deviation)])
    shift = np.concatenate([-mean / deviation, -2 * np.log(deviation)])  # log variances shift instead
    last[-1].set_weights([kernel * scale, bias * scale + shift])
    kernel, bias = first[0].get_weights()
    first[0].set_weights([kernel * deviation[:, None], bias + mean @ kernel[0, 0]])
