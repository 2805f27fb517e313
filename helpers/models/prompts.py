"""A prompt becomes tokens: checked, counted, padded."""

from __future__ import annotations

import warnings

import numpy as np

from helpers.models.checkpoint import Checkpoint


def prompt_tokens(prompt: str, tokenizer, checkpoint: Checkpoint) -> np.ndarray:
    """The prompt's tokens, padded with ends of text: int32 (1, max_length).

    Raises ValueError for a prompt that is empty, no string, or of more tokens than the model reads.
    """
    if not isinstance(prompt, str) or not prompt.strip():
        raise ValueError(f"The prompt must say what to draw; expected a non-empty string, got {prompt!r}.")
    tokens = tokenizer.encode(prompt)
    over = len(tokens) - checkpoint.max_length
    if over > 0:
        raise ValueError(
            f"The prompt has {len(tokens)} tokens and {checkpoint.name!r} reads {checkpoint.max_length}, "
            f"{over} too many. Leave out words; those over are {_words_over(prompt, tokenizer, checkpoint)!r}."
        )
    return padded(tokens, checkpoint)


def unconditional_tokens(checkpoint: Checkpoint) -> np.ndarray:
    """The tokens of no prompt at all, a start and nothing but ends, as KerasCV's: int32 (1, max_length)."""
    return padded([checkpoint.start_of_text], checkpoint)


def padded(tokens: list[int], checkpoint: Checkpoint) -> np.ndarray:
    ends = [checkpoint.end_of_text] * (checkpoint.max_length - len(tokens))
    return np.array([tokens + ends], np.int32)


def _words_over(prompt: str, tokenizer, checkpoint: Checkpoint) -> str:
    """The end of the prompt, from the first word that no longer fits."""
    words = prompt.split()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of unknown words; the whole prompt has been warned about
        for number in range(1, len(words)):
            if len(tokenizer.encode(" ".join(words[:number]))) > checkpoint.max_length:
                return " ".join(words[number - 1 :])
    return words[-1]
