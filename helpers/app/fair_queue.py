"""One worker draws what many people wish for, a step at a time.

The next step is always of the picture that would be done first if all shared the machine equally: the Fair Sojourn
Protocol (Friedman and Henderson 2003, "Fairness and efficiency in web server protocols"). So nobody is done later than
with an equal share, equal wishes are drawn one by one in the order in which they came, and a short one passes a long
one. But nobody is passed by more than what was before them and their own: so none waits more than twice as long as in
the order in which they came. Work is counted in pictures times steps.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from typing import Any

from helpers.panels.waiting import Waiting

TELL_EVERY = 0.5  # seconds between two words on place and time, and until a closed page is noticed
MEASURED = 200  # steps and calls from which the time of a step is taken


class _Wish:
    def __init__(self, begin: Callable[[], Iterator], count: int, cost: float):
        self.steps = _begun(begin)
        self.cost = cost  # of a step
        self.left = self.share = count * cost  # of the work: to be done, and to be done if all had equal shares
        self.patience = 0.0  # how much of those who came later may still be done first
        self.news: queue.SimpleQueue = queue.SimpleQueue()  # of pairs: what it is, "step", "end" or "error", and it


class FairQueue:
    """Draws in a thread of its own, which runs until the program ends."""

    def __init__(self):
        self._changed = threading.Condition()
        self._calls: deque[tuple[Callable[[], Any], queue.SimpleQueue]] = deque()
        self._wishes: list[_Wish] = []  # not drawn yet, in the order in which they came
        self._sharing: list[_Wish] = []  # would not be drawn yet with equal shares
        self._due: list[_Wish] = []  # would be, in that order, and are not
        self._measured: deque[tuple[float, float]] = deque(maxlen=MEASURED)  # seconds, and the work done in them
        threading.Thread(target=self._work, daemon=True).start()

    def __len__(self) -> int:
        """How many wait or are being drawn."""
        return len(self._wishes)

    def draw(self, begin: Callable[[], Iterator], count: int, cost: float = 1) -> Generator:
        """The steps of `begin()`, as they are done, and a `Waiting` at once and whenever none comes for a while.

        count: how many there will be at most; cost: of each, in pictures. An error of theirs is raised here, and
        nowhere else. Whoever closes this iterator gives the place free.
        """
        wish = _Wish(begin, count, cost)
        with self._changed:
            self._wishes.append(wish)
            wish.patience = sum(each.left for each in self._wishes)
            self._sharing.append(wish)
            self._changed.notify()
        try:
            yield self._waiting(wish)
            while True:
                try:
                    kind, what = wish.news.get(timeout=TELL_EVERY)
                except queue.Empty:
                    yield self._waiting(wish)
                    continue
                if kind == "end":
                    return
                if kind == "error":
                    raise what
                yield what
        finally:
            with self._changed:
                self._forget(wish)

    def do(self, call: Callable[[], Any]) -> Any:
        """The result of something short on the same model, before the next step; raises what it raises."""
        answer: queue.SimpleQueue = queue.SimpleQueue()
        with self._changed:
            self._calls.append((call, answer))
            self._changed.notify()
        result, error = answer.get()
        if error:
            raise error
        return result

    # ------------------------------------------------------------------ the order

    def _order(self) -> list[_Wish]:
        """As they will be drawn if nobody else comes: those that are due, then who would be done first."""
        return self._due + sorted((wish for wish in self._sharing if wish in self._wishes), key=lambda wish: wish.share)

    def _next(self) -> _Wish:
        cost = max(wish.cost for wish in self._wishes)
        impatient = next((i for i, wish in enumerate(self._wishes) if wish.patience < cost), len(self._wishes))
        return next(wish for wish in self._order() if wish in self._wishes[: impatient + 1])

    def _waiting(self, wish: _Wish) -> Waiting:
        with self._changed:
            order = self._order()
            if wish not in order:
                return Waiting(0, 0.0)
            before = order.index(wish)
            work = sum(seconds for seconds, _ in self._measured), sum(done for _, done in self._measured)
            left = sum(each.left for each in order[: before + 1])
            return Waiting(before, left * work[0] / work[1] if work[1] else None)

    def _advance(self, work: float) -> None:
        """Gives each of those who would share the machine an equal part of the work done."""
        while work > 1e-9 and self._sharing:
            part = min(min(wish.share for wish in self._sharing), work / len(self._sharing))
            work -= part * len(self._sharing)
            for wish in self._sharing:
                wish.share -= part
            self._due += [wish for wish in self._sharing if wish.share <= 1e-9 and wish in self._wishes]
            self._sharing = [wish for wish in self._sharing if wish.share > 1e-9]

    def _forget(self, wish: _Wish) -> None:
        """Of one that is done, its part in the sharing goes on, as the others' would with equal shares."""
        for each in (self._wishes, self._due, *([self._sharing] if wish.left > 0 else [])):
            if wish in each:
                each.remove(wish)
        if not self._wishes:
            self._sharing.clear()

    # ------------------------------------------------------------------ the worker

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._calls or self._wishes)
                call = self._calls.popleft() if self._calls else None
                wish = self._next() if call is None else None
            if call:
                self._call(*call)
            if wish:
                self._step(wish)

    def _call(self, call: Callable[[], Any], answer: queue.SimpleQueue) -> None:
        since = time.monotonic()
        answer.put(_outcome(call))
        with self._changed:
            self._measured.append((time.monotonic() - since, 0))

    def _step(self, wish: _Wish) -> None:
        since = time.monotonic()
        step, error = _outcome(lambda: next(wish.steps, None))
        with self._changed:
            if step is not None:
                self._measured.append((time.monotonic() - since, wish.cost))
                wish.left -= wish.cost
                wish.news.put(("step", step))
                if wish in self._wishes:
                    for passed in self._wishes[: self._wishes.index(wish)]:
                        passed.patience -= wish.cost
                self._advance(wish.cost)
            if step is None or wish.left <= 0:
                self._forget(wish)
                wish.news.put(("error", error) if error else ("end", None))


def _begun(begin: Callable[[], Iterator]) -> Iterator:
    yield from begin()  # by the worker: the beginning runs networks too


def _outcome(call: Callable[[], Any]) -> tuple[Any, Exception | None]:
    try:
        return call(), None
    except Exception as error:  # of one person; the others go on
        return None, error
