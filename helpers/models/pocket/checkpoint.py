"""The pocket model as a checkpoint like any other."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.models.checkpoint import Checkpoint
from helpers.models.pocket import sizes, weights
from helpers.models.pocket.tokenizer import WordTokenizer

if TYPE_CHECKING:
    import keras


def pocket() -> Checkpoint:
    @functools.cache
    def tokenizer() -> WordTokenizer:
        return WordTokenizer(weights.FOLDER / "vocabulary.txt")

    def version(name: str) -> str:
        from helpers.models.pocket import networks

        return weights.SHA256[name] + weights.sha256(Path(networks.__file__))

    def made(name: str, *arguments: int, download_weights: bool) -> keras.Model:
        from helpers.models.pocket import networks

        network = getattr(networks, name)(*arguments)
        return weights.load(name, network) if download_weights else network

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
        version=version,
        tokenizer=tokenizer,
        text_encoder=lambda weights: made(
            "text_encoder", sizes.MAX_LENGTH, len(tokenizer().encoder), download_weights=weights
        ),
        diffusion_model=lambda height, width, weights: made(
            "diffusion_model", height, width, sizes.MAX_LENGTH, download_weights=weights
        ),
        decoder=lambda height, width, weights: made("decoder", height, width, download_weights=weights),
        image_encoder=lambda weights: made("image_encoder", download_weights=weights),
    )
