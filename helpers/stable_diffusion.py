"""`StableDiffusion`: a prompt becomes pictures."""

from __future__ import annotations

import functools
import secrets
import sys
from collections.abc import Iterator

import numpy as np
from tqdm import tqdm

from helpers.quiet import quiet_start

with quiet_start():
    import keras

from helpers import engines  # noqa: E402
from helpers.checkpoints import checkpoint  # noqa: E402
from helpers.checks import batch_of, number_from_0, whole_number  # noqa: E402
from helpers.prompts import prompt_tokens, unconditional_tokens  # noqa: E402
from helpers.samplers import SAMPLERS, TRAIN_TIMESTEPS, Step, timestep_embedding  # noqa: E402


class StableDiffusion:
    """A latent diffusion model that draws what a prompt says.

    model: "pocket", "sd-1.4" or "sd-2.1"; by default sd-1.4 where there is a GPU and pocket elsewhere.
    img_height, img_width: pixels, rounded to the nearest multiple of 128 with a warning; by default the
        size that the model was trained at.
    jit_compile: True runs the networks with XLA, False without; by default with XLA on a GPU.
    precision: "float32", "float16" or "bfloat16", of weights and arithmetic; by default float16 on a GPU
        and float32 on a CPU, or what Keras's global policy has been set to.
    download_weights: False leaves the networks with random weights, enough to measure speed.

    The networks are built, and their weights fetched, when first used.
    Raises ValueError for an unknown model, a size that the model cannot draw, an unknown precision.
    """

    def __init__(
        self,
        model: str | None = None,
        img_height: int | None = None,
        img_width: int | None = None,
        jit_compile: bool | None = None,
        precision: str | None = None,
        download_weights: bool = True,
    ):
        if model is None:
            model = "sd-1.4" if engines.has_gpu() else "pocket"
            print(f"Model {model!r}: {checkpoint(model).about}. Choose with StableDiffusion(model=…).")
        self.checkpoint = checkpoint(model)
        self.img_height = self.checkpoint.drawable("img_height", img_height)
        self.img_width = self.checkpoint.drawable("img_width", img_width)
        self.engine = engines.default_engine() if jit_compile is None else "xla" if jit_compile else "graph"
        self.precision = engines.known_precision(precision) if precision else engines.default_precision()
        self._download_weights = download_weights
        self._runs = {}

    # ------------------------------------------------------------------ networks

    def _build(self, maker, *size: int) -> keras.Model:
        with engines.building_in(self.precision):
            return maker(*size, self._download_weights)

    @functools.cached_property
    def tokenizer(self):
        """KerasCV's CLIP tokenizer, or the pocket model's: `encode(prompt)` gives token numbers."""
        return self.checkpoint.tokenizer()

    @functools.cached_property
    def text_encoder(self) -> keras.Model:
        return self._build(self.checkpoint.text_encoder)

    @functools.cached_property
    def diffusion_model(self) -> keras.Model:
        return self._build(self.checkpoint.diffusion_model, self.img_height, self.img_width)

    @functools.cached_property
    def decoder(self) -> keras.Model:
        return self._build(self.checkpoint.decoder, self.img_height, self.img_width)

    @functools.cached_property
    def image_encoder(self) -> keras.Model:
        return self._build(self.checkpoint.image_encoder)

    def _run(self, name: str, *arrays: np.ndarray) -> np.ndarray:
        if name not in self._runs:
            self._runs[name] = engines.compiled(getattr(self, name), self.engine)
        return self._runs[name](*arrays)

    @property
    def settings(self) -> dict[str, str]:
        """What besides the recipe decides the picture, for `save_image(picture, path, recipe, **model.settings)`."""
        return {"model": self.checkpoint.name, "precision": self.precision, "engine": self.engine}

    # ------------------------------------------------------------------ from a prompt to a context

    def encode_text(self, prompt: str) -> np.ndarray:
        """The prompt's context: float32 (1, max_length, context_width).

        Raises ValueError for a prompt that is empty, no string, or of more tokens than the model reads.
        """
        return self._context(prompt_tokens(prompt, self.tokenizer, self.checkpoint))

    def _context(self, tokens: np.ndarray) -> np.ndarray:
        positions = np.arange(self.checkpoint.max_length, dtype=np.int32)[None]
        return self._run("text_encoder", tokens, positions)

    # ------------------------------------------------------------------ from a context to pictures

    def text_to_image(
        self,
        prompt: str,
        negative_prompt: str | None = None,
        batch_size: int = 1,
        num_steps: int = 50,
        unconditional_guidance_scale: float = 7.5,
        seed: int | None = None,
        sampler: str = "ddim",
        verbose: bool = True,
    ) -> np.ndarray:
        """Pictures of what the prompt says: uint8 RGB (batch_size, img_height, img_width, 3).

        negative_prompt: what to steer away from.
        num_steps: from 1; 20 to 50 are usual, 10 suffice for "dpm_solver".
        unconditional_guidance_scale: how closely to follow the prompt: 1 not at all guided, 5 to 10 usual.
        seed: picture i of the batch is the picture of seed + i made alone; None chooses one and shows it.
        sampler: "ddim" (KerasCV's), "ddim_trailing" or "dpm_solver".
        verbose: show a progress bar.

        Raises ValueError, before anything is computed, for a value out of its range.
        """
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
        num_steps: int = 50,
        unconditional_guidance_scale: float = 7.5,
        diffusion_noise: np.ndarray | None = None,
        seed: int | None = None,
        sampler: str = "ddim",
        verbose: bool = True,
    ) -> np.ndarray:
        """Pictures of a context, as `text_to_image`, which makes the context from a prompt.

        encoded_text: what `encode_text` gave, or a mix of such: (max_length, context_width), with or
            without a leading axis of 1 or batch_size.
        diffusion_noise: the noise to start from instead of a seed's: (img_height / 8, img_width / 8, 4),
            the same for all, or with a leading axis of batch_size.
        """
        if seed is None and diffusion_noise is None:
            seed = secrets.randbelow(2**31)  # chosen here, so that the progress bar can tell it
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
        name = "given noise" if seed is None else f"seed {seed}"
        for step in tqdm(steps, name, num_steps, file=sys.stdout, unit="step", disable=not verbose):
            latent = step.latent
        return self.decode(latent)

    def denoise(
        self,
        encoded_text: np.ndarray,
        negative_prompt: str | None = None,
        batch_size: int = 1,
        num_steps: int = 50,
        unconditional_guidance_scale: float = 7.5,
        diffusion_noise: np.ndarray | None = None,
        seed: int | None = None,
        sampler: str = "ddim",
    ) -> Iterator[Step]:
        """The steps of `generate_image`, one by one: a generator of `samplers.Step`, to be decoded or not."""
        whole_number("batch_size", batch_size, 1)
        whole_number("num_steps", num_steps, 1, TRAIN_TIMESTEPS)
        scale = number_from_0("unconditional_guidance_scale", unconditional_guidance_scale)
        if sampler not in SAMPLERS:
            raise ValueError(f"Unknown sampler {sampler!r}: choose one of {', '.join(map(repr, SAMPLERS))}.")
        context_shape = (self.checkpoint.max_length, self.checkpoint.context_width)
        context = batch_of("encoded_text", encoded_text, context_shape, batch_size)
        if diffusion_noise is None:
            latent = self._noise(seed, batch_size)
        elif seed is None:
            latent = batch_of("diffusion_noise", diffusion_noise, self._latent_shape, batch_size)
        else:
            raise ValueError("seed and diffusion_noise were both given; the noise takes the seed's place: give one.")
        if negative_prompt in (None, ""):
            unconditional = self._context(unconditional_tokens(self.checkpoint))
        else:
            unconditional = self.encode_text(negative_prompt)
        both = np.concatenate([np.repeat(unconditional, batch_size, axis=0), context])

        def denoiser(latent: np.ndarray, timestep: int) -> np.ndarray:
            # one call for both halves of the guidance (2207.12598), mixed in float32
            embedding = timestep_embedding([timestep] * len(both))
            noise = self._run("diffusion_model", np.concatenate([latent, latent]), embedding, both)
            unguided, guided = np.split(noise, 2)
            return unguided + scale * (guided - unguided)

        solver, spacing = SAMPLERS[sampler]
        return solver(latent, denoiser, spacing(num_steps))

    def decode(self, latent: np.ndarray) -> np.ndarray:
        """Latents float32 (N, img_height / 8, img_width / 8, 4) → pictures uint8 (N, img_height, img_width, 3).

        Raises FloatingPointError where numbers overflowed, as they can in float16.
        """
        picture = (self._run("decoder", latent) + 1) / 2 * 255
        if not np.isfinite(picture).all():
            raise FloatingPointError(
                f"The networks overflowed in {self.precision}; choose precision='bfloat16' or 'float32'."
            )
        return np.clip(picture, 0, 255).astype(np.uint8)

    def _noise(self, seed: int | None, batch_size: int) -> np.ndarray:
        """Standard normal noise to start from; picture i's is that of seed + i made alone."""
        seed = secrets.randbelow(2**31) if seed is None else whole_number("seed", seed, 0)
        each = [np.random.default_rng(seed + i) for i in range(batch_size)]
        return np.stack([rng.standard_normal(self._latent_shape, np.float32) for rng in each])

    @property
    def _latent_shape(self) -> tuple[int, int, int]:
        return self.img_height // 8, self.img_width // 8, 4
