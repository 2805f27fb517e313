"""Stable Diffusion as KerasCV has it: its own networks, with the weights that it published for them."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from helpers.models import keras_cv_weights
from helpers.models.checkpoint import LATENT_COLOURS, Checkpoint

if TYPE_CHECKING:
    import keras


def _stable_diffusion(name: str, gigabytes: str, licence: str, context_width: int, edition: str) -> Checkpoint:
    """edition: what KerasCV adds to the names of this version's classes."""
    max_length = 77

    def made(kind: str, *arguments: int, download_weights: bool) -> keras.Model:
        import keras_cv.models.stable_diffusion as kcv
        from keras_cv.src.models.stable_diffusion import diffusion_model

        maker = getattr(kcv, kind, None) or getattr(diffusion_model, kind)
        network = maker(*arguments, download_weights=False)
        return keras_cv_weights.load(kind, network) if download_weights else network

    def version(network: str) -> str:
        import keras_cv

        return keras_cv.__version__  # the hashes of its weights are fixed

    @functools.cache
    def tokenizer():
        from helpers.models.clip_tokenizer import ClipTokenizer

        return ClipTokenizer()

    return Checkpoint(
        name=name,
        about=(
            f"Stable Diffusion {name[3:]}, {gigabytes} of weights under the CreativeML {licence} licence: for a GPU, "
            "or a patient CPU"
        ),
        max_length=max_length,
        context_width=context_width,
        start_of_text=49406,
        end_of_text=49407,
        shipped=False,
        native_size=512,
        sizes=None,
        factor=8,
        channels=4,
        prediction="noise",
        version=version,
        tokenizer=tokenizer,
        text_encoder=lambda weights: made(f"TextEncoder{edition}", max_length, download_weights=weights),
        diffusion_model=lambda height, width, weights: made(
            f"DiffusionModel{edition}", height, width, max_length, download_weights=weights
        ),
        decoder=lambda height, width, weights: made("Decoder", height, width, download_weights=weights),
        image_encoder=lambda weights: made("ImageEncoder", download_weights=weights),
        latent_colours=LATENT_COLOURS,
    )


BY_KERAS_CV = {
    each.name: each
    for each in (
        _stable_diffusion("sd-1.4", "4.1 GB", "OpenRAIL-M", 768, ""),
        _stable_diffusion("sd-2.1", "5 GB", "OpenRAIL++-M", 1024, "V2"),
    )
}
