"""The pocket model's weights as shipped: where they lie, and that they are whole."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

FOLDER = Path(__file__).parents[2] / "assets" / "pocket"

# The files that belong to this version of the code. After a training of your own, `export` tells the new ones.
SHA256 = {
    "text_encoder": "a8445a659cde5f5a8e16d29044bf7ca6178cdfc331d50b38a0d7683deaa4f3ac",
    "diffusion_model": "a4752f91b214afb7561db62df7a69da84496fe9650f67876ebbb8a08d11230a7",
    "image_encoder": "72471f92581aecd10cf2e27b578319c78babf9261298d339111e284822cd90d1",
    "decoder": "fbc9b079f09ccb73af77f853b0aad251e6a19a122ee9e47133f1e67d283ef236",
    "classifier": "c466833b6660d36b8139a9253d7726cb477a2ded7322c9e1206b15feba5ba458",
}


def path_of(name: str) -> Path:
    return FOLDER / f"{name}.weights.h5"


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def load(name: str, network: keras.Model) -> keras.Model:
    """The network with its weights.

    Raises FileNotFoundError where the file is missing, ValueError where it is not the one of this version.
    """
    path = path_of(name)
    restore = "restore it with `git checkout -- assets/pocket`, or download the project again."
    if not path.exists():
        raise FileNotFoundError(f"The pocket model's weights '{path}' are missing; {restore}")
    if sha256(path) != SHA256[name]:
        raise ValueError(
            f"The pocket model's weights '{path}' are cut short, changed, or of another version; {restore}"
        )
    network.load_weights(path)
    return network
