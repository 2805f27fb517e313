"""CLIP's text encoder (2103.00020), as both families of Stable Diffusion use it."""

from __future__ import annotations

import keras
from keras import ops
from keras_cv.src.models.stable_diffusion import text_encoder as layers

from helpers.models.architectures.configs import TextEncoderConfig
from helpers.models.quick_layers import CLIPEncoderLayer


def gelu(x):
    """Exact, as in OpenCLIP; KerasCV has the tanh approximation."""
    return ops.gelu(x, approximate=False)


ACTIVATIONS = {"quick_gelu": layers.quick_gelu, "gelu": gelu}


def text_encoder(config: TextEncoderConfig) -> keras.Model:
    """[tokens, positions] int32 (N, max_length) → context (N, max_length, width)."""
    tokens = keras.Input((config.max_length,), dtype="int32", name="tokens")
    positions = keras.Input((config.max_length,), dtype="int32", name="positions")
    embedding = layers.CLIPEmbedding(config.vocabulary, config.width, config.max_length, name="text_model.embeddings")
    x = embedding([tokens, positions])
    for number in range(config.layers):
        name = f"text_model.encoder.layers.{number}"
        x = CLIPEncoderLayer(config.width, config.heads, ACTIVATIONS[config.activation], name=name)(x)
    x = keras.layers.LayerNormalization(epsilon=1e-5, name="text_model.final_layer_norm")(x)
    return keras.Model([tokens, positions], x, name="text_encoder")
