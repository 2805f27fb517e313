"""The weights that KerasCV published for its networks: where they are on the model hub, and loaded from there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helpers.models.hub import fetch_file

if TYPE_CHECKING:
    import keras

# By the name of KerasCV's class: repository, file, SHA-256; as in KerasCV's own sources.
FILES = {
    "TextEncoder": (
        "fchollet/stable-diffusion",
        "kcv_encoder.h5",
        "4789e63e07c0e54d6a34a29b45ce81ece27060c499a709d556c7755b42bb0dc4",
    ),
    "DiffusionModel": (
        "fchollet/stable-diffusion",
        "kcv_diffusion_model.h5",
        "8799ff9763de13d7f30a683d653018e114ed24a6a819667da4f5ee10f9e805fe",
    ),
    "Decoder": (
        "fchollet/stable-diffusion",
        "kcv_decoder.h5",
        "ad350a65cc8bc4a80c8103367e039a3329b4231c2469a1093869a345f55b1962",
    ),
    "ImageEncoder": (
        "fchollet/stable-diffusion",
        "vae_encoder.h5",
        "c60fb220a40d090e0f86a6ab4c312d113e115c87c40ff75d11ffcf380aab7ebb",
    ),
    "TextEncoderV2": (
        "ianstenbit/keras-sd2.1",
        "text_encoder_v2_1.h5",
        "985002e68704e1c5c3549de332218e99c5b9b745db7171d5f31fcd9a6089f25b",
    ),
    "DiffusionModelV2": (
        "ianstenbit/keras-sd2.1",
        "diffusion_model_v2_1.h5",
        "c31730e91111f98fe0e2dbde4475d381b5287ebb9672b1821796146a25c5132d",
    ),
}


def load(kind: str, network: keras.Model) -> keras.Model:
    """The network of KerasCV's class `kind`, its weights fetched; raises what `hub.fetch_file` raises.

    Keras 2 wrote the files in float32; Keras 3 turns them into the network's own precision.
    """
    network.load_weights(fetch_file(*FILES[kind]))
    return network
