"""The pocket model's weights as shipped: where they lie, and that they are whole."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

FOLDER = Path(__file__).parents[3] / "assets" / "pocket"

# The files that belong to this version of the code. After a training of your own, `export` tells the new ones.
SHA256 = {
    "text_encoder": "37dbd0b6d02d1ea0b2eb31965c05a7e2572b9229e5f57183b3b9d752f220001c",
    "diffusion_model": "170e00cbd5efb1118a16fffea4e70c619e062b633f2676b8b0452d726b58fe24",
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
