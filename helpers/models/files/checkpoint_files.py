"""What was found in files of weights: the networks' widths, and every tensor under diffusers' name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from helpers.models.architectures.configs import Architecture, AutoencoderConfig
from helpers.models.files.tensor_files import StoredTensor

Tensors = Mapping[str, StoredTensor]


@dataclass(frozen=True)
class Autoencoder:
    """An autoencoder's files: `tensors` has the names of encoder and decoder."""

    config: AutoencoderConfig
    tensors: Tensors


@dataclass(frozen=True)
class CheckpointFiles:
    """A checkpoint's files. tokenizer: the folder of its vocabulary; None means CLIP's own."""

    architecture: Architecture
    text_encoder: Tensors
    diffusion_model: Tensors
    autoencoder: Autoencoder
    tokenizer: Path | None = None


def widths(tensors: Tensors, names: Sequence[str]) -> tuple[int, ...]:
    """How many numbers the tensors of these names give, one after the other, as far as they are there."""
    return tuple(tensors[name].shape[0] for name in names if name in tensors)


def count(tensors: Tensors, pattern: str) -> int:
    """How many of `pattern.format(0)`, `pattern.format(1)`, … there are."""
    number = 0
    while pattern.format(number) in tensors:
        number += 1
    return number


def autoencoder_config(tensors: Tensors, scale: float) -> AutoencoderConfig:
    """Of its tensors' shapes. Raises ValueError where the first layer is missing."""
    levels = count(tensors, "encoder.down_blocks.{}.resnets.0.conv1.weight")
    if not levels or "post_quant_conv.weight" not in tensors:
        raise ValueError("There is no autoencoder in it: 'encoder.conv_in' and 'post_quant_conv' were looked for.")
    return AutoencoderConfig(
        channels=widths(tensors, [f"encoder.down_blocks.{level}.resnets.0.conv1.weight" for level in range(levels)]),
        latent_channels=tensors["post_quant_conv.weight"].shape[0],
        layers=count(tensors, "encoder.down_blocks.0.resnets.{}.conv1.weight"),
        scale=scale,
    )
