"""One `.safetensors` file: its names and shapes at once, its numbers one tensor at a time."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open

PICKLES = (".ckpt", ".pt", ".pth", ".bin", ".pkl")
FLOATS = ("F64", "F32", "F16", "BF16")


class TensorFile:
    """A file. `shapes`: of all its tensors, by name; `metadata`: what its writer noted, str to str.

    Raises FileNotFoundError, which names files near by; ValueError for a pickle, and for a file that is damaged or no
    safetensors at all.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        if self.path.suffix.lower() in PICKLES:
            raise ValueError(
                f"'{self.path.name}' is a pickle, and opening one runs whatever program lies in it; take the "
                "'.safetensors' file of the same weights, or have the web UI that you trust it to save one."
            )
        if not self.path.is_file():
            raise FileNotFoundError(f"There is no file '{self.path}'{near(self.path)}.")
        try:
            with safe_open(self.path, framework="np") as file:
                slices = {name: file.get_slice(name) for name in file.keys()}
                self.shapes = {name: tuple(each.get_shape()) for name, each in slices.items()}
                self._dtypes = {name: each.get_dtype() for name, each in slices.items()}
                self.metadata: dict[str, str] = file.metadata() or {}
        except SafetensorError as error:
            size = self.path.stat().st_size
            raise ValueError(
                f"'{self.path.name}' ({size:,} bytes) is no whole safetensors file ({error}): it is cut short, damaged "
                "or of another kind; fetch it again."
            ) from error

    def read(self, name: str) -> np.ndarray:
        """The tensor, float32. Raises ValueError for one that is no floating-point tensor, or not finite."""
        if self._dtypes[name] not in FLOATS:
            raise ValueError(
                f"{name!r} in '{self.path.name}' is of {self._dtypes[name]} numbers; weights of "
                f"{', '.join(FLOATS)} can be read."
            )
        # opened for each: as long as it is open, all that has been read of a file counts as this process's memory
        with safe_open(self.path, framework="np") as file:
            array = file.get_tensor(name).astype(np.float32, copy=False)
        if not np.isfinite(array).all():
            raise ValueError(
                f"{name!r} in '{self.path.name}' has numbers that are not finite (NaN or infinite): the file is "
                "damaged, or its weights overflowed when they were saved; take another copy."
            )
        return array


class StoredTensor(NamedTuple):
    """A tensor in a file, or one of three equal parts of it that lie one after the other."""

    file: TensorFile
    key: str
    third: int | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        shape = self.file.shapes[self.key]
        return shape if self.third is None else (shape[0] // 3, *shape[1:])

    def read(self) -> np.ndarray:
        """float32; raises as `TensorFile.read` does."""
        array = self.file.read(self.key)
        return array if self.third is None else np.split(array, 3)[self.third]


def safetensors_path(path: Path | str) -> Path:
    """Of a file to be written, its folder made; raises ValueError for another kind of file."""
    path = Path(path)
    if path.suffix != ".safetensors":
        raise ValueError(f"'{path.name}' must end with '.safetensors', by which other programs know the file.")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def near(path: Path) -> str:
    """What of a like name lies where the path points to, to end a sentence with."""
    if not path.parent.is_dir():
        return f", and no folder '{path.parent}'"
    names = sorted(each.name for each in path.parent.iterdir())
    like = difflib.get_close_matches(path.name, names, 3, 0.5)
    return f"; there is {listed(like)}" if like else ""


def listed(names: Sequence[str], most: int = 5) -> str:
    """'a', 'b', … and how many more."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + more
