"""Pictures with noise: what a UNet sees of them, and what it should tell."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from helpers.diffusion.guidance import seen
from helpers.diffusion.schedule import TRAIN_TIMESTEPS, noisy_and_velocity, timestep_embedding
from helpers.teach.student import Student


class Pictures(NamedTuple):
    """latents: float32 (N, *Networks.latent_shape); tokens, places: of their prompts, as of `Student.tokens`."""

    latents: np.ndarray
    tokens: np.ndarray
    places: np.ndarray


class Noisy(NamedTuple):
    """As `Student.loss` takes them: what the UNet sees, what it should tell of it, and the prompts."""

    latent: np.ndarray
    timestep_embedding: np.ndarray
    target: np.ndarray
    tokens: np.ndarray
    places: np.ndarray

    def some(self, chosen: np.ndarray | slice) -> Noisy:
        return Noisy(*(each[chosen] for each in self))


def with_noise(student: Student, pictures: Pictures, count: int, rng: np.random.Generator) -> Noisy:
    """Some of the pictures, each at a timestep of its own, and the noise, or the velocity, of that."""
    checkpoint = student.networks.checkpoint
    chosen = rng.integers(len(pictures.latents), size=count)
    latent, tokens, places = (each[chosen] for each in pictures)
    timesteps = rng.integers(TRAIN_TIMESTEPS, size=count)
    noise = rng.standard_normal(latent.shape, np.float32)
    noisy, velocity = noisy_and_velocity(latent, noise, timesteps)
    target = noise if checkpoint.prediction == "noise" else velocity
    embedded = timestep_embedding(timesteps, checkpoint.timestep_width)
    return Noisy(seen(noisy, student.beside), embedded, target, tokens, places)
