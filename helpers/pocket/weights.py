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
    "text_encoder": "68d0650b39e9ed0e87812b06079a82c1b8a8545189f30a459f9fd87cdc818378",
    "diffusion_model": "0e50bafcba82be9f518ea3b92778fb257766b91b212d2ba47ef827ecc8c6401d",
    "image_encoder": "3d7efee11bb39d37a1981e95be54732f9c839a9b9c0e3deca2b6c29dedfdd919",
    "decoder": "a47809226f2e03f9cae9251044e4bb7c7733adf6dfa67a1ccfd71d0cdabd4c62",
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
