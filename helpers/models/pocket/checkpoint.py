"""The pocket model as a checkpoint like any other."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from helpers.models.additions import NOTHING, Additions
from helpers.models.checkpoint import Checkpoint
from helpers.models.pocket import sizes, weights
from helpers.models.pocket.tokenizer import WordTokenizer

if TYPE_CHECKING:
    import keras


class _Shape(NamedTuple):
    """Of a tensor as diffusers' files would have it."""

    shape: tuple[int, ...]


@dataclass(frozen=True)
class Shipped:
    """The weights that come with the project, and what is added to them."""

    additions: Additions = NOTHING

    def with_additions(self, additions: Additions) -> Checkpoint:
        """The checkpoint with these, and no others."""
        return pocket(additions)

    @property
    def settings(self) -> dict[str, str]:
        return self.additions.settings

    def version(self, name: str) -> str:
        from helpers.models.pocket import networks

        told = self.additions.version(name)
        return weights.SHA256[name] + weights.sha256(Path(networks.__file__)) + (repr(told) if told else "")

    def tokenizer(self) -> WordTokenizer:
        own = _vocabulary()
        return own.with_words(self.additions.numbers(len(own.encoder)))

    def network(self, name: str, *arguments: int, download_weights: bool) -> keras.Model:
        from helpers.models.pocket import networks

        if name == "text_encoder":
            arguments = sizes.MAX_LENGTH, len(_vocabulary().encoder) + self.additions.rows
        network = getattr(networks, name)(*arguments)
        return self.loaded(name, network) if download_weights else network

    def loaded(self, name: str, network: keras.Model) -> keras.Model:
        """The network with its weights and what is added. Raises as `weights.load` and `read_lora` do."""
        import keras

        change = self.additions.change(name, _shapes)
        if change is None:
            return weights.load(name, network)
        grown = name == "text_encoder" and self.additions.rows
        own = Shipped().network(name, download_weights=True) if grown else weights.load(name, network)
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


def pocket(additions: Additions = NOTHING) -> Checkpoint:
    source = Shipped(additions)
    return Checkpoint(
        name="pocket",
        about="the small model that comes with the notebooks: 128 × 128 pixels, on any CPU, offline",
        max_length=sizes.MAX_LENGTH,
        context_width=sizes.CONTEXT_WIDTH,
        start_of_text=0,
        end_of_text=1,
        shipped=True,
        native_size=sizes.SIZE,
        sizes=(sizes.SIZE,),
        factor=sizes.FACTOR,
        channels=sizes.LATENT_CHANNELS,
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
def _vocabulary() -> WordTokenizer:
    return WordTokenizer(weights.FOLDER / "vocabulary.txt")


def _tensors(name: str, network: keras.Model):
    from helpers.models.architectures.tensors import tensors
    from helpers.models.pocket.names import names

    return tensors(network, names(name, network))


@functools.cache
def _shapes(name: str) -> dict[str, _Shape]:
    size = (sizes.SIZE, sizes.SIZE, sizes.MAX_LENGTH) if name == "diffusion_model" else ()
    network = Shipped().network(name, *size, download_weights=False)
    told = _tensors(name, network).items()
    return {key: _Shape(to_file(np.empty(variable.shape, np.uint8)).shape) for key, (variable, _, to_file) in told}
