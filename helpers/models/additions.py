"""What is added to a model's networks and taken back exactly: low-rank updates of weights, and learned words."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    import keras

    from helpers.models.checkpoint import Checkpoint

ADDED_TO = ("text_encoder", "diffusion_model")
_TABLE = "text_model.embeddings.token_embedding.weight"


Change = Callable[[str, np.ndarray], np.ndarray]  # of a tensor's name and array, to what is to be loaded instead


class Shaped(Protocol):
    """A tensor of which only the shape is known, in the order of diffusers' axes."""

    @property
    def shape(self) -> tuple[int, ...]: ...


@dataclass(frozen=True)
class Additions:
    """What is added, in the order given.

    loras: how much of each low-rank update, by its file.
    words: the vectors of each learned word, float32 (tokens, context_width).
    """

    loras: Mapping[Path, float] = field(default_factory=dict)
    words: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many tokens the text encoder has besides its own."""
        return sum(map(len, self.words.values()))

    def numbers(self, vocabulary: int) -> dict[str, list[int]]:
        """The tokens of each word: those that follow the model's own, of which there are `vocabulary`."""
        told, number = {}, vocabulary
        for word, vectors in self.words.items():
            told[word] = [*range(number, number + len(vectors))]
            number += len(vectors)
        return told

    def version(self, network: str) -> tuple:
        """Tells what it does to that network from what any other does; () where it does nothing."""
        told: tuple = tuple((identity(path), much) for path, much in self.loras.items()) if network in ADDED_TO else ()
        if network == "text_encoder" and self.words:
            vectors = b"".join(each.tobytes() for each in self.words.values())
            told += (self.rows, hashlib.sha256(vectors).hexdigest())
        return told

    def change(self, network: str, tensors: Callable[[str], Mapping[str, Shaped]]) -> Change | None:
        """What changes a network's tensors on their way into it, as of `loading.load`; None where nothing does.

        tensors: gives those of a network, in whose shapes a low-rank update must fit.
        Raises as `read_lora` does.
        """
        if not self.version(network):
            return None
        from helpers.models.files.loras import adding, read_lora

        shapes = {each: tensors(each) for each in ADDED_TO} if self.loras else {}
        add = adding([(read_lora(path, shapes)[network], strength) for path, strength in self.loras.items()])

        def changed(name: str, array: np.ndarray) -> np.ndarray:
            array = add(name, array)
            return np.concatenate([array, *self.words.values()]) if name == _TABLE and self.words else array

        return changed

    @property
    def settings(self) -> dict[str, str]:
        """What of it decides a picture, in words."""
        told = {"loras": ", ".join(f"{path.name}: {strength:g}" for path, strength in self.loras.items())}
        told["embeddings"] = ", ".join(self.words)
        return {name: value for name, value in told.items() if value}


NOTHING = Additions()


class Extensible(Protocol):
    """Where weights lie to which something can be added."""

    @property
    def additions(self) -> Additions: ...

    @property
    def settings(self) -> dict[str, str]:
        """What of it, besides the checkpoint's name, decides a picture, in words."""

    def with_additions(self, additions: Additions) -> Checkpoint:
        """The same checkpoint with these in place of its own."""

    def loaded(self, name: str, network: keras.Model) -> keras.Model:
        """The network of that name itself, given its weights with the additions."""

    def modules(self, name: str, network: keras.Model) -> dict[str, keras.layers.Layer]:
        """The layers of that network that have weights, by diffusers' names."""


def checked_strength(name: str | Path, strength) -> float:
    """How much of a low-rank update is added; raises ValueError for what is no finite number."""
    if isinstance(strength, bool) or not isinstance(strength, (int, float)) or not math.isfinite(strength):
        raise ValueError(f"How much of {str(name)!r} is added must be a number, 1.0 as it was made; got {strength!r}.")
    return float(strength)


def checked_word(word: str) -> str:
    """The word itself; raises ValueError for what is no single word."""
    if not isinstance(word, str) or not re.fullmatch(r"\S*\w\S*", word):
        raise ValueError(f"A new word is one word without spaces, such as '<cat-toy>'; got {word!r}.")
    return word


def refuse_known(word: str, pieces: list[str]) -> None:
    """Raises ValueError for a word that is one of the model's own pieces of text already."""
    if len(pieces) == 1:
        raise ValueError(
            f"The word {word!r} exists: the model draws {pieces[0]!r} by it now, and could no more; give the new one "
            f"a name of its own, such as '<my-{pieces[0].strip('<|>')}>'."
        )


def finding(words: Mapping[str, object]) -> str:
    """A pattern that finds any of the words in a text, whole, in small or capital letters, the longest first."""
    begin, end = r"(?<!\w)", r"(?!\w)"
    whole = [
        (begin if re.match(r"\w", word) else "") + re.escape(word) + (end if re.search(r"\w$", word) else "")
        for word in sorted(words, key=len, reverse=True)
    ]
    return f"(?i:{'|'.join(whole)})"


def identity(path: Path) -> tuple[str, int, int]:
    """What tells a file from others, and from itself before it was changed; the hub's cache names its by their hash."""
    path = path.resolve()
    return str(path), path.stat().st_size, path.stat().st_mtime_ns
