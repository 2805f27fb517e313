"""Both ends of learning to diffuse: the noisy latents to learn from, the pictures to judge by."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import keras
import numpy as np

from helpers.diffusion.samplers import ddim
from helpers.diffusion.schedule import (
    ALPHAS_CUMPROD,
    TRAIN_TIMESTEPS,
    noise_from_velocity,
    noisy_and_velocity,
    timestep_embedding,
    trailing_timesteps,
)
from helpers.models.pocket.sizes import MAX_LENGTH
from helpers.pocket import scenes
from helpers.pocket.data import to_uint8
from helpers.pocket.objectives import Diffusion


def padded_tokens(prompts: list[str], tokenizer) -> np.ndarray:
    """int32 (N, MAX_LENGTH)."""
    tokens = [tokenizer.encode(prompt) for prompt in prompts]
    return np.array([ids + [tokenizer.end_of_text] * (MAX_LENGTH - len(ids)) for ids in tokens], np.int32)


def velocity_weight(timesteps: np.ndarray) -> np.ndarray:
    """How much the velocity's error counts at timesteps 0…999, (N,) in 0…1.

    It weighs x0's error by snr + 1 = 1 / sigma²; held at 5, as in 2303.09556.
    """
    return np.minimum(1, 5 * (1 - ALPHAS_CUMPROD[timesteps])).astype(np.float32)


def noisy_batches(
    described: list[scenes.Scene],
    mean: np.ndarray,
    deviation: np.ndarray,
    tokenizer,
    batch: int,
    rng: np.random.Generator,
) -> Iterator[dict]:
    """Batches without end, as `Model.train_on_batch` takes them: noisy latents and captions, the velocity to tell.

    mean, deviation: of each scene's latent, (N, H/8, W/8, 4).
    """
    embeddings = timestep_embedding(range(TRAIN_TIMESTEPS))
    while True:
        chosen = rng.integers(len(mean), size=batch)
        noise = rng.standard_normal((2, batch, *mean.shape[1:]), dtype=np.float32)
        latent = mean[chosen] + deviation[chosen] * noise[0]
        # one caption in ten is dropped, so that the model learns to guide itself (2207.12598)
        prompts = ["" if rng.random() < 0.1 else scenes.caption(described[i], rng) for i in chosen]
        timesteps = rng.integers(TRAIN_TIMESTEPS, size=batch)
        noisy, velocity = noisy_and_velocity(latent, noise[1], timesteps)
        yield {
            "x": [padded_tokens(prompts, tokenizer), noisy, embeddings[timesteps]],
            "y": velocity,
            "sample_weight": velocity_weight(timesteps)[:, None, None],
        }


def draw(
    model: Diffusion,
    decoder: keras.Model,
    tokenizer,
    prompts: list[str],
    start: np.ndarray,
    guidance: float = 5.0,
    num_steps: int = 20,
    shown: Callable[[np.ndarray], np.ndarray] = lambda latent: latent,
) -> np.ndarray:
    """A picture of each prompt, uint8 (N, H, W, 3), from the noise (N, h, w, C); `shown` of a latent is what the UNet
    sees of it."""
    count = len(prompts)
    both = padded_tokens([*prompts, *[""] * count], tokenizer)

    def denoiser(latent, timestep):
        embedding = timestep_embedding([timestep] * 2 * count)
        velocity = model.predict_on_batch([both, np.concatenate([shown(latent)] * 2), embedding])
        guided, unguided = np.split(velocity, 2)
        return noise_from_velocity(unguided + guidance * (guided - unguided), latent, timestep)

    for step in ddim(start, denoiser, trailing_timesteps(num_steps)):
        latent = step.latent
    return np.concatenate([to_uint8(decoder(part)) for part in np.array_split(latent, -(-count // 8))])
