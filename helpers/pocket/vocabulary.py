"""The words of the pocket world, which become the pocket model's tokens."""

from __future__ import annotations

import numpy as np

from helpers.models.pocket.tokenizer import END, START, split_words
from helpers.pocket.scenes import caption, sample_scene


def world_vocabulary() -> list[str]:
    """Every word that captions of the pocket world use, in order, after the two special tokens."""
    rng = np.random.default_rng(0)
    words = {word for _ in range(20_000) for word in split_words(caption(sample_scene(rng), rng))}
    return [START, END, *sorted(words)]
