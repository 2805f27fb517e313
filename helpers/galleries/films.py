"""Films: from one prompt or seed to another, and out of the noise. `save_animation` writes them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from tqdm import tqdm

from helpers.denoising import generators, pure_noise
from helpers.validation import whole_number


def between_prompts(model, prompts: Sequence[str], frames: int = 12, seed: int = 0, **options) -> np.ndarray:
    """Pictures from each prompt to the next, all of one noise: uint8 (N, H, W, 3); the prompts' own are among them.

    model: draws as `StableDiffusion` does. prompts: at least two. frames: from one prompt up to the next, from 1.
    options: of `generate_image`. Raises ValueError for other numbers.
    """
    contexts = [model.encode_text(prompt) for prompt in _stops("prompts", prompts)]
    noise = _noise(model, seed)
    # between two contexts lies the straight line, of which the model has seen neither more nor less
    mixed = [(1 - share) * first + share * second for first, second, share in _shares(contexts, frames)]
    return _drawn(model, [(context, noise) for context in mixed], options)


def between_seeds(model, prompt: str, seeds: Sequence[int], frames: int = 12, **options) -> np.ndarray:
    """Pictures of one prompt from each seed's noise to the next's; the rest is as of `between_prompts`."""
    noises = [_noise(model, seed) for seed in _stops("seeds", seeds)]
    # along a quarter of a circle, where the mix has unit variance, as noise must: on a straight line it fades
    angles = [(first, second, share * np.pi / 2) for first, second, share in _shares(noises, frames)]
    mixed = [np.cos(angle) * first + np.sin(angle) * second for first, second, angle in angles]
    context = model.encode_text(prompt)
    return _drawn(model, [(context, noise) for noise in mixed], options)


def denoising_film(model, prompt: str, frames: int | None = None, **options) -> np.ndarray:
    """What the model thinks at its steps that the picture will be: uint8 (N, H, W, 3), the finished picture last.

    frames: of at most so many steps, evenly chosen; by default all. options: of `StableDiffusion.denoise`.
    """
    steps = list(model.denoise(model.encode_text(prompt), **options))
    count = min(len(steps), whole_number("frames", len(steps) if frames is None else frames, 1))
    chosen = [steps[round(i)] for i in np.linspace(len(steps) - 1, 0, count)][::-1]
    latents = [step.predicted_x0 for step in chosen[:-1]] + [chosen[-1].latent]
    return np.concatenate([model.decode(latent) for latent in latents])


def _stops(name: str, values: Sequence) -> Sequence:
    if isinstance(values, str) or len(values) < 2:
        raise ValueError(f"{name} must be a list of at least two, got {values!r}.")
    return values


def _shares(stops: list[np.ndarray], frames: int) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """Each pair of neighbours, with the share of the second, for each frame; the last stop is a frame of its own."""
    whole_number("frames", frames, 1)
    for first, second in pairwise(stops):
        yield from ((first, second, i / frames) for i in range(frames))
    yield stops[-2], stops[-1], 1.0


def _noise(model, seed: int) -> np.ndarray:
    return pure_noise(generators(whole_number("seed", seed, 0), 1), model.networks.latent_shape)


def _drawn(model, starts: list[tuple[np.ndarray, np.ndarray]], options: dict) -> np.ndarray:
    pictures = [
        model.generate_image(context, diffusion_noise=noise, **options, verbose=False)
        for context, noise in tqdm(starts, "film", file=sys.stdout, unit="picture")
    ]
    return np.concatenate(pictures)
