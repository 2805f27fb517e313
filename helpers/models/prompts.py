"""A prompt becomes tokens: checked, counted, cut or in pieces, padded."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from helpers.models.checkpoint import Checkpoint
from helpers.models.weighting import weighted_parts


@dataclass(frozen=True)
class Reading:
    """How prompts are read.

    truncate: a prompt of more tokens than the model reads at once is cut, and a warning says what is cut off; without
        it, it is refused.
    long_prompts: it is read to its end in pieces, of 75 tokens between a start and an end, and their contexts are put
        one after the other, as in web UIs. Not every model's networks can.
    weighting: brackets tell how much words weigh: "(words:1.3)", "(words)" 1.1, "[words]" 1 / 1.1; see
        `weighting.weighted_parts`.
    Raises ValueError where both of the first are asked for.
    """

    truncate: bool = False
    long_prompts: bool = False
    weighting: bool = False

    def __post_init__(self):
        if self.truncate and self.long_prompts:
            raise ValueError("truncate=True cuts what long_prompts=True reads to the end: give one.")

    def checked_for(self, checkpoint: Checkpoint) -> Reading:
        """Itself; raises ValueError for long prompts where the checkpoint's UNet cannot take them."""
        if self.long_prompts and not checkpoint.any_length:
            raise ValueError(
                f"long_prompts=True: the networks of {checkpoint.name!r} take {checkpoint.max_length} tokens and no "
                "more; choose another model, or give truncate=True."
            )
        return self

    @property
    def settings(self) -> dict[str, str]:
        """What of it is not as by default, by its name."""
        return {name: str(value) for name, value in dataclasses.asdict(self).items() if value}


AS_WRITTEN = Reading()


class Piece(NamedTuple):
    """What the text encoder reads at once.

    tokens: int32 (1, max_length), from the start to the end of text, padded; weights: float32 (max_length,), of each.
    """

    tokens: np.ndarray
    weights: np.ndarray


def pieces(prompt: str, tokenizer, checkpoint: Checkpoint, reading: Reading) -> list[Piece]:
    """The prompt's tokens with their weights: one piece, or as many as a long prompt needs.

    A long prompt is cut wherever a piece is full, also within a word, and each piece has a start and an end.
    Raises ValueError for a prompt that is empty, no string, or, where it is neither cut nor read in pieces, of more
    tokens than the model reads.
    """
    text_is_there = isinstance(prompt, str) and prompt.strip()
    parts = weighted_parts(prompt) if text_is_there and reading.weighting else [(prompt, 1.0)]
    if not text_is_there or not any(text.strip() for text, _ in parts):
        raise ValueError(f"The prompt must say what to draw; expected a non-empty string, got {prompt!r}.")
    tokens = [(token, weight) for text, weight in parts for token in tokenizer.encode(text)[1:-1]]
    room = checkpoint.max_length - 2
    if len(tokens) > room and not reading.long_prompts:
        _told_over("".join(text for text, _ in parts), len(tokens) + 2, tokenizer, checkpoint, reading)
        tokens = tokens[:room]
    return [_piece(tokens[begin : begin + room], checkpoint) for begin in range(0, max(1, len(tokens)), room)]


def no_text(checkpoint: Checkpoint) -> Piece:
    """No prompt at all: a start, an end, and nothing but padding."""
    return _piece([], checkpoint)


def same_length(contexts: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The contexts (N, k · max_length, width), repeated along their tokens to as many as a common multiple of all.

    So they fit into one batch, and each draws what it draws alone: attention to the same tokens twice is attention to
    them once. It is how ComfyUI does it, and does what AUTOMATIC1111's web UI does by calls apart.
    """
    common = math.lcm(*(context.shape[1] for context in contexts))
    return [np.tile(context, (1, common // context.shape[1], 1)) for context in contexts]


def _piece(tokens: list[tuple[int, float]], checkpoint: Checkpoint) -> Piece:
    padding = checkpoint.end_of_text if checkpoint.padding is None else checkpoint.padding
    numbers = np.full((1, checkpoint.max_length), padding, np.int32)
    numbers[0, : len(tokens) + 2] = [checkpoint.start_of_text, *(token for token, _ in tokens), checkpoint.end_of_text]
    weights = np.ones(checkpoint.max_length, np.float32)
    weights[1 : len(tokens) + 1] = [weight for _, weight in tokens]
    return Piece(numbers, weights)


def _told_over(text: str, count: int, tokenizer, checkpoint: Checkpoint, reading: Reading) -> None:
    """A warning of what is cut off, or a ValueError."""
    over = count - checkpoint.max_length
    said = f"The prompt has {count} tokens and {checkpoint.name!r} reads {checkpoint.max_length}, {over} too many."
    words = _words_over(text, tokenizer, checkpoint)
    if not reading.truncate:
        ways = "truncate=True or long_prompts=True" if checkpoint.any_length else "truncate=True"
        raise ValueError(f"{said} Leave out words, or give StableDiffusion {ways}; those over are {words!r}.")
    warnings.warn(f"{said} Cut off from {words!r}.", stacklevel=2)


def _words_over(prompt: str, tokenizer, checkpoint: Checkpoint) -> str:
    """The end of the prompt, from the first word that no longer fits."""
    words = prompt.split()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of unknown words; the whole prompt has been warned about
        for number in range(1, len(words)):
            if len(tokenizer.encode(" ".join(words[:number]))) > checkpoint.max_length:
                return " ".join(words[number - 1 :])
    return words[-1]
