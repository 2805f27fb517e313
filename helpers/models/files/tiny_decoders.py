"""A tiny decoder, which takes the place of an autoencoder's: TAESD's, as diffusers' AutoencoderTiny is saved."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from helpers.models import hub
from helpers.models.architectures.configs import TinyDecoderConfig
from helpers.models.files.checkpoint_files import Tensors
from helpers.models.files.tensor_files import StoredTensor, TensorFile

FILE = "diffusion_pytorch_model.safetensors"
_FIRST, _BLOCK = "decoder.layers.0.weight", "decoder.layers.{}.conv.0.weight"


@dataclass(frozen=True)
class TinyDecoder:
    """Its name, its widths, and its tensors, which are fetched maybe when they are asked for."""

    name: str
    config: TinyDecoderConfig
    tensors: Callable[[], Tensors]


def published() -> TinyDecoder:
    """TAESD, fetched from the hub when its weights are asked for."""
    fetched = functools.cache(lambda: read_tiny_decoder("tiny", hub.fetch_file(hub.TINY_DECODER, FILE)).tensors())
    return TinyDecoder("tiny", TinyDecoderConfig(), fetched)


def read_tiny_decoder(name: str, path: Path) -> TinyDecoder:
    """The one in a folder or a file with diffusers' names.

    Raises ValueError for a file of another kind, FileNotFoundError where there is none.
    """
    file = TensorFile(path / FILE if path.is_dir() else path)
    tensors = {key: StoredTensor(file, key) for key in file.shapes if key.startswith("decoder.")}
    if _FIRST not in tensors:
        raise ValueError(
            f"{name!r} holds no tiny decoder in diffusers' naming: '{_FIRST}' was looked for. Give decoder='tiny', or "
            "a folder or file as diffusers' AutoencoderTiny is saved; a whole autoencoder is given as vae=path."
        )
    width, latent_channels = tensors[_FIRST].shape[:2]
    # blocks follow each other, and between two levels are layers of other kinds
    last = max(int(key.split(".")[2]) for key in tensors)
    runs = itertools.groupby(range(last + 1), lambda number: _BLOCK.format(number) in tensors)
    blocks = tuple(len([*run]) for is_block, run in runs if is_block)
    return TinyDecoder(name, TinyDecoderConfig(width, latent_channels, blocks), lambda: tensors)
