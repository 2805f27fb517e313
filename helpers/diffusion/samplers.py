"""From noise to a latent, step by step, in NumPy.

A sampler is a generator. It takes a noisy `latent`, a `denoiser(latent, timestep)` that returns the
noise in it, and the `timesteps` to visit; it calls the denoiser once a step and yields every step.
Whoever iterates can show a progress bar, film the denoising, or stop half-way. A sampler that draws
noise takes `rngs` too, a generator for each picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from helpers.diffusion.schedule import (
    CONSISTENCY_TIMESTEPS,
    TRAIN_TIMESTEPS,
    consistency_timesteps,
    linspace_timesteps,
    renoise,
    signal_sigma,
    trailing_timesteps,
)

Denoiser = Callable[[np.ndarray, int], np.ndarray]


class Step(NamedTuple):
    """One step of a sampler.

    latent: float32 (N, h, w, C), less noisy than the step before; after the last step, the result.
    predicted_x0: like latent; the clean latent as the denoiser saw it from this step's noisy one.
    timestep: int in 0…999, where the denoiser was called.
    """

    latent: np.ndarray
    predicted_x0: np.ndarray
    timestep: int


def _pairs(timesteps: np.ndarray, end: int | None) -> Iterator[tuple[int, int | None]]:
    """Each timestep with the one after it."""
    visited = [int(t) for t in timesteps]
    return zip(visited, [*visited[1:], end])


def ddim(latent: np.ndarray, denoiser: Denoiser, timesteps: np.ndarray, end: int | None = None) -> Iterator[Step]:
    """DDIM without added noise (2010.02502, formula 12 with sigma = 0).

    latent: float32 (N, h, w, C), noisy as at timesteps[0].
    timesteps: ints, falling, each in 0…999.
    end: the timestep as at which the result is noisy, below the last of them; None for a clean one.
    """
    for timestep, following in _pairs(timesteps, end):
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
    before = None  # predicted x0 and half log signal-to-noise ratio of the step before
    for timestep, following in _pairs(timesteps, end):
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


def lcm(
    latent: np.ndarray,
    denoiser: Denoiser,
    timesteps: np.ndarray,
    end: int | None = None,
    *,
    rngs: Sequence[np.random.Generator],
) -> Iterator[Step]:
    """Of latent consistency models (2310.04378, algorithm 3): each step jumps to a clean latent, and noise comes back.

    What is predicted is nearly all the network's own, and at timestep 0 the latent itself (c_out and c_skip there, with
    the original's sigma of data 0.5 and timesteps times 10). rngs: picture i's noise is drawn from rngs[i]; none is
    for a clean result. Other arguments as of `ddim`.
    """
    for timestep, following in _pairs(timesteps, end):
        signal, sigma = signal_sigma(timestep)
        x0 = (latent - sigma * denoiser(latent, timestep)) / signal
        scaled = 10 * timestep / 0.5
        x0 = (scaled / math.hypot(scaled, 1) * x0 + latent / (scaled**2 + 1)).astype(np.float32)
        latent = x0 if following is None else renoise(x0, None, following, rngs)
        yield Step(latent, x0, timestep)


class Sampler(NamedTuple):
    """What a sampler's name means."""

    solver: Callable[..., Iterator[Step]]
    timesteps: Callable[[int], np.ndarray]  # spreads a number of steps
    label: str  # in a picture's file, as AUTOMATIC1111's web UI writes it
    draws_noise: bool = False  # its solver takes `rngs`
    most_steps: int = TRAIN_TIMESTEPS


SAMPLERS = {
    "ddim": Sampler(ddim, linspace_timesteps, "DDIM"),
    "ddim_trailing": Sampler(ddim, trailing_timesteps, "DDIM, Schedule type: Trailing"),
    "dpm_solver": Sampler(dpm_solver, trailing_timesteps, "DPM++ 2M"),
    "lcm": Sampler(lcm, consistency_timesteps, "LCM", draws_noise=True, most_steps=CONSISTENCY_TIMESTEPS),
}
