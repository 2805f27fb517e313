"""What a model that several people share tells whoever waits for it."""

from __future__ import annotations

from typing import NamedTuple


class Waiting(NamedTuple):
    """Comes in place of a step, now and then, while the model draws for others.

    before: how many of them are done first; 0 where this one is next or under way. seconds: until this one is done, if
    nobody else comes; None as long as nothing has been measured.
    """

    before: int
    seconds: float | None


def told(waiting: Waiting) -> str:
    """Place and time as a sentence, none where there is nobody before this one."""
    if not waiting.before:
        return ""
    place = f"Place {waiting.before + 1} in the queue"
    return place if waiting.seconds is None else f"{place}, done in about {duration(waiting.seconds)}"


def duration(seconds: float) -> str:
    """Like "1 min 5 s"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
