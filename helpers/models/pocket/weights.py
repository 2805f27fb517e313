"""The pocket models' files as shipped: where they lie, and that they are whole."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import keras

FOLDER = Path(__file__).parents[3] / "assets" / "pocket"


class Files(NamedTuple):
    """Of one of the models. sha256: of the weights that belong to this version of the code.

    After a training of your own, `write_weights` tells the new ones.
    """

    folder: Path
    sha256: Mapping[str, str]

    @property
    def vocabulary(self) -> Path:
        return self.folder / "vocabulary.txt"

    def path_of(self, name: str) -> Path:
        return self.folder / f"{name}.weights.h5"

    def load(self, name: str, network: keras.Model) -> keras.Model:
        """The network with its weights.

        Raises FileNotFoundError where the file is missing, ValueError where it is not the one of this version.
        """
        path = self.path_of(name)
        restore = "restore it with `git checkout -- assets/pocket`, or download the project again."
        if not path.exists():
            raise FileNotFoundError(f"The pocket model's weights '{path}' are missing; {restore}")
        if sha256(path) != self.sha256[name]:
            raise ValueError(
                f"The pocket model's weights '{path}' are cut short, changed, or of another version; {restore}"
            )
        network.load_weights(path)
        return network


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


POCKET = Files(
    FOLDER,
    {
        "text_encoder": "37dbd0b6d02d1ea0b2eb31965c05a7e2572b9229e5f57183b3b9d752f220001c",
        "diffusion_model": "170e00cbd5efb1118a16fffea4e70c619e062b633f2676b8b0452d726b58fe24",
        "image_encoder": "72471f92581aecd10cf2e27b578319c78babf9261298d339111e284822cd90d1",
        "decoder": "fbc9b079f09ccb73af77f853b0aad251e6a19a122ee9e47133f1e67d283ef236",
        "classifier": "c466833b6660d36b8139a9253d7726cb477a2ded7322c9e1206b15feba5ba458",
    },
)
INPAINTING = Files(
    FOLDER / "inpainting",
    {
        "text_encoder": "26fd9e68018eaff45ed6d53d4a8659e2aada6f5893487e9b0a9c68dfd4153f8d",
        "diffusion_model": "5f5ab63c36d7c5c00774e05502309e2edd43316371405077e3c16db529a52c08",
        "image_encoder": "ec1a269e705ae84b21417f6769bf2054c0e15102f32bb4bb18c5c9fb2382f647",
        "decoder": "3ac931128334be64d3cd9c2f4bf77a4dd8d84dbe3a16cde7b350e0520e50965b",
    },
)
