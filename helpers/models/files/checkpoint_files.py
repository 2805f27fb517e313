"""What was found in files of weights: the networks' widths, and every tensor under diffusers' name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from helpers.models.architectures.configs import Architecture, AutoencoderConfig
from helpers.models.files.tensor_files import StoredTensor

if TYPE_CHECKING:
    from helpers.models.clip_tokenizer import ClipTokenizer

Tensors = Mapping[str, StoredTensor]
PREDICTIONS = {"epsilon": "noise", "v_prediction": "velocity"}  # what the UNet tells, in diffusers' words and here


@dataclass(frozen=True)
class Autoencoder:
    """An autoencoder's files: `tensors` has the names of encoder and decoder."""

    config: AutoencoderConfig
    tensors: Tensors


@dataclass(frozen=True)
class CheckpointFiles:
    """A checkpoint's files. tokenizer: of its own vocabulary; None means CLIP's."""

    architecture: Architecture
    text_encoder: Tensors
    diffusion_model: Tensors
    autoencoder: Autoencoder
    tokenizer: ClipTokenizer | None = None


def widths(tensors: Tensors, names: Sequence[str]) -> tuple[int, ...]:
    """How many numbers the tensors of these names give, one after the other, as far as they are there."""
    return tuple(tensors[name].shape[0] for name in names if name in tensors)


def count(tensors: Tensors, pattern: str) -> int:
    """How many of `pattern.format(0)`, `pattern.format(1)`, … there are."""
    number = 0
    while pattern.format(number) in tensors:
        number += 1
    return number


def prediction(told: str, where: str) -> str:
    """What the UNet of the checkpoint `where` predicts, from diffusers' word; raises ValueError for another word."""
    if told not in PREDICTIONS:
        raise ValueError(f"'{where}' predicts {told!r}; one of {', '.join(PREDICTIONS)} can be used.")
    return PREDICTIONS[told]


def autoencoder_config(tensors: Tensors) -> AutoencoderConfig:
    """Of its tensors' shapes, with the usual scale, which they do not tell.

    Raises ValueError where the first layer is missing.
    """
    levels = count(tensors, "encoder.down_blocks.{}.resnets.0.conv1.weight")
    if not levels or "post_quant_conv.weight" not in tensors:
        raise ValueError("There is no autoencoder in it: 'encoder.conv_in' and 'post_quant_conv' were looked for.")
    return AutoencoderConfig(
        channels=widths(tensors, [f"encoder.down_blocks.{level}.resnets.0.conv1.weight" for level in range(levels)]),
        latent_channels=tensors["post_quant_conv.weight"].shape[0],
        layers=count(tensors, "encoder.down_blocks.0.resnets.{}.conv1.weight"),
    )
