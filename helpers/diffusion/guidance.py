"""What a sampler asks at each step: the noise in a latent, guided by a prompt, in as few and small calls as allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from helpers.diffusion.samplers import Denoiser
from helpers.diffusion.schedule import noise_from_velocity, timestep_embedding


class UNet(NamedTuple):
    """How the UNet is asked, and what it tells.

    run: as of `Networks`; prediction, timestep_width, guidance_width: as of `Checkpoint`.
    beside: what one made for inpainting takes after the latent's channels C: 1 in the hole's cells and 0 elsewhere,
        then the latent of the picture with its hole in grey; float32 (N, h, w, 1 + C), or one for all.
    """

    run: Callable[..., Any]
    prediction: str
    timestep_width: int
    guidance_width: int | None = None
    beside: np.ndarray | None = None


def seen(latent: np.ndarray, beside: np.ndarray | None) -> np.ndarray:
    """What the UNet takes for latents (N, h, w, C): these, and after their channels what is beside, as of `UNet`."""
    if beside is None:
        return latent
    return np.concatenate([latent, np.tile(beside, (len(latent) // len(beside), 1, 1, 1))], axis=-1)


def guided_denoiser(
    unet: UNet,
    unconditional: np.ndarray | None,
    context: np.ndarray,
    scale: float,
    interval: tuple[int, int],
    reuse_every: int,
) -> Denoiser:
    """`denoiser(latent, timestep)` by classifier-free guidance (2207.12598).

    unconditional, context: of an empty or negative prompt, float32 (1, tokens, width), or of one for each picture,
        and of the prompts, (N, tokens, width). The first is None where it is not asked for: at scale 1, and where the
        UNet is told the scale, with which it was distilled (2210.03142).
    scale: how far to go from the first to the second.
    interval: the lowest and the highest timestep to be guided at; at others the prompt alone is asked for,
        for half the work (2404.07724).
    reuse_every: at so many calls in turn, the UNet's inner levels are computed at the first alone and reused
        by the others (DeepCache, 2312.00858); 1 always computes them.
    """
    both = None if unconditional is None else np.concatenate([np.broadcast_to(unconditional, context.shape), context])
    run = unet.run
    predict = _reusing(run, reuse_every) if reuse_every > 1 else lambda *arrays: run("diffusion_model", *arrays)

    def predicted(latent: np.ndarray, timestep: int, context: np.ndarray, scale: float) -> np.ndarray:
        count = len(context)
        told = [] if unet.guidance_width is None else [guidance_embedding([scale] * count, unet.guidance_width)]
        latent = seen(latent, unet.beside)
        return predict(latent, timestep_embedding([timestep] * count, unet.timestep_width), context, *told)

    def denoiser(latent: np.ndarray, timestep: int) -> np.ndarray:
        scale_here = scale if interval[0] <= timestep <= interval[1] else 1.0
        if both is not None and scale_here != 1:
            # one call for both halves, mixed in float32
            unguided, guided = np.split(predicted(np.concatenate([latent, latent]), timestep, both, scale_here), 2)
            mixed = unguided + scale_here * (guided - unguided)
        else:
            mixed = predicted(latent, timestep, context, scale_here)
        return noise_from_velocity(mixed, latent, timestep) if unet.prediction == "velocity" else mixed

    return denoiser


def guidance_embedding(scales, width: int) -> np.ndarray:
    """Sines and cosines of guidance scales (N,), as distilled UNets take them: float32 (N, width).

    As in the original of latent consistency models (2310.04378): of 1000 · (scale - 1), from a frequency of 1 down to
    one of 1/10000.
    """
    frequencies = np.exp(-np.log(10_000.0) * np.arange(width // 2) / (width // 2 - 1))
    angles = 1000 * (np.asarray(scales, np.float64)[:, None] - 1) * frequencies
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)


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
