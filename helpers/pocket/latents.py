"""The trained autoencoder's latents, which the UNet learns on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from keras import ops
from tqdm.auto import tqdm

from helpers.pocket.data import draw_scenes, to_float
from helpers.pocket.objectives import SIZE, Autoencoder, unit_variance
from helpers.pocket.run import Run


def encode_scenes(autoencoder: Autoencoder, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of every picture's latent, float16 (count, *LATENT)."""
    means, deviations = [], []
    for part in tqdm(np.array_split(pictures, -(-len(pictures) // 64)), desc="encoding scenes", mininterval=10):
        moments = ops.convert_to_numpy(ops.cast(autoencoder.moments(to_float(part)), "float32"))
        means.append(moments[..., :4].astype(np.float16))
        deviations.append(np.exp(np.clip(moments[..., 4:], -12, 4) / 2).astype(np.float16))
    return np.concatenate(means), np.concatenate(deviations)


def load_autoencoder(run_folder: Path) -> Autoencoder:
    """The trained autoencoder with averaged weights and latents of unit variance."""
    model = Autoencoder()
    run = Run(run_folder, "autoencoder", model, to_float(np.zeros((1, SIZE, SIZE, 3))))
    if not run.step:
        raise FileNotFoundError(f"No trained autoencoder in {run_folder}: run the stage `autoencoder` first.")
    run.use_averaged()
    _, pictures = draw_scenes(512, seed=3)
    mean, _ = encode_scenes(model, pictures)
    mean = mean.astype(np.float32)
    unit_variance(model, mean.mean(axis=(0, 1, 2)), mean.std(axis=(0, 1, 2)))
    return model
