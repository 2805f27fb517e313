"""`StableDiffusion`: a prompt becomes pictures, a hole in a photo is repainted."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from helpers import denoising
from helpers.diffusion.samplers import Step
from helpers.diffusion.schedule import ALL_TIMESTEPS
from helpers.engines import running
from helpers.models.checkpoint import Defaults
from helpers.models.checkpoints import checkpoint, default, with_embeddings, with_loras
from helpers.models.networks import Networks
from helpers.models.prompts import Reading
from helpers.pictures.loading import load_images
from helpers.pictures.masks import checked_masks
from helpers.pictures.seams import finish_each
from helpers.recipes.recipe import Recipe
from helpers.validation import common_count, timestep_interval, whole_number


class StableDiffusion:
    """A latent diffusion model that draws what a prompt says.

    model: "pocket", "sd-1.5" or another name, an id of the model hub, the path of a folder as diffusers saves it, or of
        a .safetensors file; by default sd-1.4 where there is a GPU, or a size is asked for that pocket cannot draw,
        and pocket elsewhere; a line tells.
    files: weights, vae, decoder, loras, prediction, embeddings, as of `checkpoints.checkpoint`.
    img_height, img_width: pixels, rounded to the nearest multiple of 128 with a warning; by default the model's own.
    jit_compile: True means engine="xla", False engine="graph".
    precision: "float32", "float16" or "bfloat16", of weights and arithmetic; by default that of Keras's global policy
        where it has been set, else the fastest (`running.chosen`).
    download_weights: False leaves the networks with random weights, enough to measure speed.
    engine: what runs the networks, "graph" (TensorFlow), "xla" (TensorFlow, compiled) or "openvino"; by default xla
        on a GPU, and on a CPU openvino where it is installed, else graph.
    guidance_interval, reuse_every: work left out, as of `guided_denoiser`; by default none.
    token_downsampling: at its largest level the UNet's self-attention looks at each so many-th row and column only,
        from 1 (2402.13573). What these three cost in quality, `python -m tests.measure_samplers` tells.
    truncate, long_prompts, weighting: how prompts are read that are too long or have brackets in them (`Reading`).

    `networks`, which can be used alone, are built, and their weights fetched, when first used.
    Raises ValueError for an unknown model, a size that the model cannot draw, an unknown precision.

    All methods take the options of a `Recipe`, which tells their ranges and defaults, and raise ValueError for a value
    out of its range before anything is computed; and further:
    diffusion_noise: the noise to start from instead of a seed's: (img_height / f, img_width / f, channels) with the
        model's factor f, the same for all, or with a leading axis of batch_size.
    verbose: show a progress bar.
    """

    def __init__(
        self,
        model: str | Path | None = None,
        img_height: int | None = None,
        img_width: int | None = None,
        jit_compile: bool | None = None,
        precision: str | None = None,
        download_weights: bool = True,
        engine: str | None = None,
        guidance_interval: tuple[int, int] = ALL_TIMESTEPS,
        reuse_every: int = 1,
        token_downsampling: int = 1,
        truncate: bool = False,
        long_prompts: bool = False,
        weighting: bool = False,
        **files,
    ):
        if model is None:
            model = default(running.has_gpu(), img_height, img_width).name
        chosen = checkpoint(model, **files)
        engine = running.asked_for(engine, jit_compile)
        reading = Reading(truncate, long_prompts, weighting)
        self.networks = Networks(
            chosen, img_height, img_width, engine, precision, download_weights, token_downsampling, reading
        )
        self.img_height, self.img_width = self.networks.img_height, self.networks.img_width
        self.engine, self.precision = self.networks.engine, self.networks.precision
        self.run, self.decode, self.preview = self.networks.run, self.networks.decode, self.networks.preview
        self.encode_text, self.encode_image = self.networks.encode_text, self.networks.encode_image
        self.guidance_interval = timestep_interval("guidance_interval", guidance_interval)
        self.reuse_every = whole_number("reuse_every", reuse_every, 1)

    def text_to_image(
        self,
        prompt: str | Sequence[str],
        negative_prompt: str | Sequence[str] | None = None,
        batch_size: int = 1,
        num_steps: int | None = None,
        unconditional_guidance_scale: float | None = None,
        seed: int | None = None,
        sampler: str | None = None,
        verbose: bool = True,
    ) -> np.ndarray:
        """Pictures of what the prompt says: uint8 RGB (batch_size, img_height, img_width, 3)."""
        recipe = self._recipe(self.checkpoint.drawing, None, Recipe.among(locals()))
        return self._drawn(self.denoise(self.encode_text(prompt), recipe), recipe, verbose)

    def generate_image(
        self,
        encoded_text: np.ndarray,
        negative_prompt: str | Sequence[str] | None = None,
        batch_size: int = 1,
        num_steps: int | None = None,
        unconditional_guidance_scale: float | None = None,
        diffusion_noise: np.ndarray | None = None,
        seed: int | None = None,
        sampler: str | None = None,
        verbose: bool = True,
    ) -> np.ndarray:
        """Pictures of a context, as `text_to_image`, which makes the context from a prompt.

        encoded_text: what `encode_text` gave, or a mix of such: (max_length, context_width), with or
            without a leading axis of 1 or batch_size.
        """
        recipe = self._recipe(self.checkpoint.drawing, diffusion_noise, Recipe.among(locals()))
        return self._drawn(self.denoise(encoded_text, recipe, diffusion_noise), recipe, verbose)

    def image_to_image(
        self,
        prompt: str | Sequence[str],
        image: np.ndarray,
        strength: float = 0.7,
        negative_prompt: str | Sequence[str] | None = None,
        batch_size: int = 1,
        num_steps: int | None = None,
        unconditional_guidance_scale: float | None = None,
        seed: int | None = None,
        sampler: str | None = None,
        verbose: bool = True,
    ) -> np.ndarray:
        """The image drawn anew as the prompt says: uint8 RGB (batch_size, img_height, img_width, 3).

        image: what `load_images` takes, of the model's size; N images make N pictures.
        strength: how much noise it gets, above 0 and up to 1, in which it is lost; that share of num_steps is taken.
        """
        image = load_images(image)
        batch_size = common_count(batch_size, image=len(image))
        recipe = self._recipe(self.checkpoint.drawing, None, Recipe.among(locals()))
        return self._drawn(self.denoise(self.encode_text(prompt), recipe, image=image), recipe, verbose)

    def inpaint(
        self,
        prompt: str | Sequence[str],
        image: np.ndarray,
        mask: np.ndarray,
        negative_prompt: str | Sequence[str] | None = None,
        num_resamples: int = 1,
        batch_size: int = 1,
        num_steps: int | None = None,
        unconditional_guidance_scale: float | None = None,
        diffusion_noise: np.ndarray | None = None,
        seed: int | None = None,
        verbose: bool = True,
        sampler: str | None = None,
        strength: float = 1.0,
        jump_length: int = 1,
    ) -> np.ndarray:
        """The image with its hole repainted as the prompt says: uint8 RGB (batch_size, img_height, img_width, 3).

        image, mask: of the model's size, as `load_images` and `checked_masks` take them; where the mask is 1 each pixel
            stays the image's own, where it is 0 it is repainted. N images or masks make N pictures.
        num_resamples: how often each stretch of steps is done, from 1; more fit the hole better, and take longer.
        jump_length: steps in a stretch, from 1; 10 in the RePaint paper. Models made for inpainting take neither.
        strength: as of `image_to_image`: below 1, something of what was in the hole stays.
        Raises ValueError for a mask of another size or with other values, with nothing to repaint, or nothing to keep.
        """
        image = load_images(image)
        mask = checked_masks(mask, image.shape[1:])
        batch_size = common_count(batch_size, image=len(image), mask=len(mask))
        recipe = self._recipe(self.checkpoint.repainting, diffusion_noise, Recipe.among(locals()))
        steps = self.denoise_hole(self.encode_text(prompt), image, mask, recipe, diffusion_noise)
        return self.joined(self._drawn(steps, recipe, verbose), image, mask)

    def use_loras(self, loras: Mapping[str | Path, float]) -> None:
        """Add so much of each of these low-rank updates, in place of those before; {} gives the old weights back."""
        self.networks.use(with_loras(self.checkpoint, loras))

    def use_embeddings(self, embeddings: Mapping[str, str | Path | np.ndarray]) -> None:
        """Know these learned words, {"<cat-toy>": path or vector}, in place of those before; {} forgets them."""
        self.networks.use(with_embeddings(self.checkpoint, embeddings))

    # ------------------------------------------------------------------ step by step

    def denoise(
        self,
        encoded_text: np.ndarray,
        recipe: Recipe | None = None,
        diffusion_noise: np.ndarray | None = None,
        image: np.ndarray | None = None,
        **options,
    ) -> Iterator[Step]:
        """The steps of `generate_image`, one by one, or with an image those of `image_to_image`; any can be the last.

        options: those of a `Recipe`, by name, where none is given.
        """
        recipe = recipe or self._recipe(self.checkpoint.drawing, diffusion_noise, options)
        return self._steps(encoded_text, recipe, diffusion_noise, image)

    def denoise_hole(
        self,
        encoded_text: np.ndarray,
        image: np.ndarray,
        mask: np.ndarray,
        recipe: Recipe | None = None,
        diffusion_noise: np.ndarray | None = None,
        **options,
    ) -> Iterator[Step]:
        """The steps of `inpaint`, one by one, with the image's own latent outside the hole. Options as of `denoise`."""
        recipe = recipe or self._recipe(self.checkpoint.repainting, diffusion_noise, options)
        return self._steps(encoded_text, recipe, diffusion_noise, image, mask)

    def joined(self, pictures: np.ndarray, image: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Repainted pictures (N, H, W, 3) with the image's own pixels where the mask keeps: `finish_each`."""
        return finish_each(pictures, image, mask, self.checkpoint.factor)

    def _steps(self, encoded_text, recipe, noise, image=None, mask=None) -> Iterator[Step]:
        shortcuts = self.guidance_interval, self.reuse_every
        return denoising.steps(self.networks, encoded_text, recipe, noise, image, mask, *shortcuts)

    def _drawn(self, steps: Iterator[Step], recipe: Recipe, verbose: bool) -> np.ndarray:
        name = "given noise" if recipe.seed is None else f"seed {recipe.seed}"
        for step in tqdm(steps, name, recipe.total_steps, file=sys.stdout, unit="step", disable=not verbose):
            latent = step.latent
        return self.decode(latent)

    def _recipe(self, own: Defaults, noise: np.ndarray | None, options: Mapping) -> Recipe:
        """Of a call's options; of those that are None the model's own, and a seed chosen here, which the bar tells."""
        given = {name: value for name, value in options.items() if value is not None}
        seed = {"seed": secrets.randbelow(2**31)} if noise is None else {}
        return denoising.suited(self.checkpoint, Recipe(**{**own._asdict(), **seed, **given}))

    # ------------------------------------------------------------------ what it is made of

    checkpoint = property(lambda self: self.networks.checkpoint)
    tokenizer = property(lambda self: self.networks.tokenizer)
    text_encoder = property(lambda self: self.networks.text_encoder)
    diffusion_model = property(lambda self: self.networks.diffusion_model)
    decoder = property(lambda self: self.networks.decoder)
    image_encoder = property(lambda self: self.networks.image_encoder)

    @property
    def settings(self) -> dict[str, str]:
        """What besides the recipe decides the picture, for `save_image(picture, path, recipe, **model.settings)`."""
        return self.networks.settings | denoising.shortcut_settings(self.guidance_interval, self.reuse_every)
