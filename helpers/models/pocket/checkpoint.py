"""The pocket models as checkpoints like any other."""

from __future__ import annotations

import functools
import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from helpers.models.additions import NOTHING, Additions
from helpers.models.checkpoint import Checkpoint, Defaults
from helpers.models.pocket import sizes, weights
from helpers.models.pocket.sizes import Sizes
from helpers.models.pocket.tokenizer import WordTokenizer
from helpers.models.pocket.weights import Files

if TYPE_CHECKING:
    import keras


class _Shape(NamedTuple):
    """Of a tensor as diffusers' files would have it."""

    shape: tuple[int, ...]


class Pocket(NamedTuple):
    """What is one of the models' own. modules: of its networks, the last one's, and what that builds on."""

    name: str
    about: str
    modules: tuple[str, ...]
    sizes: Sizes
    files: Files
    drawing: Defaults = Checkpoint.drawing
    repainting: Defaults = Checkpoint.repainting


DRAWING = Pocket(
    "pocket",
    "the small model that comes with the notebooks: 128 × 128 pixels, on any CPU, offline",
    ("networks",),
    sizes.POCKET,
    weights.POCKET,
)
INPAINTING = Pocket(
    "pocket-inpainting",
    "the small model that repaints photos: 256 × 256 pixels, on any CPU, offline",
    ("networks", "inpainting"),
    sizes.INPAINTING,
    weights.INPAINTING,
    # more guidance makes colours glow
    Defaults("dpm_solver", 12, 3.5),
    Defaults("dpm_solver", 12, 3.5),
)
_POCKETS = {each.name: each for each in (DRAWING, INPAINTING)}


@dataclass(frozen=True)
class Shipped:
    """The weights that come with the project, and what is added to them."""

    pocket: Pocket = DRAWING
    additions: Additions = NOTHING

    def with_additions(self, additions: Additions) -> Checkpoint:
        """The checkpoint with these, and no others."""
        return pocket(self.pocket, additions)

    @property
    def settings(self) -> dict[str, str]:
        return self.additions.settings

    def version(self, name: str) -> str:
        told, here = self.additions.version(name), Path(__file__).parent
        code = "".join(weights.sha256(here / f"{module}.py") for module in self.pocket.modules)
        return self.pocket.files.sha256[name] + code + (repr(told) if told else "")

    def tokenizer(self) -> WordTokenizer:
        own = _vocabulary(self.pocket.files.vocabulary)
        return own.with_words(self.additions.numbers(len(own.encoder)))

    def network(self, name: str, *arguments: int, download_weights: bool) -> keras.Model:
        networks = importlib.import_module(f"helpers.models.pocket.{self.pocket.modules[-1]}")
        if name == "text_encoder":
            words = len(_vocabulary(self.pocket.files.vocabulary).encoder) + self.additions.rows
            arguments = sizes.MAX_LENGTH, words
        network = getattr(networks, name)(*arguments)
        return self.loaded(name, network) if download_weights else network

    def loaded(self, name: str, network: keras.Model) -> keras.Model:
        """The network with its weights and what is added. Raises as `Files.load` and `read_lora` do."""
        import keras

        load = self.pocket.files.load
        change = self.additions.change(name, functools.partial(_shapes, self.pocket.name))
        if change is None:
            return load(name, network)
        grown = name == "text_encoder" and self.additions.rows
        own = Shipped(self.pocket).network(name, download_weights=True) if grown else load(name, network)
        plain_tensors = _tensors(name, own)
        for key, (variable, from_file, _) in _tensors(name, network).items():
            plain, _, to_file = plain_tensors[key]
            variable.assign(from_file(change(key, to_file(keras.ops.convert_to_numpy(plain)))))
        return network

    def modules(self, name: str, network: keras.Model) -> dict[str, keras.layers.Layer]:
        """The network's layers with weights, by the names that diffusers would give them."""
        from helpers.models.architectures.tensors import modules
        from helpers.models.pocket.names import names

        return modules(network, names(name, network))


def pocket(which: Pocket = DRAWING, additions: Additions = NOTHING) -> Checkpoint:
    source, own = Shipped(which, additions), which.sizes
    return Checkpoint(
        name=which.name,
        about=which.about,
        max_length=sizes.MAX_LENGTH,
        context_width=sizes.CONTEXT_WIDTH,
        start_of_text=0,
        end_of_text=1,
        shipped=True,
        native_size=own.size,
        sizes=(own.size,),
        factor=own.factor,
        channels=own.channels,
        in_channels=own.seen if own.seen != own.channels else None,
        drawing=which.drawing,
        repainting=which.repainting,
        prediction="velocity",
        version=source.version,
        tokenizer=functools.cache(source.tokenizer),
        text_encoder=lambda weights: source.network("text_encoder", download_weights=weights),
        diffusion_model=lambda height, width, weights: source.network(
            "diffusion_model", height, width, sizes.MAX_LENGTH, download_weights=weights
        ),
        decoder=lambda height, width, weights: source.network("decoder", height, width, download_weights=weights),
        image_encoder=lambda weights: source.network("image_encoder", download_weights=weights),
        source=source,
    )


@functools.cache
def _vocabulary(path: Path) -> WordTokenizer:
    return WordTokenizer(path)


def _tensors(name: str, network: keras.Model):
    from helpers.models.architectures.tensors import tensors
    from helpers.models.pocket.names import names

    return tensors(network, names(name, network))


@functools.cache
def _shapes(model: str, name: str) -> dict[str, _Shape]:
    pocket = _POCKETS[model]
    size = (pocket.sizes.size, pocket.sizes.size, sizes.MAX_LENGTH) if name == "diffusion_model" else ()
    network = Shipped(pocket).network(name, *size, download_weights=False)
    told = _tensors(name, network).items()
    return {key: _Shape(to_file(np.empty(variable.shape, np.uint8)).shape) for key, (variable, _, to_file) in told}
