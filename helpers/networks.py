"""A model's networks: built when first used, in one precision, and run by one engine."""

from __future__ import annotations

import functools

import numpy as np

from helpers.quiet import quiet_start

with quiet_start():
    import keras

from helpers import engines, layers  # noqa: E402
from helpers.checkpoints import checkpoint  # noqa: E402


class Networks:
    """What `StableDiffusion` is made of; its arguments are explained there.

    `run("decoder", latent)` runs a network by its name; so do "text_encoder", "diffusion_model" and
    "image_encoder", with the arrays that `checkpoints.Checkpoint` tells.
    """

    def __init__(
        self,
        model: str | None = None,
        img_height: int | None = None,
        img_width: int | None = None,
        jit_compile: bool | None = None,
        precision: str | None = None,
        download_weights: bool = True,
        engine: str | None = None,
    ):
        if model is None:
            model = "sd-1.4" if engines.has_gpu() else "pocket"
            print(f"Model {model!r}: {checkpoint(model).about}. Choose with StableDiffusion(model=…).")
        self.checkpoint = checkpoint(model)
        self.img_height = self.checkpoint.drawable("img_height", img_height)
        self.img_width = self.checkpoint.drawable("img_width", img_width)
        if engine is not None and jit_compile is not None:
            raise ValueError("engine and jit_compile were both given; jit_compile=True means engine='xla': give one.")
        if jit_compile is not None:
            engine = "xla" if jit_compile else "graph"
        self.engine, self.precision = engines.chosen(engine, precision)
        self._download_weights = download_weights
        self._runs = {}

    @functools.cached_property
    def tokenizer(self):
        """KerasCV's CLIP tokenizer, or the pocket model's: `encode(prompt)` gives token numbers."""
        return self.checkpoint.tokenizer()

    @functools.cached_property
    def text_encoder(self) -> keras.Model:
        return self._build("text_encoder")

    @functools.cached_property
    def diffusion_model(self) -> keras.Model:
        return self._build("diffusion_model", self.img_height, self.img_width)

    @functools.cached_property
    def decoder(self) -> keras.Model:
        return self._build("decoder", self.img_height, self.img_width)

    @functools.cached_property
    def image_encoder(self) -> keras.Model:
        return self._build("image_encoder")

    def _build(self, name: str, *size: int) -> keras.Model:
        # OpenVINO computes in a precision, but takes the weights in float32
        with engines.building_in("float32" if self.engine == "openvino" else self.precision):
            return layers.faster(getattr(self.checkpoint, name)(*size, self._download_weights))

    def run(self, name: str, *arrays: np.ndarray) -> np.ndarray:
        """The output of the network of that name, float32; its first call with a new shape compiles it."""
        if name not in self._runs:
            users = name in self.__dict__  # looked at before, and perhaps changed
            key = None if users or not self._download_weights else self._key(name)

            def make():
                network = getattr(self, name)
                if self.engine == "openvino" and not users:
                    delattr(self, name)  # its converted form is all that is needed from here on
                return network

            self._runs[name] = engines.compiled(make, self.engine, self.precision, key)
        return self._runs[name](*arrays)

    def _key(self, name: str) -> str:
        return f"{self.checkpoint.name} {name} {self.img_height} {self.img_width} {self.checkpoint.version(name)}"

    @property
    def settings(self) -> dict[str, str]:
        """What besides the recipe decides the picture, for `save_image(picture, path, recipe, **model.settings)`."""
        return {"model": self.checkpoint.name, "precision": self.precision, "engine": self.engine}

    @property
    def _latent_shape(self) -> tuple[int, int, int]:
        return self.img_height // 8, self.img_width // 8, 4
