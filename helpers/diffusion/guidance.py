"""What a sampler asks at each step: the noise in a latent, guided by a prompt, in as few and small calls as allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from helpers.diffusion.samplers import Denoiser
from helpers.diffusion.schedule import noise_from_velocity, timestep_embedding


def guided_denoiser(
    run: Callable[..., Any],
    unconditional: np.ndarray,
    context: np.ndarray,
    scale: float,
    interval: tuple[int, int],
    reuse_every: int,
    prediction: str,
    timestep_width: int,
) -> Denoiser:
    """`denoiser(latent, timestep)` by classifier-free guidance (2207.12598).

    run: as of `Networks`.
    unconditional, context: of an empty or negative prompt, float32 (1, tokens, width), or of one for each picture,
        and of the prompts, (N, tokens, width).
    scale: how far to go from the first to the second; at 1 the first is not asked for.
    interval: the lowest and the highest timestep to be guided at; at others the prompt alone is asked for,
        for half the work (2404.07724).
    reuse_every: at so many calls in turn, the UNet's inner levels are computed at the first alone and reused
        by the others (DeepCache, 2312.00858); 1 always computes them.
    prediction: "noise" or "velocity", and timestep_width, as of `Checkpoint`.
    """
    both = np.concatenate([np.broadcast_to(unconditional, context.shape), context])
    predict = _reusing(run, reuse_every) if reuse_every > 1 else lambda *arrays: run("diffusion_model", *arrays)

    def denoiser(latent: np.ndarray, timestep: int) -> np.ndarray:
        if scale != 1 and interval[0] <= timestep <= interval[1]:
            # one call for both halves, mixed in float32
            embedding = timestep_embedding([timestep] * len(both), timestep_width)
            predicted = predict(np.concatenate([latent, latent]), embedding, both)
            unguided, guided = np.split(predicted, 2)
            mixed = unguided + scale * (guided - unguided)
        else:
            mixed = predict(latent, timestep_embedding([timestep] * len(context), timestep_width), context)
        return noise_from_velocity(mixed, latent, timestep) if prediction == "velocity" else mixed

    return denoiser


def _reusing(run: Callable[..., Any], every: int) -> Callable[..., np.ndarray]:
    deep, left = np.empty(0), 0  # the inner levels' features; how many calls may yet reuse them

    def predict(*arrays: np.ndarray) -> np.ndarray:
        nonlocal deep, left
        if left and len(deep) == len(arrays[0]):  # else the guidance began or ended in between
            left -= 1
            return run("shallow_diffusion_model", *arrays, deep)
        predicted, deep = run("deep_diffusion_model", *arrays)
        left = every - 1
        return predicted

    return predict
