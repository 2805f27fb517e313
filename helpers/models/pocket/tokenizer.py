"""The pocket model's tokenizer: one token a word."""

from __future__ import annotations

import copy
import re
import warnings
from collections.abc import Mapping
from pathlib import Path

from helpers.models.additions import finding, refuse_known

START, END = "<start>", "<end>"


def split_words(prompt: str) -> list[str]:
    """The words of a prompt, lower case, without punctuation: "A T-Rex, at sea!" → a, t-rex, at, sea."""
    return re.findall(r"[^\W_]+(?:-[^\W_]+)*", prompt.lower())


class WordTokenizer:
    """Turns a prompt into numbers of words; has the two methods that KerasCV's `SimpleTokenizer` has.

    `vocabulary` is a text file with one word a line; a word's number is its line, from 0.
    """

    def __init__(self, vocabulary: Path):
        words = Path(vocabulary).read_text(encoding="utf-8").split()
        self.encoder = {word: number for number, word in enumerate(words)}
        self.decoder = dict(enumerate(words))
        self.end_of_text = self.encoder[END]
        self.words: dict[str, list[int]] = {}  # learned ones, in small letters

    def with_words(self, words: Mapping[str, list[int]]) -> WordTokenizer:
        """One that knows these words too, by their tokens, in small or capital letters.

        Raises ValueError for a word that the model has already.
        """
        for word in words:
            refuse_known(word, [word.lower()] if word.lower() in self.encoder else [])
        more = copy.copy(self)
        more.words = {word.lower(): numbers for word, numbers in words.items()}
        more.decoder = self.decoder | {number: word for word, numbers in words.items() for number in numbers}
        return more

    def encode(self, prompt: str) -> list[int]:
        """The prompt's tokens between a start and an end token.

        Words that the model has never seen are left out, and a warning names them.
        """
        words: list[str] = []
        for part in re.split(f"({finding(self.words)})", prompt) if self.words else [prompt]:
            words += [part.lower()] if part.lower() in self.words else split_words(part)
        unknown = [word for word in dict.fromkeys(words) if word not in self.encoder and word not in self.words]
        if unknown:
            known = [word for word in self.encoder if len(word) > 3 and not word.startswith("<")]
            warnings.warn(
                f"The pocket model does not know {', '.join(map(repr, unknown))} and leaves "
                f"{'it' if len(unknown) == 1 else 'them'} out; it knows {len(known)} words, among them "
                f"{', '.join(known[:: max(1, len(known) // 12)])}.",
                stacklevel=2,
            )
        known_words = {word: [number] for word, number in self.encoder.items()} | self.words
        tokens = [token for word in words for token in known_words.get(word, [])]
        return [self.encoder[START], *tokens, self.end_of_text]

    def decode(self, tokens: list[int]) -> str:
        """The words of the tokens, special ones included, with spaces between."""
        return " ".join(self.decoder[token] for token in tokens)
