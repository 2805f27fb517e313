"""RePaint (2201.09865): a sampler is kept to the known part of a picture, and goes back to make the rest agree.

The paper's algorithm 1, in latent space and around any sampler. Whenever the UNet is asked, the known part
of what it sees is the photo's own latent, with fresh noise as of that timestep. So the unknown part is
drawn to fit it; and since one walk down the timesteps fits it only half, each stretch of the walk is done
several times over, with noise put back on the whole latent in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from helpers.diffusion.samplers import Denoiser, Step
from helpers.diffusion.schedule import renoise


def repaint(
    latent: np.ndarray,
    denoiser: Denoiser,
    timesteps: np.ndarray,
    known: np.ndarray,
    keep: np.ndarray,
    rngs: Sequence[np.random.Generator],
    sampler: Callable[..., Iterator[Step]],
    num_resamples: int = 1,
    jump_length: int = 1,
) -> Iterator[Step]:
    """Every step of the walk, `len(timesteps) * num_resamples` of them, with the known part in its place.

    latent: float32 (N, h, w, C), noisy as at timesteps[0].
    known: the photo's clean latent, of the same shape, or with one picture for all.
    keep: bool (h, w), or one for each picture; True where the photo stays.
    rngs: a generator of noise for each picture.
    sampler: a solver of `SAMPLERS`; one that draws noise has its generators already.
    num_resamples: how often each stretch of the walk is done, from 1.
    jump_length: steps of a stretch, from 1; the first stretch is shorter where it does not divide them.
    """
    keep = keep[..., None]

    def seeing_the_photo(latent: np.ndarray, timestep: int) -> np.ndarray:
        photo = renoise(np.broadcast_to(known, latent.shape), None, timestep, rngs)
        return denoiser(np.where(keep, photo, latent), timestep)

    visited = [int(t) for t in timesteps]
    # counted from the clean end, as in the paper, so that the last stretch is whole
    starts = [0, *range(len(visited) % jump_length or jump_length, len(visited), jump_length)]
    for start, stop in zip(starts, [*starts[1:], len(visited)]):
        end = visited[stop] if stop < len(visited) else None
        for again in range(num_resamples):
            if again:
                latent = renoise(latent, end, visited[start], rngs)
            for step in sampler(latent, seeing_the_photo, np.array(visited[start:stop]), end):
                # a sampler treats each number by itself, so the known part may take its own way in it
                latent = step.latent
                yield Step(np.where(keep, known, latent), np.where(keep, known, step.predicted_x0), step.timestep)
