"""A way back: what was before each change, and what was after it."""

from __future__ import annotations

from typing import Generic, TypeVar

State = TypeVar("State")
KEPT = 200


class History(Generic[State]):
    """States, one after the other; `now` is the present one. The oldest are forgotten.

    Changes of one kind that follow each other are one: a slider that is dragged gives many.
    """

    def __init__(self, now: State):
        self.now = now
        self.past: list[State] = []
        self.future: list[State] = []
        self._kind: str | None = None

    def put(self, state: State, kind: str | None = None) -> None:
        """Makes the state the present one; what was undone is forgotten."""
        if kind is None or kind != self._kind:
            self.past = [*self.past, self.now][-KEPT:]
        self.now, self._kind = state, kind
        self.future.clear()

    def undo(self) -> State:
        """The state before the last change; at the first one, the present state."""
        return self._back(self.past, self.future)

    def redo(self) -> State:
        """The state that was last undone; without one, the present state."""
        return self._back(self.future, self.past)

    def _back(self, source: list[State], other: list[State]) -> State:
        if source:
            other.append(self.now)
            self.now, self._kind = source.pop(), None
        return self.now
