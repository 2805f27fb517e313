"""CLIP's tokenizer: a prompt becomes numbers of pieces of words, as the text encoders of Stable Diffusion read them."""

from __future__ import annotations

import copy
import gzip
import json
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

import regex
from keras_cv.src.models.stable_diffusion.clip_tokenizer import SimpleTokenizer, bytes_to_unicode

from helpers.models.additions import finding, refuse_known

VOCABULARY = Path(__file__).parents[2] / "assets" / "clip" / "bpe_simple_vocab_16e6.txt.gz"
MERGES = 49152 - 256 - 2  # of that file, those that CLIP has learnt the meaning of (github.com/openai/CLIP)
START, END = "<|startoftext|>", "<|endoftext|>"
WORDS = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+")

Merge = tuple[str, str]


class ClipTokenizer(SimpleTokenizer):
    """KerasCV's tokenizer with the vocabulary that comes with the project, and the text read as diffusers reads it.

    That is, as transformers' CLIPTokenizer does: characters are composed (NFC) and made small one by one, where
    KerasCV's leaves them apart and knows the sigma at the end of a word; html entities stay as they are typed, and
    the special tokens are found in the text only as they are written.

    merges: pairs of pieces to be joined, the most frequent first; by default those of CLIP.
    numbers: of each piece; by default those that follow from the merges.
    padding: the piece that fills a prompt up to the text encoder's length; by default the end of text, in
        Stable Diffusion 2 "!". Where it stands in a prompt, it is special too.
    Raises ValueError for numbers without the start and the end of text, or the padding.
    """

    def __init__(
        self,
        merges: Sequence[Merge] | None = None,
        padding: str | None = None,
        numbers: dict[str, int] | None = None,
    ):  # KerasCV's own would read another form of file
        merges = _shipped_merges() if merges is None else merges
        self.byte_encoder = bytes_to_unicode()
        self.byte_decoder = {letter: byte for byte, letter in self.byte_encoder.items()}
        self.encoder: dict[str, int] = _numbers(merges) if numbers is None else numbers
        self.decoder = {number: piece for piece, number in self.encoder.items()}
        self.bpe_ranks = {merge: rank for rank, merge in enumerate(merges)}
        self.cache: dict[str, str] = {}
        special = [START, END, padding or END]
        missing = [piece for piece in special if piece not in self.encoder]
        if missing:
            raise ValueError(f"This is no vocabulary of CLIP: it has no {missing[0]!r}; take the model's own.")
        self.padding = self.encoder[padding or END]
        self._special = regex.compile("(" + "|".join(map(regex.escape, special)) + ")")
        self.words: dict[str, list[int]] = {}  # learned ones, in small letters

    @classmethod
    def from_folder(cls, folder: Path | str) -> ClipTokenizer:
        """The tokenizer in a folder as diffusers saves it, with its padding.

        Either merges.txt and vocab.json, or tokenizer.json, which newer ones write; the padding is told by
        special_tokens_map.json or tokenizer_config.json.
        Raises ValueError for a folder without them, or files that are not what their names say.
        """
        folder = Path(folder)
        try:
            if (folder / "merges.txt").is_file():
                lines = (folder / "merges.txt").read_text(encoding="utf-8").split("\n")
                merges, numbers = _merges(lines), _json(folder / "vocab.json")
            else:
                model = _json(folder / "tokenizer.json")["model"]
                # either "a b" or ["a", "b"]
                merges = [_merge(each.split(" ") if isinstance(each, str) else each) for each in model["merges"]]
                numbers = model["vocab"]
            return cls(merges, _padding(folder), numbers)
        except FileNotFoundError as error:
            raise ValueError(
                f"'{folder}' has no tokenizer: '{Path(error.filename).name}' is missing; expected merges.txt and "
                "vocab.json, or tokenizer.json, as diffusers saves them."
            ) from error
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"The tokenizer in '{folder}' cannot be read ({error}); fetch it again.") from error

    def with_words(self, words: Mapping[str, list[int]]) -> ClipTokenizer:
        """One that knows these words too, by their tokens, wherever they stand in a text, in small or capital letters.

        Raises ValueError for a word that is a single token already.
        """
        for word in words:
            refuse_known(word, [self.decoder[token].removesuffix("</w>") for token in self.encode(word)[1:-1]])
        if not words:
            return self
        more = copy.copy(self)
        more.words = {word.lower(): numbers for word, numbers in words.items()}
        more.decoder = self.decoder | {n: f"{word}</w>" for word, numbers in words.items() for n in numbers}
        more._special = regex.compile(f"({finding(words)}|{self._special.pattern[1:-1]})")
        return more

    def encode(self, text: str) -> list[int]:
        """The numbers of the text's pieces, between the start and the end of text."""
        numbers: list[int] = [self.start_of_text]
        for part in self._special.split(text):
            if part.lower() in self.words:
                numbers += self.words[part.lower()]
            else:
                numbers += [self.encoder[part]] if self._special.fullmatch(part) else self._of_words(part)
        return [*numbers, self.end_of_text]

    def _of_words(self, text: str) -> list[int]:
        small = "".join(letter.lower() for letter in unicodedata.normalize("NFC", text))
        numbers: list[int] = []
        for word in WORDS.findall(small):
            letters = "".join(self.byte_encoder[byte] for byte in word.encode("utf-8"))
            # what a small vocabulary has not got is the end of text, as in transformers
            numbers += [self.encoder.get(piece, self.encoder[END]) for piece in self.bpe(letters).split(" ")]
        return numbers


def _shipped_merges() -> list[Merge]:
    with gzip.open(VOCABULARY, "rt", encoding="utf-8") as file:
        return _merges(file.read().split("\n")[: MERGES + 1])


def _merges(lines: Sequence[str]) -> list[Merge]:
    """Of a file with one a line, after a line that tells its version."""
    return [_merge(line.split()) for line in lines[1:] if line.strip()]


def _merge(pieces: Sequence[str]) -> Merge:
    first, second = pieces
    return first, second


def _numbers(merges: Sequence[Merge]) -> dict[str, int]:
    """The bytes, the bytes at the end of a word, what the merges make, the start and the end of text: from 0."""
    letters = [*bytes_to_unicode().values()]
    pieces = [*letters, *(letter + "</w>" for letter in letters), *map("".join, merges), START, END]
    return {piece: number for number, piece in enumerate(pieces)}


def _padding(folder: Path) -> str | None:
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        told = _json(folder / name).get("pad_token") if (folder / name).is_file() else None
        if told is not None:
            return told if isinstance(told, str) else told["content"]
    return None


def _json(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))
