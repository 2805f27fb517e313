"""`StableDiffusion`: a prompt becomes pictures, a hole in a photo is repainted."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator

import numpy as np
from tqdm import tqdm

from helpers.denoising import Denoising, steps_taken
from helpers.diffusion.samplers import Step
from helpers.pictures.loading import load_image
from helpers.pictures.seams import finish


class StableDiffusion(Denoising):
    """A latent diffusion model that draws what a prompt says.

    model: "pocket", "sd-1.4" or "sd-2.1"; by default sd-1.4 where there is a GPU and pocket elsewhere.
    img_height, img_width: pixels, rounded to the nearest multiple of 128 with a warning; by default the
        size that the model was trained at.
    jit_compile: True means engine="xla", False engine="graph".
    precision: "float32", "float16" or "bfloat16", of weights and arithmetic; by default what Keras's global
        policy has been set to, else the fastest: float16 on a GPU, and on a CPU bfloat16 where OpenVINO
        and the processor have it, otherwise float32.
    download_weights: False leaves the networks with random weights, enough to measure speed.
    engine: what runs the networks, "graph" (TensorFlow), "xla" (TensorFlow, compiled) or "openvino"; by
        default xla on a GPU, and on a CPU openvino where it is installed, else graph.
    guidance_interval: the lowest and the highest timestep, 0 to 999, at which a picture is guided; at others only
        the prompt is asked for, for half the work (2404.07724).
    reuse_every: in so many steps in turn, from 1, the UNet's inner levels are computed once (DeepCache, 2312.00858).
    token_downsampling: at its largest level the UNet's self-attention looks at each so many-th row and column only,
        from 1 (2402.13573). What these three cost in quality, `python -m tests.measure_samplers` tells.

    The networks are built, and their weights fetched, when first used.
    Raises ValueError for an unknown model, a size that the model cannot draw, an unknown precision.

    All methods take these, and raise ValueError for a value out of its range before anything is computed:
    negative_prompt: what to steer away from.
    batch_size: pictures to make, from 1.
    num_steps: from 1; 10 to 20 are usual for "dpm_solver", 20 to 50 for "ddim". By default the fewest with which the
        classifier recognises the pocket model's pictures nearly as often, 96 %, as after KerasCV's 50 of "ddim", 97 %.
    unconditional_guidance_scale: how closely to follow the prompt: 1 not at all guided, 5 to 10 usual.
    seed: picture i of the batch is the picture of seed + i made alone; None chooses one and shows it.
    diffusion_noise: the noise to start from instead of a seed's: (img_height / 8, img_width / 8, 4),
        the same for all, or with a leading axis of batch_size.
    sampler: "dpm_solver", "ddim" (KerasCV's) or "ddim_trailing".
    verbose: show a progress bar.
    """

    def text_to_image(
        self,
        prompt: str,
        negative_prompt: str | None = None,
        batch_size: int = 1,
        num_steps: int = 12,
        unconditional_guidance_scale: float = 7.5,
        seed: int | None = None,
        sampler: str = "dpm_solver",
        verbose: bool = True,
    ) -> np.ndarray:
        """Pictures of what the prompt says: uint8 RGB (batch_size, img_height, img_width, 3)."""
        return self.generate_image(
            self.encode_text(prompt),
            negative_prompt,
            batch_size,
            num_steps,
            unconditional_guidance_scale,
            seed=seed,
            sampler=sampler,
            verbose=verbose,
        )

    def generate_image(
        self,
        encoded_text: np.ndarray,
        negative_prompt: str | None = None,
        batch_size: int = 1,
        num_steps: int = 12,
        unconditional_guidance_scale: float = 7.5,
        diffusion_noise: np.ndarray | None = None,
        seed: int | None = None,
        sampler: str = "dpm_solver",
        verbose: bool = True,
    ) -> np.ndarray:
        """Pictures of a context, as `text_to_image`, which makes the context from a prompt.

        encoded_text: what `encode_text` gave, or a mix of such: (max_length, context_width), with or
            without a leading axis of 1 or batch_size.
        """
        seed = _chosen(seed, diffusion_noise)
        steps = self.denoise(
            encoded_text,
            negative_prompt,
            batch_size,
            num_steps,
            unconditional_guidance_scale,
            diffusion_noise,
            seed,
            sampler,
        )
        return self.decode(_last_latent(steps, num_steps, seed, verbose))

    def image_to_image(
        self,
        prompt: str,
        image: np.ndarray,
        strength: float = 0.7,
        negative_prompt: str | None = None,
        batch_size: int = 1,
        num_steps: int = 12,
        unconditional_guidance_scale: float = 7.5,
        seed: int | None = None,
        sampler: str = "dpm_solver",
        verbose: bool = True,
    ) -> np.ndarray:
        """The image drawn anew as the prompt says: uint8 RGB (batch_size, img_height, img_width, 3).

        image: what `load_image` takes, of the model's size.
        strength: how much noise the image gets, above 0 and up to 1, in which it is lost; that share of
            num_steps is taken.
        """
        seed = _chosen(seed, None)
        steps = self.denoise(
            self.encode_text(prompt),
            negative_prompt,
            batch_size,
            num_steps,
            unconditional_guidance_scale,
            None,
            seed,
            sampler,
            _one_image(image),
            strength,
        )
        return self.decode(_last_latent(steps, steps_taken(num_steps, strength), seed, verbose))

    def inpaint(
        self,
        prompt: str,
        image: np.ndarray,
        mask: np.ndarray,
        negative_prompt: str | None = None,
        num_resamples: int = 1,
        batch_size: int = 1,
        num_steps: int = 25,
        unconditional_guidance_scale: float = 7.5,
        diffusion_noise: np.ndarray | None = None,
        seed: int | None = None,
        verbose: bool = True,
        sampler: str = "ddim",
        strength: float = 1.0,
        jump_length: int = 1,
    ) -> np.ndarray:
        """The image with its hole repainted as the prompt says: uint8 RGB (batch_size, img_height, img_width, 3).

        Outside the hole every pixel is the image's own.

        image: what `load_image` takes, of the model's size.
        mask: (img_height, img_width): 1 keeps, 0 is repainted (`helpers.make_mask`).
        num_resamples: how often each stretch of steps is done, from 1; more fit the hole to its surroundings
            better, and take as many times longer.
        jump_length: steps in a stretch, from 1; 10 in the RePaint paper.
        strength: as of `image_to_image`: below 1, something of what was in the hole stays.

        Raises ValueError for a mask of another size or with other values, with nothing to repaint, or nothing to keep.
        """
        image = _one_image(image)
        seed = _chosen(seed, diffusion_noise)
        steps = self.denoise_hole(
            self.encode_text(prompt),
            image,
            mask,
            negative_prompt,
            num_resamples,
            batch_size,
            num_steps,
            unconditional_guidance_scale,
            diffusion_noise,
            seed,
            sampler,
            strength,
            jump_length,
        )
        total = steps_taken(num_steps, strength) * num_resamples
        pictures = self.decode(_last_latent(steps, total, seed, verbose))
        return np.stack([finish(picture, image, mask) for picture in pictures])


def _chosen(seed: int | None, diffusion_noise) -> int | None:
    """The seed, chosen here if none was given, so that the progress bar can tell it."""
    return secrets.randbelow(2**31) if seed is None and diffusion_noise is None else seed


def _one_image(image) -> np.ndarray:
    """The image uint8 (H, W, 3), given with or without an axis of one image before it, as the tutorial gives it."""
    return load_image(image[0] if np.ndim(image) == 4 and len(image) == 1 else image)


def _last_latent(steps: Iterator[Step], total: int, seed: int | None, verbose: bool) -> np.ndarray:
    name = "given noise" if seed is None else f"seed {seed}"
    for step in tqdm(steps, name, total, file=sys.stdout, unit="step", disable=not verbose):
        latent = step.latent
    return latent
