"""A model's networks: built when first used, in one precision, run by one engine; words and pictures in and out."""

from __future__ import annotations

import functools
from typing import cast

import numpy as np

from helpers.engines.quiet_start import quiet_start

with quiet_start():
    import keras

from helpers.engines import faster_layers, running  # noqa: E402
from helpers.models.checkpoints import Checkpoint  # noqa: E402
from helpers.models.prompts import prompt_tokens, unconditional_tokens  # noqa: E402
from helpers.validation import whole_number  # noqa: E402


class Networks:
    """The networks of a checkpoint, for pictures of one size.

    img_height, img_width: pixels; None is the checkpoint's own size.
    engine, precision: None is what suits this machine best (`running.chosen`).
    download_weights: False leaves random weights.
    token_downsampling: as of `StableDiffusion`.
    Raises ValueError for a size that the checkpoint cannot draw, an unknown precision or engine.

    `run("decoder", latent)` runs a network by its name; so do "text_encoder", "diffusion_model" and
    "image_encoder", with the arrays that `Checkpoint` tells.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        img_height: int | None = None,
        img_width: int | None = None,
        engine: str | None = None,
        precision: str | None = None,
        download_weights: bool = True,
        token_downsampling: int = 1,
    ):
        self.checkpoint = checkpoint
        self.img_height = checkpoint.drawable("img_height", img_height)
        self.img_width = checkpoint.drawable("img_width", img_width)
        self.engine, self.precision = running.chosen(engine, precision)
        self.token_downsampling = whole_number("token_downsampling", token_downsampling, 1)
        self._download_weights = download_weights
        self._runs: dict[str, running.Run] = {}

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """Of one picture's latent: (img_height / factor, img_width / factor, channels)."""
        factor = self.checkpoint.factor
        return self.img_height // factor, self.img_width // factor, self.checkpoint.channels

    @property
    def settings(self) -> dict[str, str]:
        """What of them decides a picture."""
        settings = {"model": self.checkpoint.name, "precision": self.precision, "engine": self.engine}
        if self.token_downsampling > 1:
            settings["token_downsampling"] = str(self.token_downsampling)
        return settings

    # ------------------------------------------------------------------ built when first used

    @functools.cached_property
    def tokenizer(self):
        """KerasCV's CLIP tokenizer, or the model's own: `encode(prompt)` gives token numbers."""
        return self.checkpoint.tokenizer()

    @functools.cached_property
    def text_encoder(self) -> keras.Model:
        return self._build("text_encoder")

    @functools.cached_property
    def diffusion_model(self) -> keras.Model:
        unet = self._build("diffusion_model", self.img_height, self.img_width)
        return faster_layers.with_fewer_tokens(unet, self.token_downsampling) if self.token_downsampling > 1 else unet

    @functools.cached_property
    def deep_diffusion_model(self) -> keras.Model:
        """The UNet, which also tells the features of its inner levels."""
        return faster_layers.with_deep_features(self.diffusion_model)

    @functools.cached_property
    def shallow_diffusion_model(self) -> keras.Model:
        """The UNet's outermost level, which takes such features instead of computing them."""
        return faster_layers.from_deep_features(self.diffusion_model)

    @functools.cached_property
    def decoder(self) -> keras.Model:
        return self._build("decoder", self.img_height, self.img_width)

    @functools.cached_property
    def image_encoder(self) -> keras.Model:
        return self._build("image_encoder")

    def _build(self, name: str, *size: int) -> keras.Model:
        engine = running.ENGINES[self.engine]
        with running.building_in("float32" if engine.converts else self.precision):
            network = faster_layers.faster(getattr(self.checkpoint, name)(*size, self._download_weights))
        return engine.prepared(network, self.precision)

    # ------------------------------------------------------------------ run

    def run(self, name: str, *arrays: np.ndarray) -> np.ndarray | list[np.ndarray]:
        """The network's output or outputs, float32; the first call with a new shape compiles it."""
        if name not in self._runs:
            before = set(self.__dict__)  # a network that is there has been looked at, and perhaps changed
            unchanged = self._download_weights and not before & set(self._parts(name))

            def make() -> keras.Model:
                network = getattr(self, name)
                if running.ENGINES[self.engine].converts:  # the converted form is all that is needed from here on
                    for part in set(self._parts(name)) - before:
                        delattr(self, part)
                return network

            key = self._key(name) if unchanged else None
            self._runs[name] = running.compiled(make, self.engine, self.precision, key)
        return self._runs[name](*arrays)

    def _array(self, name: str, *arrays: np.ndarray) -> np.ndarray:
        return cast(np.ndarray, self.run(name, *arrays))  # of a network with a single output

    @staticmethod
    def _parts(name: str) -> list[str]:
        """The network and the one that it is a part of."""
        return [name, "diffusion_model"] if name.endswith("_diffusion_model") else [name]

    def _key(self, name: str) -> str:
        version = self.checkpoint.version(self._parts(name)[-1])
        size = f"{self.img_height} {self.img_width} {self.token_downsampling}"
        return f"{self.checkpoint.name} {name} {size} {self.precision} {version}"

    # ------------------------------------------------------------------ words and pictures

    def encode_text(self, prompt: str) -> np.ndarray:
        """The prompt's context: float32 (1, max_length, context_width).

        Raises ValueError for a prompt that is empty, no string, or of more tokens than the model reads.
        """
        return self._context(prompt_tokens(prompt, self.tokenizer, self.checkpoint))

    def encode_no_text(self) -> np.ndarray:
        """The context of no prompt at all, like `encode_text`'s."""
        return self._context(unconditional_tokens(self.checkpoint))

    def _context(self, tokens: np.ndarray) -> np.ndarray:
        positions = np.arange(self.checkpoint.max_length, dtype=np.int32)[None]
        return self._array("text_encoder", tokens, positions)

    def encode_image(self, image: np.ndarray) -> np.ndarray:
        """A picture uint8 (img_height, img_width, 3) → its latent float32 (1, *latent_shape).

        Raises ValueError for a picture of another size.
        """
        expected = (self.img_height, self.img_width, 3)
        if image.shape != expected:
            raise ValueError(
                f"The image is {image.shape[1]} × {image.shape[0]} pixels and the model draws {expected[1]} × "
                f"{expected[0]}; cut a piece of its proportions with helpers.fit and helpers.crop, and resize it."
            )
        return self._array("image_encoder", image[None] / np.float32(127.5) - 1)

    def decode(self, latent: np.ndarray) -> np.ndarray:
        """Latents float32 (N, *latent_shape) → pictures uint8 (N, img_height, img_width, 3).

        Raises FloatingPointError where numbers overflowed, as they can in float16.
        """
        picture = (self._array("decoder", latent) + 1) / 2 * 255
        if not np.isfinite(picture).all():
            raise FloatingPointError(
                f"The networks overflowed in {self.precision}; choose precision='bfloat16' or 'float32'."
            )
        return np.clip(picture, 0, 255).astype(np.uint8)
