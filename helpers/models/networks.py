"""A model's networks: built when first used, in one precision, and run by one engine."""

from __future__ import annotations

import functools

import numpy as np

from helpers.engines.quiet_start import quiet_start

with quiet_start():
    import keras

from helpers.diffusion.schedule import TRAIN_TIMESTEPS  # noqa: E402
from helpers.engines import faster_layers, running, winograd  # noqa: E402
from helpers.models.checkpoints import checkpoint  # noqa: E402
from helpers.validation import timestep_interval, whole_number  # noqa: E402


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
        guidance_interval: tuple[int, int] = (0, TRAIN_TIMESTEPS - 1),
        reuse_every: int = 1,
        token_downsampling: int = 1,
    ):
        if model is None:
            model = "sd-1.4" if running.has_gpu() else "pocket"
            print(f"Model {model!r}: {checkpoint(model).about}. Choose with StableDiffusion(model=…).")
        self.checkpoint = checkpoint(model)
        self.img_height = self.checkpoint.drawable("img_height", img_height)
        self.img_width = self.checkpoint.drawable("img_width", img_width)
        if engine is not None and jit_compile is not None:
            raise ValueError("engine and jit_compile were both given; jit_compile=True means engine='xla': give one.")
        if jit_compile is not None:
            engine = "xla" if jit_compile else "graph"
        self.engine, self.precision = running.chosen(engine, precision)
        self.guidance_interval = timestep_interval("guidance_interval", guidance_interval)
        self.reuse_every = whole_number("reuse_every", reuse_every, 1)
        self.token_downsampling = whole_number("token_downsampling", token_downsampling, 1)
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
        # OpenVINO computes in a precision, but takes the weights in float32
        with running.building_in("float32" if self.engine == "openvino" else self.precision):
            network = faster_layers.faster(getattr(self.checkpoint, name)(*size, self._download_weights))
        return winograd.by_winograd(network, self.precision) if self.engine == "openvino" else network

    def run(self, name: str, *arrays: np.ndarray) -> np.ndarray | list[np.ndarray]:
        """The network's output or outputs, float32; the first call with a new shape compiles it."""
        if name not in self._runs:
            before = set(self.__dict__)  # a network that is there has been looked at, and perhaps changed
            unchanged = self._download_weights and not before & set(self._parts(name))

            def make():
                network = getattr(self, name)
                if self.engine == "openvino":  # its converted form is all that is needed from here on
                    for part in set(self._parts(name)) - before:
                        delattr(self, part)
                return network

            key = self._key(name) if unchanged else None
            self._runs[name] = running.compiled(make, self.engine, self.precision, key)
        return self._runs[name](*arrays)

    @staticmethod
    def _parts(name: str) -> list[str]:
        """The network and the one that it is a part of."""
        return [name, "diffusion_model"] if name.endswith("_diffusion_model") else [name]

    def _key(self, name: str) -> str:
        version = self.checkpoint.version(self._parts(name)[-1])
        size = f"{self.img_height} {self.img_width} {self.token_downsampling}"
        return f"{self.checkpoint.name} {name} {size} {self.precision} {version}"

    @property
    def settings(self) -> dict[str, str]:
        """What besides the recipe decides the picture, for `save_image(picture, path, recipe, **model.settings)`."""
        settings = {"model": self.checkpoint.name, "precision": self.precision, "engine": self.engine}
        if self.guidance_interval != (0, TRAIN_TIMESTEPS - 1):
            settings["guidance_interval"] = "{}-{}".format(*self.guidance_interval)
        if self.reuse_every > 1:
            settings["reuse_every"] = str(self.reuse_every)
        if self.token_downsampling > 1:
            settings["token_downsampling"] = str(self.token_downsampling)
        return settings

    @property
    def _latent_shape(self) -> tuple[int, int, int]:
        return self.img_height // 8, self.img_width // 8, 4
