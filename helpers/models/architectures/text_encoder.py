"""CLIP's text encoder (2103.00020), as both families of Stable Diffusion use it."""

from __future__ import annotations

import keras
from keras import ops
from keras_cv.src.models.stable_diffusion import text_encoder as layers

from helpers.models.architectures.configs import TextEncoderConfig


def gelu(x):
    """Exact, as in OpenCLIP; KerasCV has the tanh approximation."""
    return ops.gelu(x, approximate=False)


ACTIVATIONS = {"quick_gelu": layers.quick_gelu, "gelu": gelu}


class CLIPEncoderLayer(layers.CLIPEncoderLayer):
    """KerasCV's, which tells the widths of its parts; Keras would find them by tracing each several times over."""

    def build(self, input_shape):
        attention = self.clip_attn
        for part in (self.layer_norm1, self.layer_norm2, self.fc1):
            part.build(input_shape)
        for part in (attention.q_proj, attention.k_proj, attention.v_proj, attention.out_proj):
            part.build(input_shape)
        self.fc2.build((*input_shape[:-1], self.fc1.units))

    def compute_output_shape(self, input_shape):
        return input_shape


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
