"""From a prompt and a seed to a latent, step by step: what `StableDiffusion` decodes."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from helpers.diffusion.guidance import guided_denoiser
from helpers.diffusion.repaint import renoise, repaint
from helpers.diffusion.samplers import SAMPLERS, Denoiser, Step
from helpers.diffusion.schedule import TRAIN_TIMESTEPS
from helpers.models.networks import Networks
from helpers.models.prompts import prompt_tokens, unconditional_tokens
from helpers.pictures.masks import checked_mask
from helpers.validation import batch_of, number_from_0, share, whole_number


class _Start(NamedTuple):
    """What every way of denoising begins with."""

    latent: np.ndarray  # pure noise
    denoiser: Denoiser
    solver: Callable[..., Iterator[Step]]
    timesteps: np.ndarray
    rngs: list[np.random.Generator]  # picture i's source of further noise


class Denoising(Networks):
    """The generators under `StableDiffusion`: each step can be looked at, decoded, or be the last."""

    def encode_text(self, prompt: str) -> np.ndarray:
        """The prompt's context: float32 (1, max_length, context_width).

        Raises ValueError for a prompt that is empty, no string, or of more tokens than the model reads.
        """
        return self._context(prompt_tokens(prompt, self.tokenizer, self.checkpoint))

    def _context(self, tokens: np.ndarray) -> np.ndarray:
        positions = np.arange(self.checkpoint.max_length, dtype=np.int32)[None]
        return self.run("text_encoder", tokens, positions)

    def encode_image(self, image: np.ndarray) -> np.ndarray:
        """A picture uint8 (img_height, img_width, 3) → its latent float32 (1, img_height / 8, img_width / 8, 4).

        Raises ValueError for a picture of another size.
        """
        expected = (self.img_height, self.img_width, 3)
        if image.shape != expected:
            raise ValueError(
                f"The image is {image.shape[1]} × {image.shape[0]} pixels and the model draws {expected[1]} × "
                f"{expected[0]}; cut a piece of its proportions with helpers.fit and helpers.crop, and resize it."
            )
        return self.run("image_encoder", image[None] / np.float32(127.5) - 1)

    def decode(self, latent: np.ndarray) -> np.ndarray:
        """Latents float32 (N, img_height / 8, img_width / 8, 4) → pictures uint8 (N, img_height, img_width, 3).

        Raises FloatingPointError where numbers overflowed, as they can in float16.
        """
        picture = (self.run("decoder", latent) + 1) / 2 * 255
        if not np.isfinite(picture).all():
            raise FloatingPointError(
                f"The networks overflowed in {self.precision}; choose precision='bfloat16' or 'float32'."
            )
        return np.clip(picture, 0, 255).astype(np.uint8)

    def denoise(
        self,
        encoded_text: np.ndarray,
        negative_prompt: str | None = None,
        batch_size: int = 1,
        num_steps: int = 12,
        unconditional_guidance_scale: float = 7.5,
        diffusion_noise: np.ndarray | None = None,
        seed: int | None = None,
        sampler: str = "dpm_solver",
        image: np.ndarray | None = None,
        strength: float = 1.0,
    ) -> Iterator[Step]:
        """The steps of `generate_image`, one by one, or with an image those of `image_to_image`."""
        start = self._start(
            encoded_text,
            negative_prompt,
            batch_size,
            num_steps,
            unconditional_guidance_scale,
            diffusion_noise,
            seed,
            sampler,
        )
        if image is not None:
            start = _from_image(start, self.encode_image(image), strength)
        return start.solver(start.latent, start.denoiser, start.timesteps)

    def denoise_hole(
        self,
        encoded_text: np.ndarray,
        image: np.ndarray,
        mask: np.ndarray,
        negative_prompt: str | None = None,
        num_resamples: int = 1,
        batch_size: int = 1,
        num_steps: int = 25,
        unconditional_guidance_scale: float = 7.5,
        diffusion_noise: np.ndarray | None = None,
        seed: int | None = None,
        sampler: str = "ddim",
        strength: float = 1.0,
        jump_length: int = 1,
    ) -> Iterator[Step]:
        """The steps of `inpaint`, one by one, with the image's own latent outside the hole."""
        mask = checked_mask(mask, image.shape)
        if mask.all():
            raise ValueError("The mask keeps everything, so there is nothing to repaint; set the hole to 0.")
        if not mask.any():
            raise ValueError("The mask repaints everything; for that use text_to_image, or image_to_image.")
        whole_number("num_resamples", num_resamples, 1)
        whole_number("jump_length", jump_length, 1)
        start = self._start(
            encoded_text,
            negative_prompt,
            batch_size,
            num_steps,
            unconditional_guidance_scale,
            diffusion_noise,
            seed,
            sampler,
        )
        known = self.encode_image(image)
        start = _from_image(start, known, strength)
        # a cell of the latent is repainted if any of its 8 × 8 pixels is
        keep = mask.reshape(self.img_height // 8, 8, self.img_width // 8, 8).all(axis=(1, 3))
        latent, denoiser, solver, timesteps, rngs = start
        return repaint(latent, denoiser, timesteps, known, keep, rngs, solver, num_resamples, jump_length)

    def _start(
        self, encoded_text, negative_prompt, batch_size, num_steps, guidance_scale, diffusion_noise, seed, sampler
    ) -> _Start:
        whole_number("batch_size", batch_size, 1)
        whole_number("num_steps", num_steps, 1, TRAIN_TIMESTEPS)
        scale = number_from_0("unconditional_guidance_scale", guidance_scale)
        if sampler not in SAMPLERS:
            raise ValueError(f"Unknown sampler {sampler!r}: choose one of {', '.join(map(repr, SAMPLERS))}.")
        context_shape = (self.checkpoint.max_length, self.checkpoint.context_width)
        context = batch_of("encoded_text", encoded_text, context_shape, batch_size)
        if seed is not None and diffusion_noise is not None:
            raise ValueError("seed and diffusion_noise were both given; the noise takes the seed's place: give one.")
        rngs = self._rngs(seed if diffusion_noise is None else 0, batch_size)
        if diffusion_noise is None:
            latent = self._noise(rngs)
        else:
            latent = batch_of("diffusion_noise", diffusion_noise, self._latent_shape, batch_size)
        if negative_prompt in (None, ""):
            unconditional = self._context(unconditional_tokens(self.checkpoint))
        else:
            unconditional = self.encode_text(negative_prompt)
        denoiser = guided_denoiser(
            self.run,
            unconditional,
            context,
            scale,
            self.guidance_interval,
            self.reuse_every,
            self.checkpoint.prediction,
        )
        solver, spacing = SAMPLERS[sampler]
        return _Start(latent, denoiser, solver, spacing(num_steps), rngs)

    def _rngs(self, seed: int | None, batch_size: int) -> list[np.random.Generator]:
        """A source of noise for each picture; picture i's is that of seed + i made alone."""
        seed = secrets.randbelow(2**31) if seed is None else whole_number("seed", seed, 0)
        return [np.random.default_rng(seed + i) for i in range(batch_size)]

    def _noise(self, rngs: list[np.random.Generator]) -> np.ndarray:
        return np.stack([rng.standard_normal(self._latent_shape, np.float32) for rng in rngs])


def steps_taken(num_steps: int, strength: float) -> int:
    """How many of the steps are walked from an image with noise of that strength: the last ones, at least one."""
    return max(1, round(strength * num_steps))


def _from_image(start: _Start, known: np.ndarray, strength: float) -> _Start:
    """Begins at the image with noise instead of at noise alone, for the last `strength` of the steps."""
    taken = steps_taken(len(start.timesteps), share("strength", strength))
    if taken == len(start.timesteps):
        return start
    timesteps = start.timesteps[-taken:]
    noisy = renoise(np.broadcast_to(known, start.latent.shape), None, int(timesteps[0]), start.rngs)
    return start._replace(latent=noisy, timesteps=timesteps)
