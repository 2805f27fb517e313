"""Learned words (textual inversion, 2208.01618) in files: diffusers' `learned_embeds.safetensors` and the web UIs'."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from helpers.models.files.tensor_files import TensorFile, listed, safetensors_path

_BY_WEB_UIS = "emb_params"  # where the word is the file's name, or whatever it is called in a dict


def read_embedding(path: Path, width: int) -> np.ndarray:
    """The vectors of the one word in a file, float32 (tokens, width).

    Raises ValueError for a file that holds no such word, or one for text encoders of another width.
    """
    file = TensorFile(path)
    names = [*file.shapes]
    name = _BY_WEB_UIS if _BY_WEB_UIS in names else names[0] if len(names) == 1 else None
    if name is None or len(file.shapes[name]) > 2:
        raise ValueError(
            f"'{path.name}' holds no learned word: one tensor was expected, of its name or {_BY_WEB_UIS!r}; it has "
            f"{listed(names)}."
        )
    vectors = np.atleast_2d(file.read(name))
    if vectors.shape[1] != width or not len(vectors):
        raise ValueError(
            f"'{path.name}' is for another family of checkpoints: its word has {vectors.shape[1]} numbers a token, and "
            f"those of this model {width}."
        )
    return vectors


def save_embedding(path: Path | str, word: str, vector: np.ndarray) -> Path:
    """Write a word's vector (width,) as diffusers does, which the web UIs read too; returns the path.

    Raises as `safetensors_path` does.
    """
    path = safetensors_path(path)
    save_file({word: np.ascontiguousarray(vector, np.float32)}, path, {"format": "pt"})
    return path
