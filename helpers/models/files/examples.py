"""A checkpoint of a few megabytes with random weights, made on the spot: to see how one of your own is loaded."""

from __future__ import annotations

from pathlib import Path

import keras

from helpers.models.architectures.building import NETWORKS, built
from helpers.models.architectures.configs import Architecture, AutoencoderConfig, TextEncoderConfig, UNetConfig
from helpers.models.files.saving import save_folder

SMALL = Architecture(
    TextEncoderConfig(width=64, heads=1, layers=2, activation="quick_gelu"),
    UNetConfig((32, 64), heads=(4, 4), context_width=64, linear_projection=False, attention=(True, False)),
    AutoencoderConfig(channels=(32, 32, 32, 64)),
    native_size=128,
)


def random_checkpoint(folder: Path | str, architecture: Architecture = SMALL, seed: int = 0) -> Path:
    """A folder as diffusers saves it, of networks that have learned nothing; raises as `save_folder` does."""
    keras.utils.set_random_seed(seed)
    pixels = architecture.native_size
    networks = {name: built(name, architecture, pixels, pixels) for name in NETWORKS}
    return save_folder(folder, architecture, networks)
