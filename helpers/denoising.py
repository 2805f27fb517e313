"""From a context, a recipe and noise to the steps of a picture: networks, guidance and sampler put together."""

from __future__ import annotations

import dataclasses
import functools
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from helpers.diffusion.guidance import UNet, guided_denoiser
from helpers.diffusion.repaint import repaint
from helpers.diffusion.samplers import SAMPLERS, Denoiser, Step
from helpers.diffusion.schedule import ALL_TIMESTEPS, renoise
from helpers.models.checkpoint import Checkpoint
from helpers.models.networks import Networks
from helpers.models.prompts import same_length
from helpers.pictures.masks import checked_masks
from helpers.recipes.recipe import Recipe
from helpers.validation import batch_of, common_count


class Start(NamedTuple):
    """What every way of denoising begins with.

    latent: pure noise, float32 (N, *Networks.latent_shape); rngs: picture i's source of further noise.
    """

    latent: np.ndarray
    denoiser: Denoiser
    solver: Callable[..., Iterator[Step]]
    timesteps: np.ndarray
    rngs: list[np.random.Generator]


def steps(
    networks: Networks,
    context: np.ndarray,
    recipe: Recipe,
    noise: np.ndarray | None = None,
    image: np.ndarray | None = None,
    mask: np.ndarray | None = None,
    guidance_interval: tuple[int, int] = ALL_TIMESTEPS,
    reuse_every: int = 1,
) -> Iterator[Step]:
    """The steps of a picture, one by one; whoever iterates can look at each, or stop.

    context, noise, guidance_interval, reuse_every: as of `start`.
    image: uint8 (H, W, 3), to begin at with noise instead of at noise alone, as the recipe's strength says; or one for
        each picture of the batch.
    mask: (H, W), 1 where the image stays, 0 where it is repainted, or one for each picture; None: the whole image is
        drawn anew.
    A checkpoint that `inpaints` sees the image around the hole; others are kept to it by `repaint`.
    Raises ValueError for arrays of other shapes or values, and a mask with nothing to repaint, or nothing to keep.
    """
    checkpoint = networks.checkpoint
    images = None if image is None else image.reshape(-1, *image.shape[-3:])
    if images is not None:
        counts = {"image": len(images)}
        if mask is not None:
            mask = _holes(mask, images.shape[1:])
            counts["mask"] = len(mask)
        common_count(recipe.batch_size, **counts)
    beside = around_hole(networks, images, mask) if checkpoint.inpaints else None
    begin = start(networks, context, recipe, noise, guidance_interval, reuse_every, beside)
    if images is None:
        return begin.solver(begin.latent, begin.denoiser, begin.timesteps)
    known = np.concatenate([networks.encode_image(each) for each in images])
    latent, denoiser, solver, timesteps, rngs = _from_image(begin, known, recipe)
    if mask is None or checkpoint.inpaints:
        return solver(latent, denoiser, timesteps)
    keep = kept_cells(mask, checkpoint.factor)
    return repaint(latent, denoiser, timesteps, known, keep, rngs, solver, recipe.num_resamples, recipe.jump_length)


def start(
    networks: Networks,
    context: np.ndarray,
    recipe: Recipe,
    noise: np.ndarray | None,
    guidance_interval: tuple[int, int],
    reuse_every: int,
    beside: np.ndarray | None = None,
) -> Start:
    """The beginning, as the recipe has it.

    context: of the prompts, (max_length, context_width), with or without a leading axis of 1 or of the batch; where
        the checkpoint takes `any_length`, also a multiple of max_length.
    noise: to start from instead of the seed's, `networks.latent_shape`, with or without such an axis.
    guidance_interval, reuse_every: as of `guided_denoiser`; beside: as of `guidance.UNet`.
    Raises ValueError for arrays of other shapes, and for noise where the recipe has a seed.
    """
    if recipe.seed is None and noise is None:
        raise ValueError("The recipe has no seed and no noise was given; give it a seed.")
    if recipe.seed is not None and noise is not None:
        raise ValueError("seed and diffusion_noise were both given; the noise takes the seed's place: give one.")
    checkpoint, count = networks.checkpoint, recipe.batch_size
    context = batch_of("encoded_text", context, _context_shape(checkpoint, np.shape(context)), count)
    rngs = generators(recipe.seed or 0, count)
    if noise is None:
        latent = pure_noise(rngs, networks.latent_shape)
    else:
        latent = batch_of("diffusion_noise", noise, networks.latent_shape, count)
    scale = 1.0 if checkpoint.unguided else recipe.unconditional_guidance_scale
    unconditional = None
    if scale != 1 and checkpoint.guidance_width is None:
        *negatives, context = same_length([*_negatives(networks, recipe.negative_prompt), context])
        unconditional = np.concatenate(negatives)
    current = functools.cache(networks.current)  # weights are looked at once a picture, not at each step
    unet = UNet(
        lambda name, *arrays: current(name)(*arrays),
        checkpoint.prediction,
        checkpoint.timestep_width,
        checkpoint.guidance_width,
        beside,
    )
    denoiser = guided_denoiser(unet, unconditional, context, scale, guidance_interval, reuse_every)
    sampler = SAMPLERS[recipe.sampler]
    solver = functools.partial(sampler.solver, rngs=rngs) if sampler.draws_noise else sampler.solver
    return Start(latent, denoiser, solver, sampler.timesteps(recipe.num_steps), rngs)


def shortcut_settings(guidance_interval: tuple[int, int], reuse_every: int) -> dict[str, str]:
    """What of the work left out decides a picture, by its name."""
    told = {}
    if guidance_interval != ALL_TIMESTEPS:
        told["guidance_interval"] = "{}-{}".format(*guidance_interval)
    if reuse_every > 1:
        told["reuse_every"] = str(reuse_every)
    return told


def _negatives(networks: Networks, negative_prompt: str | Sequence[str] | None) -> list[np.ndarray]:
    """The contexts of what to steer away from: one, or one for each picture."""
    prompts = negative_prompt if isinstance(negative_prompt, tuple) else (negative_prompt,)
    return [networks.encode_no_text() if each in (None, "") else networks.encode_text(each) for each in prompts]


def suited(checkpoint: Checkpoint, recipe: Recipe) -> Recipe:
    """The recipe as the model takes it. Warns of what has no effect on the model, and of steps that it is not made for.

    The warnings point to the caller of the caller's caller.
    """
    neutral: dict[str, Any] = {}
    if checkpoint.unguided:
        neutral |= {"unconditional_guidance_scale": 1.0}
    if checkpoint.unguided or checkpoint.guidance_width is not None:
        neutral |= {"negative_prompt": None}
    if checkpoint.inpaints:
        neutral |= {"num_resamples": 1, "jump_length": 1}
    idle = [name for name, value in neutral.items() if getattr(recipe, name) not in (value, 0, "")]
    if idle:
        told = " and ".join(idle)
        warnings.warn(f"{checkpoint.name!r} is made to draw without {told}: no effect.", stacklevel=4)
    if checkpoint.most_steps and recipe.num_steps > checkpoint.most_steps:
        warnings.warn(
            f"{checkpoint.name!r} is made for 1 to {checkpoint.most_steps} steps; {recipe.num_steps} take longer and "
            "do not draw better.",
            stacklevel=4,
        )
    return dataclasses.replace(recipe, **neutral) if neutral else recipe


def _context_shape(checkpoint: Checkpoint, given: tuple[int, ...]) -> tuple[int, int]:
    """Of one prompt's context: as many times max_length as is given, where the UNet takes that, else once."""
    tokens = given[-2] if checkpoint.any_length and len(given) > 1 else 0
    pieces = max(1, tokens // checkpoint.max_length)
    return pieces * checkpoint.max_length, checkpoint.context_width


def _from_image(begin: Start, known: np.ndarray, recipe: Recipe) -> Start:
    """The start at an image's latent with noise, for the last steps, as many as the recipe's strength says."""
    if recipe.steps_taken == len(begin.timesteps):
        return begin
    timesteps = begin.timesteps[-recipe.steps_taken :]
    noisy = renoise(np.broadcast_to(known, begin.latent.shape), None, int(timesteps[0]), begin.rngs)
    return begin._replace(latent=noisy, timesteps=timesteps)


def around_hole(networks: Networks, images: np.ndarray | None, mask: np.ndarray | None) -> np.ndarray:
    """What a UNet made for inpainting sees beside the latent, as of `guidance.UNet`.

    images: uint8 (N, H, W, 3), or None; mask: uint8 (N, H, W), or None, where all is drawn and nothing is seen.
    """
    shape = (1, networks.img_height, networks.img_width, 3)
    if images is None or mask is None:
        images, mask = np.zeros(shape, np.uint8), np.zeros(shape[:3], np.uint8)
    seen = np.where(mask[..., None] == 1, images, np.float32(127.5))
    latents = np.concatenate([networks.encode_image(each) for each in seen])
    holes = ~kept_cells(mask, networks.checkpoint.factor)[..., None]
    return np.concatenate([np.broadcast_to(holes, (*latents.shape[:3], 1)), latents], axis=-1, dtype=np.float32)


def _holes(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The masks as uint8 (N, H, W), for images of this shape (H, W, …), if each both keeps and repaints something."""
    masks = checked_masks(mask, shape)
    if masks.all(axis=(1, 2)).any():
        raise ValueError("The mask keeps everything, so there is nothing to repaint; set the hole to 0.")
    if not masks.any(axis=(1, 2)).all():
        raise ValueError("The mask repaints everything; for that use text_to_image, or image_to_image.")
    return masks


def kept_cells(mask: np.ndarray, factor: int) -> np.ndarray:
    """Which cells of latents stay, bool (N, H / factor, W / factor): those without a 0 among their pixels in the mask.

    mask: (N, H, W).
    """
    count, height, width = mask.shape
    cells = mask.astype(bool).reshape(count, height // factor, factor, width // factor, factor)
    return np.asarray(cells.all(axis=(2, 4)))


def generators(seed: int, count: int) -> list[np.random.Generator]:
    """A source of noise for each picture; picture i's is that of seed + i made alone."""
    return [np.random.default_rng(seed + i) for i in range(count)]


def pure_noise(rngs: list[np.random.Generator], shape: tuple[int, ...]) -> np.ndarray:
    """A latent of each generator's noise, float32 (N, *shape)."""
    return np.stack([rng.standard_normal(shape, np.float32) for rng in rngs])
