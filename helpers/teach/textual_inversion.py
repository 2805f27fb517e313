"""Textual inversion (2208.01618): one new word's embedding is learned, and everything else stays as it is."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from helpers.models.additions import checked_word
from helpers.models.checkpoints import with_embeddings
from helpers.stable_diffusion import StableDiffusion
from helpers.teach.learning import Learning
from helpers.teach.student import Student

LEARNING_RATE = 0.1


def textual_inversion(
    model: StableDiffusion, pictures: Sequence, word: str, like: str, prompts: str | Sequence[str] = "a {}", **options
) -> Learning:
    """Learn what a new word means, from 3 to 10 pictures of it.

    word: a name that the model has not, such as "<cat-toy>"; like: one of its own words, to begin with.
    prompts: what the pictures show, with {} for the word: of all, or a list with one for each.
    options: random_flip, batch_size, learning_rate, seed, keep, keep_weight, as of `Learning`.
    Raises ValueError for a word that exists, or is not one word; `like` that is not one token; and as `Learning` does.
    """
    student = Student(model)
    return Learning(model, student, [LearnedWord(student, word, like)], pictures, prompts, **options)


class LearnedWord:
    """A word's embedding: that of the word that it is like, and a difference, which is learned.

    learning_rates: of Adam, through the root mean square of all the embeddings' numbers.
    """

    def __init__(self, student: Student, word: str, like: str):
        checkpoint = student.networks.checkpoint
        own = student.source.additions.words
        if checked_word(word) in own:
            raise ValueError(f"The word {word!r} exists: it was learned before, and is in use; choose another name.")
        vector = np.zeros((1, checkpoint.context_width), np.float32)
        self.word, self.like = word, like
        self.tokenizer = with_embeddings(checkpoint, {**own, word: vector}).tokenizer()
        self.number = self.tokenizer.words[word.lower()][0]
        tokens = student.networks.tokenizer.encode(like)[1:-1]
        if len(tokens) != 1:
            raise ValueError(
                f"like={like!r} is {len(tokens)} tokens to {checkpoint.name!r}; choose one word that it knows."
            )
        self._like_token = tokens[0]
        table = ops.convert_to_numpy(student.embedding.token_embedding.embeddings)
        self._beginning = table[self._like_token]
        self._scale = float(np.sqrt(np.mean(np.square(table))))
        self._difference = keras.Variable(vector[0], name="difference")  # in the table's own measure
        self.variables, self.learning_rates = {"word": self._difference}, {"word": LEARNING_RATE}
        student.word = self

    @property
    def settings(self) -> dict[str, object]:
        return {"word": self.word, "like": self.like}

    def put_in(self, prompt: str) -> str:
        """The prompt with the word for {}; raises ValueError for one that has neither."""
        told = prompt.replace("{}", self.word)
        if self.word.lower() not in told.lower():
            raise ValueError(f"The prompt {prompt!r} does not say {self.word!r}; write {{}} where the word stands.")
        return told

    def stands_in(self, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The tokens with the word that it is like in its place; float32 1 where that is, and 0 elsewhere."""
        places = tokens == self.number
        return np.where(places, self._like_token, tokens).astype(np.int32), places.astype(np.float32)

    def added(self, places):
        """What is added to the embeddings (N, tokens, width) of such tokens, a tensor."""
        return places[..., None] * (self._scale * ops.convert_to_tensor(self._difference))

    @property
    def vector(self) -> np.ndarray:
        """The embedding as learned so far, float32 (context_width,)."""
        return self._beginning + np.float32(self._scale) * ops.convert_to_numpy(self._difference)
