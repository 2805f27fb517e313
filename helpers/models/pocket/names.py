"""What the layers of the pocket model's networks would be called in diffusers' files, by which low-rank updates go."""

from __future__ import annotations

import keras
from keras_cv.src.models.stable_diffusion.diffusion_model import ResBlock, SpatialTransformer, Upsample
from keras_cv.src.models.stable_diffusion.padded_conv2d import PaddedConv2D
from keras_cv.src.models.stable_diffusion.text_encoder import CLIPEmbedding, CLIPEncoderLayer

_DOWN = [f"down_blocks.{level}" for level in range(3)]
_UP = [f"up_blocks.{level}" for level in range(3)]
# Of each network: its layers of a kind, in the order in which it has them.
_IN_ORDER = {
    "text_encoder": {
        CLIPEmbedding: ["text_model.embeddings"],
        CLIPEncoderLayer: [f"text_model.encoder.layers.{number}" for number in range(2)],
        keras.layers.LayerNormalization: ["text_model.final_layer_norm"],
    },
    "diffusion_model": {
        keras.layers.Dense: ["time_embedding.linear_1", "time_embedding.linear_2"],
        PaddedConv2D: ["conv_in", *(f"{block}.downsamplers.0.conv" for block in _DOWN[:2]), "conv_out"],
        ResBlock: [
            *(f"{block}.resnets.0" for block in _DOWN),
            *(f"mid_block.resnets.{number}" for number in range(2)),
            *(f"{block}.resnets.{number}" for block in _UP for number in range(2)),
        ],
        SpatialTransformer: [
            *(f"{block}.attentions.0" for block in _DOWN),
            "mid_block.attentions.0",
            *(f"{block}.attentions.{number}" for block in _UP for number in range(2)),
        ],
        Upsample: [f"{block}.upsamplers.0" for block in _UP[:2]],
        keras.layers.GroupNormalization: ["conv_norm_out"],
    },
}


def names(kind: str, network: keras.Model) -> dict[str, str]:
    """diffusers' name of each layer with weights, by its own; kind: "text_encoder" or "diffusion_model"."""
    return {
        layer.name: name
        for each, told in _IN_ORDER[kind].items()
        for layer, name in zip([layer for layer in network.layers if isinstance(layer, each)], told, strict=True)
    }
