"""A checkpoint from files of weights: its networks at their widths, with their numbers and what is added."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.models.additions import NOTHING, Additions, identity
from helpers.models.architectures.configs import Architecture
from helpers.models.checkpoint import LATENT_COLOURS, Checkpoint, Defaults
from helpers.models.files.checkpoint_files import Autoencoder, CheckpointFiles, Tensors
from helpers.models.files.folders import read_autoencoder_folder, read_folder
from helpers.models.files.single_files import read_autoencoder, read_single_file
from helpers.models.files.tiny_decoders import TinyDecoder

if TYPE_CHECKING:
    import keras

    from helpers.models.clip_tokenizer import ClipTokenizer

# Which of an autoencoder's tensors each half of it takes.
_HALVES = {"decoder": ("decoder.", "post_quant_conv."), "image_encoder": ("encoder.", "quant_conv.")}
# The options, and the most steps, of consistency models that are told the guidance (2310.04378).
CONSISTENCY = Defaults("lcm", 4, 8.5), 8


def opened(path: Path, prediction: str | None = None) -> CheckpointFiles:
    """The checkpoint in a folder or a file. Raises as `read_folder` and `read_single_file` do.

    prediction: "noise" or "velocity", instead of what the files tell.
    Raises ValueError also for a UNet that takes something else than a latent, or what inpainting takes.
    """
    files = read_folder(path) if path.is_dir() else read_single_file(path, prediction)
    unet = files.architecture.unet
    if unet.in_channels not in (unet.latent_channels, 2 * unet.latent_channels + 1):
        raise ValueError(
            f"The UNet of '{path.name}' takes {unet.in_channels} channels; those that are used here take "
            f"{unet.latent_channels}, or {2 * unet.latent_channels + 1} where they are made for inpainting."
        )
    told = files.architecture.prediction
    architecture = dataclasses.replace(files.architecture, prediction=prediction or told)
    return dataclasses.replace(files, architecture=architecture)


def opened_autoencoder(path: Path) -> Autoencoder:
    """The autoencoder in a file, in its own folder or in a checkpoint's."""
    if not path.is_dir():
        return read_autoencoder(path)
    return read_autoencoder_folder(path / "vae" if (path / "vae").is_dir() else path)


@dataclass(frozen=True)
class Source:
    """Where a checkpoint's weights lie, and what is done to them on their way into its networks.

    architecture: of those files, known before; files: asked for when a network is built, and then fetched maybe.
    drawing, unguided, most_steps: of a model distilled to few steps, as of `Checkpoint`.
    decoder: a tiny one in place of the autoencoder's.
    additions: what is added to its weights, and taken back exactly.
    """

    name: str
    about: str
    architecture: Architecture
    files: Callable[[], CheckpointFiles]
    drawing: Defaults | None = None
    unguided: bool = False
    most_steps: int | None = None
    decoder: TinyDecoder | None = None
    additions: Additions = NOTHING

    def with_additions(self, additions: Additions) -> Checkpoint:
        """The checkpoint with these, and no others."""
        return described(dataclasses.replace(self, additions=additions))

    @property
    def settings(self) -> dict[str, str]:
        """What of it, besides the name, decides a picture, in words."""
        return self.additions.settings | ({"decoder": self.decoder.name} if self.decoder else {})

    def with_autoencoder(self, autoencoder: Autoencoder) -> Source:
        """The same with another's autoencoder."""
        architecture = dataclasses.replace(self.architecture, autoencoder=autoencoder.config)
        files = functools.cache(lambda: dataclasses.replace(self.files(), autoencoder=autoencoder))
        return dataclasses.replace(self, architecture=architecture, files=files)

    def with_decoder(self, decoder: TinyDecoder) -> Source:
        """The same with a tiny decoder. Raises ValueError for one that does not fit."""
        takes, has = decoder.config, self.architecture.autoencoder
        if (takes.latent_channels, takes.factor) != (has.latent_channels, has.factor):
            raise ValueError(
                f"The decoder {decoder.name!r} does not fit: it takes latents of {takes.latent_channels} channels and "
                f"makes them {takes.factor} times as wide; those of {self.name!r} have {has.latent_channels} and are "
                f"made {has.factor} times as wide."
            )
        return dataclasses.replace(self, decoder=decoder)

    def tensors(self, network: str) -> Tensors:
        """Of one of the four networks, by diffusers' names."""
        if network == "decoder" and self.decoder:
            return self.decoder.tensors()
        if network not in _HALVES:
            return getattr(self.files(), network)
        tensors = self.files().autoencoder.tensors
        return {name: each for name, each in tensors.items() if name.startswith(_HALVES[network])}

    def loaded(self, name: str, network: keras.Model) -> keras.Model:
        """The network with its weights and what is added. Raises as `load` and `read_lora` do."""
        from helpers.models.files.loading import load

        return load(network, self.tensors(name), self.additions.change(name, self.tensors))

    def modules(self, name: str, network: keras.Model) -> dict[str, keras.layers.Layer]:
        """The network's layers with weights, by diffusers' names."""
        from helpers.models.architectures.tensors import modules

        return modules(network)

    def version(self, name: str) -> str:
        """Tells a network's weights and its code from any other's."""
        files = sorted({each.file.path for each in self.tensors(name).values()})
        told = [identity(path) for path in files], self.additions.version(name)
        return hashlib.sha256(repr((told, _code(), self.architecture)).encode()).hexdigest()

    def tokenizer(self) -> ClipTokenizer:
        from helpers.models.clip_tokenizer import ClipTokenizer

        # "!" is the first of its vocabulary
        config = self.architecture.text_encoder
        own = self.files().tokenizer or ClipTokenizer(padding="!" if config.padding == 0 else None)
        return own.with_words(self.additions.numbers(config.vocabulary))

    def network(self, name: str, height: int = 0, width: int = 0, *, weights: bool) -> keras.Model:
        """One of the four, with its weights or random ones; height and width as of `built`."""
        from helpers.models.architectures.building import built
        from helpers.models.architectures.tiny_decoder import tiny_decoder

        if name == "decoder" and self.decoder:
            network = tiny_decoder(self.decoder.config, height, width)
        else:
            text = self.architecture.text_encoder
            text = dataclasses.replace(text, vocabulary=text.vocabulary + self.additions.rows)
            architecture = dataclasses.replace(self.architecture, text_encoder=text)
            network = built(name, architecture, height, width, random=not weights)
        return self.loaded(name, network) if weights else network


def described(source: Source) -> Checkpoint:
    """The checkpoint whose weights lie in files."""
    config = source.architecture
    drawing, most_steps = source.drawing, source.most_steps
    if config.unet.guidance_width is not None:
        drawing, most_steps = CONSISTENCY
    own = {"drawing": drawing, "repainting": drawing._replace(num_steps=most_steps)} if drawing and most_steps else {}
    if config.unet.inpaints:
        own["repainting"] = own.get("drawing", Checkpoint.drawing)  # it repaints as it draws
    return Checkpoint(
        name=source.name,
        about=source.about,
        max_length=config.text_encoder.max_length,
        context_width=config.unet.context_width,
        start_of_text=49406,
        end_of_text=49407,
        shipped=False,
        native_size=config.native_size,
        sizes=None,
        factor=config.autoencoder.factor,
        channels=config.autoencoder.latent_channels,
        prediction=config.prediction,
        version=source.version,
        tokenizer=functools.cache(source.tokenizer),
        text_encoder=lambda weights: source.network("text_encoder", weights=weights),
        diffusion_model=lambda height, width, weights: source.network(
            "diffusion_model", height, width, weights=weights
        ),
        decoder=lambda height, width, weights: source.network("decoder", height, width, weights=weights),
        image_encoder=lambda weights: source.network("image_encoder", weights=weights),
        padding=config.text_encoder.padding,
        any_length=True,
        timestep_width=config.unet.channels[0],
        unguided=source.unguided,
        most_steps=most_steps,
        guidance_width=config.unet.guidance_width,
        in_channels=config.unet.in_channels if config.unet.inpaints else None,
        latent_colours=LATENT_COLOURS if config.autoencoder.latent_channels == 4 and not source.decoder else None,
        source=source,
        **own,
    )


@functools.cache
def _code() -> str:
    """Of the networks: a converted one is of use as long as it is the same."""
    folder = Path(__file__).parent / "architectures"
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(folder.glob("*.py")))).hexdigest()
