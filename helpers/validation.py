"""Bad input gets one clear sentence: what was wrong, what was expected."""

from __future__ import annotations

import math

import numpy as np


def whole_number(name: str, value, least: int, most: float = math.inf) -> int:
    """The value as an int; raises ValueError if it is no whole number or outside `least`…`most`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not least <= value <= most:
        limits = f"from {least} to {most}" if most < math.inf else f"of at least {least}"
        raise ValueError(f"{name} must be a whole number {limits}, got {value!r}.")
    return int(value)


def number_from_0(name: str, value) -> float:
    """The value as a float; raises ValueError if it is no number, negative, or not finite."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0 <= value < math.inf:
        raise ValueError(f"{name} must be a number from 0 up, got {value!r}.")
    return float(value)


def share(name: str, value) -> float:
    """The value as a float; raises ValueError if it is no number, 0 or below, or above 1."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0 < value <= 1:
        raise ValueError(f"{name} must be a number above 0, up to 1, got {value!r}.")
    return float(value)


def timestep_interval(name: str, value) -> tuple[int, int]:
    """The value as two ints; raises ValueError if it is no pair of timesteps, 0…999, the lower one first."""
    pair = tuple(value) if isinstance(value, (tuple, list, np.ndarray)) else ()
    whole = all(isinstance(each, (int, np.integer)) and not isinstance(each, bool) for each in pair)
    if len(pair) != 2 or not whole or not 0 <= pair[0] <= pair[1] <= 999:
        raise ValueError(f"{name} must be two timesteps from 0 to 999, the lower one first, got {value!r}.")
    return int(pair[0]), int(pair[1])


def common_count(batch_size: int, **counts: int) -> int:
    """How many pictures are meant, where each of these says 1 or how many; raises ValueError where they disagree."""
    counts = {"batch_size": whole_number("batch_size", batch_size, 1), **counts}
    count = max(counts.values())
    if any(each not in (1, count) for each in counts.values()):
        told = ", ".join(f"{name} {each}" for name, each in counts.items())
        raise ValueError(f"The numbers of pictures must agree, or be 1; got {told}.")
    return count


def batch_of(name: str, array, shape: tuple[int, ...], batch_size: int) -> np.ndarray:
    """The array as float32 (batch_size, *shape), repeated if it is given once for all pictures.

    Raises ValueError for a shape that is not `shape`, (1, *shape) or (batch_size, *shape).
    """
    array = np.asarray(array, np.float32)
    if array.shape not in (shape, (1, *shape), (batch_size, *shape)):
        raise ValueError(
            f"{name} has the shape {array.shape}; expected {shape}, or {(batch_size, *shape)} for a batch of "
            f"{batch_size}."
        )
    return np.broadcast_to(array, (batch_size, *shape))
