"""The one table of names: which of a network's variables is which tensor of diffusers' files, and how it lies there.

A layer of a network is named as in those files ("down_blocks.0.resnets.1"); the tables tell its parts from there on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import keras
import numpy as np
from keras_cv.src.models.stable_diffusion import attention_block, diffusion_model, padded_conv2d, resnet_block
from keras_cv.src.models.stable_diffusion import text_encoder as clip

# Of each of KerasCV's layers: diffusers' names of its parts, and KerasCV's own.
PARTS = {
    diffusion_model.ResBlock: {
        "norm1": "entry_flow.0",
        "conv1": "entry_flow.2",
        "time_emb_proj": "embedding_flow.1",
        "norm2": "exit_flow.0",
        "conv2": "exit_flow.2",
        "conv_shortcut": "residual_projection",
    },
    diffusion_model.SpatialTransformer: {
        "norm": "norm",
        "proj_in": "proj1",
        "transformer_blocks.0": "transformer_block",
        "proj_out": "proj2",
    },
    diffusion_model.BasicTransformerBlock: {
        "norm1": "norm1",
        "attn1": "attn1",
        "norm2": "norm2",
        "attn2": "attn2",
        "norm3": "norm3",
        "ff.net.0.proj": "geglu.dense",
        "ff.net.2": "dense",
    },
    diffusion_model.CrossAttention: {"to_q": "to_q", "to_k": "to_k", "to_v": "to_v", "to_out.0": "out_proj"},
    diffusion_model.Upsample: {"conv": "conv"},
    resnet_block.ResnetBlock: {
        "norm1": "norm1",
        "conv1": "conv1",
        "norm2": "norm2",
        "conv2": "conv2",
        "conv_shortcut": "residual_projection",
    },
    attention_block.AttentionBlock: {
        "group_norm": "norm",
        "to_q": "q",
        "to_k": "k",
        "to_v": "v",
        "to_out.0": "proj_out",
    },
    clip.CLIPEmbedding: {"token_embedding": "token_embedding", "position_embedding": "position_embedding"},
    clip.CLIPEncoderLayer: {
        "layer_norm1": "layer_norm1",
        "self_attn": "clip_attn",
        "layer_norm2": "layer_norm2",
        "mlp.fc1": "fc1",
        "mlp.fc2": "fc2",
    },
    clip.CLIPAttention: {"q_proj": "q_proj", "k_proj": "k_proj", "v_proj": "v_proj", "out_proj": "out_proj"},
}
# Of each of Keras's layers: the tensors' names there, and the variables'.
VARIABLES = {
    keras.layers.Conv2D: {"weight": "kernel", "bias": "bias"},
    keras.layers.Dense: {"weight": "kernel", "bias": "bias"},
    keras.layers.GroupNormalization: {"weight": "gamma", "bias": "beta"},
    keras.layers.LayerNormalization: {"weight": "gamma", "bias": "beta"},
    keras.layers.Embedding: {"weight": "embeddings"},
}


def _as_convolution(array: np.ndarray) -> np.ndarray:
    """(out, in, height, width), or of a dense layer (out, in), → (height, width, in, out)."""
    return np.transpose(array.reshape(*array.shape[:2], *(array.shape[2:] or (1, 1))), (2, 3, 1, 0))


def _as_dense(array: np.ndarray) -> np.ndarray:
    """(out, in), or of a 1 × 1 convolution (out, in, 1, 1), → (in, out)."""
    return array.reshape(array.shape[:2]).T if array.shape[2:] in ((), (1, 1)) else array


def _as_it_is(array: np.ndarray) -> np.ndarray:
    return array


def _from_convolution(array: np.ndarray) -> np.ndarray:
    return np.transpose(array, (3, 2, 0, 1))


def _from_dense(array: np.ndarray) -> np.ndarray:
    return array.T


# Of a weight: how the file's array becomes the variable's, and the other way round.
_LAYOUTS = {
    (keras.layers.Conv2D, "weight"): (_as_convolution, _from_convolution),
    (keras.layers.Dense, "weight"): (_as_dense, _from_dense),
}


class Tensor(NamedTuple):
    """A variable, how the array of a file becomes its own, and its own the one of a file."""

    variable: keras.Variable
    from_file: Callable[[np.ndarray], np.ndarray]
    to_file: Callable[[np.ndarray], np.ndarray]


def tensors(network: keras.Model, names: Mapping[str, str] | None = None) -> dict[str, Tensor]:
    """All of a network's variables by the names of diffusers' tensors: "conv_in.weight" …

    names: what its layers are called in those files, where their own names do not tell.
    """
    found = {}
    for name, layer in modules(network, names).items():
        kind = next(kind for kind in VARIABLES if isinstance(layer, kind))
        for tensor, attribute in VARIABLES[kind].items():
            variable = getattr(layer, attribute)
            if variable is not None:  # a dense layer without a bias
                found[f"{name}.{tensor}"] = Tensor(variable, *_LAYOUTS.get((kind, tensor), (_as_it_is, _as_it_is)))
    return found


def modules(network: keras.Model, names: Mapping[str, str] | None = None) -> dict[str, keras.layers.Layer]:
    """All of Keras's own layers in a network that have weights, by diffusers' names: "conv_in" … As of `tensors`."""
    told = {layer.name: layer.name for layer in network.layers} if names is None else names
    return dict(each for layer in network.layers if layer.name in told for each in _within(told[layer.name], layer))


def _within(name: str, layer) -> Iterator[tuple[str, keras.layers.Layer]]:
    if isinstance(layer, padded_conv2d.PaddedConv2D):
        layer = layer.conv2d
    for kind, parts in PARTS.items():
        if isinstance(layer, kind):
            for part, path in parts.items():
                yield from _within(f"{name}.{part}", _part(layer, path))
    if isinstance(layer, tuple(VARIABLES)):
        yield name, layer


def _part(layer, path: str):
    for step in path.split("."):
        layer = layer[int(step)] if step.isdigit() else getattr(layer, step)
    return layer
