"""The trained autoencoder's latents, which the UNet learns on."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from keras import ops
from tqdm.auto import tqdm

from helpers.models.pocket import networks
from helpers.pocket.data import draw_scenes, to_float
from helpers.pocket.objectives import PICTURE_EXAMPLE, Autoencoder, unit_variance
from helpers.pocket.run import Run


def encoded(encoder: keras.Model, pictures: np.ndarray) -> np.ndarray:
    """What the encoder makes of pictures uint8 (count, H, W, 3): float32 (count, H/8, W/8, channels)."""
    parts = tqdm(np.array_split(pictures, -(-len(pictures) // 64)), desc="encoding scenes", mininterval=10)
    return np.concatenate([ops.convert_to_numpy(ops.cast(encoder(to_float(part)), "float32")) for part in parts])


def encode_scenes(moments: keras.Model, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of every picture's latent, float16 (count, *LATENT)."""
    mean, log_variance = np.split(encoded(moments, pictures), 2, axis=-1)
    return mean.astype(np.float16), np.exp(np.clip(log_variance, -12, 4) / 2).astype(np.float16)


def load_autoencoder(run_folder: Path) -> Autoencoder:
    """The trained autoencoder with averaged weights and latents of unit variance."""
    model = Autoencoder()
    run = Run(run_folder, "autoencoder", model, PICTURE_EXAMPLE)
    if not run.step:
        raise FileNotFoundError(f"No trained autoencoder in {run_folder}: run the stage `autoencoder` first.")
    run.use_averaged()
    _, pictures = draw_scenes(512, seed=3)
    mean, _ = encode_scenes(model.moments, pictures)
    mean = mean.astype(np.float32)
    unit_variance(model, mean.mean(axis=(0, 1, 2)), mean.std(axis=(0, 1, 2)))
    return model


def load_moments(folder: Path) -> keras.Model:
    """The image encoder of exported weights, with the log variances that it is shipped with but does not tell."""
    moments = networks.image_moments()
    networks.image_encoder(moments).load_weights(folder / "image_encoder.weights.h5")
    return moments
