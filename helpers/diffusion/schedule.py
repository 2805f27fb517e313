"""How noisy a latent is at each timestep, and at which timesteps a sampler visits it.

Through every formula run two numbers a timestep: a latent is `signal · x0 + sigma · noise`, with
signal = sqrt(alpha_bar) and sigma = sqrt(1 - alpha_bar).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

TRAIN_TIMESTEPS = 1000
CONSISTENCY_TIMESTEPS = 50  # of these, as many as consistency models are distilled at
ALL_TIMESTEPS = (0, TRAIN_TIMESTEPS - 1)  # the lowest and the highest


def _alphas_cumprod() -> np.ndarray:
    betas = np.linspace(0.00085**0.5, 0.012**0.5, TRAIN_TIMESTEPS, dtype=np.float64) ** 2
    return np.cumprod(1 - betas)


# How much of the picture's variance is left at timestep t, "alpha bar" of DDPM (2006.11239, section 2),
# for Stable Diffusion's scaled-linear betas; float64 (1000,), falling from 0.999 to 0.0047.
ALPHAS_CUMPROD = _alphas_cumprod()


def timestep_embedding(timesteps, width: int = 320, max_period: float = 10_000.0) -> np.ndarray:
    """Cosines and sines of the timesteps (N,), as Stable Diffusion's UNet takes them: float32 (N, width)."""
    frequencies = np.exp(-np.log(max_period) * np.arange(width // 2) / (width // 2))
    angles = np.asarray(timesteps, np.float64)[:, None] * frequencies
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def linspace_timesteps(num_steps: int) -> np.ndarray:
    """`num_steps` timesteps spread from 999 down to 0, KerasCV's: int64 (num_steps,).

    A single step is taken at 999. (KerasCV takes it at 0, where pure noise passes for a finished latent.)
    """
    if num_steps == 1:
        return np.array([TRAIN_TIMESTEPS - 1])
    ratio = (TRAIN_TIMESTEPS - 1) / (num_steps - 1)
    return (np.arange(num_steps) * ratio).round().astype(np.int64)[::-1]


def trailing_timesteps(num_steps: int) -> np.ndarray:
    """`num_steps` timesteps from 999 down, the last one interval above 0: int64 (num_steps,).

    Every step removes noise, where `linspace_timesteps` spends its last on a latent that has next to
    none; better for few steps (2305.08891, section 3.3).
    """
    return np.arange(TRAIN_TIMESTEPS, 0, -TRAIN_TIMESTEPS / num_steps).round().astype(np.int64)[:num_steps] - 1


def consistency_timesteps(num_steps: int) -> np.ndarray:
    """`num_steps` timesteps from 999 down, of the 50 that consistency models learned: int64 (num_steps,).

    As in the original of 2310.04378: multiples of 20, less one, as evenly spread as these allow.
    """
    learned = np.arange(TRAIN_TIMESTEPS, 0, -TRAIN_TIMESTEPS // CONSISTENCY_TIMESTEPS) - 1
    return learned[np.arange(num_steps) * CONSISTENCY_TIMESTEPS // num_steps]


def signal_sigma(timestep: int | None) -> tuple[float, float]:
    """signal and sigma at a timestep, 0…999; `None` stands for the clean latent after the last step."""
    left = 1.0 if timestep is None else float(ALPHAS_CUMPROD[timestep])
    return math.sqrt(left), math.sqrt(1 - left)


def renoise(latent: np.ndarray, timestep: int | None, up_to: int, rngs: Sequence[np.random.Generator]) -> np.ndarray:
    """Latents (N, h, w, C), noisy as at `timestep` (None: clean), made as noisy as at the higher one `up_to`.

    rngs: picture i's noise is drawn from rngs[i]. The forward process over several steps at once: 2201.09865,
    formula 1, with products of its (1 - beta). Returns float32.
    """
    ratio = signal_sigma(up_to)[0] / signal_sigma(timestep)[0]
    noise = np.stack([rng.standard_normal(latent.shape[1:], np.float32) for rng in rngs])
    return (ratio * latent + np.sqrt(1 - ratio**2) * noise).astype(np.float32)


def noisy_and_velocity(latent: np.ndarray, noise: np.ndarray, timesteps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Latents with so much of the noise as at each one's timestep, and the velocity that a model tells of them.

    latent, noise: float32 (N, h, w, C), as are both results; timesteps: int (N,), 0…999. The noisy latent is
    `signal · x0 + sigma · noise`, the velocity `signal · noise - sigma · x0` (2202.00512, section 4).
    """
    left = ALPHAS_CUMPROD[timesteps].astype(np.float32)[:, None, None, None]
    signal, sigma = np.sqrt(left), np.sqrt(1 - left)
    return signal * latent + sigma * noise, signal * noise - sigma * latent


def noise_from_velocity(velocity: np.ndarray, latent: np.ndarray, timestep: int) -> np.ndarray:
    """The noise in a latent, from its velocity, as of `noisy_and_velocity`; same shapes."""
    signal, sigma = signal_sigma(timestep)
    return signal * velocity + sigma * latent
