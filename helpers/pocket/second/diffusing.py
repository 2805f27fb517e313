"""Both ends of learning to diffuse: the noisy latents to learn from, the pictures to judge by."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np

from helpers.diffusion.schedule import TRAIN_TIMESTEPS, noisy_and_velocity, timestep_embedding
from helpers.models.pocket.inpainting import LATENT
from helpers.pocket import diffusing
from helpers.pocket.diffusing import padded_tokens, velocity_weight
from helpers.pocket.objectives import Diffusion
from helpers.pocket.second.latents import Latents
from helpers.pocket.world.captions import caption

HOLES = 0.3  # the share of drawn scenes that have surroundings to fit into; the others are drawn from words alone
# Of two UNets the one that had learned for longer was better at timesteps of 100 to 800, and there at things; see
# assets/pocket/inpainting/README.md. So half of all timesteps are drawn from these, and things count for more.
MIDDLE = (100, 450, 800)  # least, likeliest and greatest timestep of that half
# below this timestep it is decided where things are; above, to count them for more would make them likelier
PLACED = 700
THING, BACKDROP = 2.0, 0.6


def seen(noisy: np.ndarray, holes: np.ndarray, around: np.ndarray) -> np.ndarray:
    """What the UNet sees, float32 (N, 16, 16, 17): the noisy latent, 1 where it shall paint, and what is around that.

    noisy, around: (N, 16, 16, 8); holes: bool (N, 16, 16).
    """
    return np.concatenate([noisy, holes[..., None], around], axis=-1, dtype=np.float32)


def sample_timesteps(count: int, rng: np.random.Generator) -> np.ndarray:
    """Timesteps to learn from, 0…999, int (count,): half of them any, half of the middle."""
    middle = rng.triangular(*MIDDLE, size=count).astype(int)
    return np.where(rng.random(count) < 0.5, rng.integers(TRAIN_TIMESTEPS, size=count), middle)


def cell_weight(timesteps: np.ndarray, things: np.ndarray) -> np.ndarray:
    """How much the velocity's error counts in each cell, float32 (N, 16, 16): `velocity_weight`, and more for things.

    things: bool (N, 16, 16). A scene without any counts the same everywhere.
    """
    weighed = things.any(axis=(1, 2), keepdims=True) & (timesteps < PLACED)[:, None, None]
    share = np.where(weighed, np.where(things, THING, BACKDROP), 1)
    return (velocity_weight(timesteps)[:, None, None] * share).astype(np.float32)


def noisy_batches(latents: Latents, tokenizer, batch: int, rng: np.random.Generator) -> Iterator[dict]:
    """Batches without end, as `Model.train_on_batch` takes them: noisy latents and captions, the velocity to tell.

    Photographs are only ever what is around a hole: nobody asks for one, whose like is much to learn.
    """
    embeddings = timestep_embedding(range(TRAIN_TIMESTEPS))
    photos = np.array([scene.setting == "photo" for scene in latents.scenes])
    while True:
        chosen = rng.integers(len(latents.scenes), size=batch)
        noise = rng.standard_normal((2, batch, *LATENT), dtype=np.float32)
        latent = latents.mean[chosen] + latents.deviation[chosen] * noise[0]
        # one caption in ten is dropped, so that the model learns to guide itself (2207.12598)
        prompts = ["" if rng.random() < 0.1 else caption(latents.scenes[i], rng) for i in chosen]
        timesteps = sample_timesteps(batch, rng)
        noisy, velocity = noisy_and_velocity(latent, noise[1], timesteps)
        whole = (~photos[chosen] & (rng.random(batch) >= HOLES))[:, None, None]
        holes = latents.holes[chosen] | whole
        around = np.where(whole[..., None], latents.grey, latents.around[chosen])
        yield {
            "x": [
                padded_tokens(prompts, tokenizer),
                seen(noisy, holes, around),
                embeddings[timesteps],
            ],
            "y": velocity,
            "sample_weight": cell_weight(timesteps, latents.things[chosen]),
        }


def draw(
    model: Diffusion,
    decoder: keras.Model,
    tokenizer,
    prompts: list[str],
    start: np.ndarray,
    holes: np.ndarray,
    around: np.ndarray,
    num_steps: int = 20,
) -> np.ndarray:
    """A picture of each prompt, uint8 (N, H, W, 3), from the noise (N, 16, 16, 8).

    holes, around: bool (N, 16, 16) and (N, 16, 16, 8), as of `Latents`: all holes and grey, to draw from words alone.
    """
    return diffusing.draw(
        model,
        decoder,
        tokenizer,
        prompts,
        start,
        num_steps=num_steps,
        shown=lambda latent: seen(latent, holes, around),
    )
