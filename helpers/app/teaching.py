"""Teaching on a page: in the page's own kernel, whose memory goes with the page, but only few at a time.

The networks that all share are not touched. Each kernel that teaches has a copy of its own, so the model must be small.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path

from helpers.app.shared_model import SharedModel
from helpers.stable_diffusion import StableDiffusion
from helpers.teach.learning import Learning, Taught
from helpers.teach.lora import lora


def learner(shared: SharedModel) -> Callable[..., InTurn]:
    """What `TeachingStudio` takes as `learn`: `lora`, when it is one's turn.

    It raises ValueError, and so do the `steps` of what it returns, while as many others learn as may; and where the
    shared model is another than "pocket".
    """
    own = functools.cache(lambda: StableDiffusion("pocket", engine="graph"))

    def learn(_model, pictures, **options) -> InTurn:
        if shared.settings["model"] != "pocket":
            raise ValueError("On these pages the pocket model alone can be taught: start them without a model's name.")
        with shared.turn():
            return InTurn(lora(own(), pictures, **options), shared.turn)

    return learn


class InTurn:
    """A `Learning` whose steps are taken in a turn; looks and files need none."""

    def __init__(self, learning: Learning, turn: Callable[[], contextlib.AbstractContextManager]):
        self._learning, self._turn = learning, turn
        self.preview = learning.preview

    @property
    def number(self) -> int:
        """How many steps were taken."""
        return self._learning.number

    def steps(self, count: int) -> Iterator[Taught]:
        """As of `Learning`."""
        with self._turn():
            yield from self._learning.steps(count)

    def save(self, folder: Path | str) -> dict[str, dict]:
        """As of `Learning`."""
        return self._learning.save(folder)
