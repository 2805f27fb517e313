"""Drawing anew at every change: the newest wish wins, half-done work is dropped at the next step, nothing queues up."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Generator, Iterator

# Turns of the event loop between two steps: what a browser sends takes several to reach a widget.
TURNS = 12


class NewestWish:
    """Has one thing drawn, the newest that is wished for.

    draw: begins with what is wished for by then, and yields after each of its steps.

    In a kernel it is drawn between messages, in the kernel's one thread: the change that began it is done at once, for
    a browser sends a widget's next value only then, and what comes meanwhile is dealt with after each step. Without an
    event loop, in plain Python, all is drawn before `changed` returns.
    """

    def __init__(self, draw: Callable[[], Generator[None, None, None]]):
        self._draw = draw
        self._wished = self._dropped = self._drawing = False
        self.task: asyncio.Task | None = None  # the loop itself would not keep it

    def changed(self, _change=None) -> None:
        """Something else is wished for now."""
        self._wished = True
        if self._drawing:
            return
        self._drawing = True
        try:
            self.task = asyncio.get_running_loop().create_task(self._between_messages())
        except RuntimeError:
            for _ in self._steps():
                pass

    def drop(self) -> None:
        """Nothing is wished for any more; what is half done ends at its next step."""
        self._wished, self._dropped = False, True

    def _steps(self) -> Iterator[None]:
        try:
            while self._wished:
                self._wished = self._dropped = False
                with contextlib.closing(self._draw()) as steps:
                    for _ in steps:
                        yield
                        if self._wished or self._dropped:
                            break
        finally:
            self._drawing = False

    async def _between_messages(self) -> None:
        await asyncio.sleep(0)  # what follows the first change at once belongs to the same wish
        for _ in self._steps():
            for _ in range(TURNS):
                await asyncio.sleep(0)
