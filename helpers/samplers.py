"""The mathematics of diffusion in NumPy: the noise schedule and the samplers.

A sampler is a generator. It takes a noisy `latent`, a `denoiser(latent, timestep)` that returns the
noise in it, and the `timesteps` to visit; it calls the denoiser once a step and yields every step.
Whoever iterates can show a progress bar, film the denoising, or stop half-way.

Through every formula run two numbers a timestep: a latent is `signal · x0 + sigma · noise`, with
signal = sqrt(alpha_bar) and sigma = sqrt(1 - alpha_bar).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

TRAIN_TIMESTEPS = 1000


def _alphas_cumprod() -> np.ndarray:
    betas = np.linspace(0.00085**0.5, 0.012**0.5, TRAIN_TIMESTEPS, dtype=np.float64) ** 2
    return np.cumprod(1 - betas)


# How much of the picture's variance is left at timestep t, "alpha bar" of DDPM (2006.11239, section 2),
# for Stable Diffusion's scaled-linear betas; float64 (1000,), falling from 0.999 to 0.0047.
ALPHAS_CUMPROD = _alphas_cumprod()

Denoiser = Callable[[np.ndarray, int], np.ndarray]


class Step(NamedTuple):
    """One step of a sampler.

    latent: float32 (N, H/8, W/8, 4), less noisy than the step before; after the last step, the result.
    predicted_x0: like latent; the clean latent as the denoiser saw it from this step's noisy one.
    timestep: int in 0…999, where the denoiser was called.
    """

    latent: np.ndarray
    predicted_x0: np.ndarray
    timestep: int


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


def signal_sigma(timestep: int | None) -> tuple[float, float]:
    """signal and sigma at a timestep, 0…999; `None` stands for the clean latent after the last step."""
    left = 1.0 if timestep is None else float(ALPHAS_CUMPROD[timestep])
    return math.sqrt(left), math.sqrt(1 - left)


def noise_from_velocity(velocity: np.ndarray, latent: np.ndarray, timestep: int) -> np.ndarray:
    """The noise in a latent, from the velocity `signal · noise - sigma · x0` (2202.00512, section 4); same shapes."""
    signal, sigma = signal_sigma(timestep)
    return signal * velocity + sigma * latent


def ddim(latent: np.ndarray, denoiser: Denoiser, timesteps: np.ndarray, end: int | None = None) -> Iterator[Step]:
    """DDIM without added noise (2010.02502, formula 12 with sigma = 0).

    latent: float32 (N, H/8, W/8, 4), noisy as at timesteps[0].
    timesteps: ints, falling, each in 0…999.
    end: the timestep as at which the result is noisy, below the last of them; None for a clean one.
    """
    timesteps = [int(t) for t in timesteps]
    for timestep, following in zip(timesteps, [*timesteps[1:], end]):
        signal, sigma = signal_sigma(timestep)
        next_signal, next_sigma = signal_sigma(following)
        noise = denoiser(latent, timestep)
        x0 = (latent - sigma * noise) / signal
        latent = next_signal * x0 + next_sigma * noise
        yield Step(latent, x0, timestep)


def dpm_solver(latent: np.ndarray, denoiser: Denoiser, timesteps: np.ndarray, end: int | None = None) -> Iterator[Step]:
    """DPM-Solver++(2M), a second-order multistep solver (2211.01095, algorithm 2): good from ten steps on.

    A step follows the line through this predicted x0 and the one before, but only where its stride, in log
    signal-to-noise ratio, is no longer than the one between those two: strong guidance bends the predictions, and a
    line drawn out further misses. Other steps, the first, and the last, which ends without noise, are of first
    order (DDIM's). Arguments as of `ddim`.
    """
    timesteps = [int(t) for t in timesteps]
    before = None  # predicted x0 and half log signal-to-noise ratio of the step before
    for timestep, following in zip(timesteps, [*timesteps[1:], end]):
        signal, sigma = signal_sigma(timestep)
        x0 = (latent - sigma * denoiser(latent, timestep)) / signal
        log_snr = math.log(signal / sigma)
        if following is None:
            latent = x0
        else:
            next_signal, next_sigma = signal_sigma(following)
            stride = math.log(next_signal / next_sigma) - log_snr
            direction = x0
            if before is not None and (ratio := stride / (log_snr - before[1])) < 1:
                direction = x0 + ratio / 2 * (x0 - before[0])
            latent = next_sigma / sigma * latent - next_signal * math.expm1(-stride) * direction
        before = x0, log_snr
        yield Step(latent, x0, timestep)


# What a sampler's name means: the solver and how it spreads its timesteps.
SAMPLERS = {
    "ddim": (ddim, linspace_timesteps),
    "ddim_trailing": (ddim, trailing_timesteps),
    "dpm_solver": (dpm_solver, trailing_timesteps),
}
