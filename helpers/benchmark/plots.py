"""The rows of `helpers.benchmark` as pictures: uint8 (H, W, 3), for `show`."""

from __future__ import annotations

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from helpers.benchmark.figures import name_of, seconds


def bars(rows: list[dict]) -> np.ndarray:
    """A bar for each row, as long as its guided step takes, the least and the most a line; the fastest on top."""
    rows = sorted(rows, key=lambda row: -row["ms"])
    figure = Figure((8, 0.5 + 0.45 * len(rows)), layout="constrained")
    axes = figure.subplots()
    medians = np.array([row["ms"] for row in rows])
    reach = [medians - [row["ms_least"] for row in rows], [row["ms_most"] for row in rows] - medians]
    drawn = axes.barh([name_of(row) for row in rows], medians, xerr=reach, color="#4878a8", ecolor="#333333")
    axes.bar_label(drawn, [f" {median:.0f}" for median in medians], label_type="center", color="white")
    axes.set_xlabel("milliseconds a guided step")
    return _pixels(figure)


def break_evens(rows: list[dict], pictures: int) -> np.ndarray:
    """A line for each row: the seconds from a cold start to so many pictures."""
    figure = Figure((8, 4.5), layout="constrained")
    axes = figure.subplots()
    numbers = np.arange(1, pictures + 1)
    for row in rows:
        axes.plot(numbers, [seconds(row, int(number)) for number in numbers], label=name_of(row))
    axes.set(xlabel="pictures made", ylabel="seconds since the start", ylim=(0, None), xlim=(1, pictures))
    axes.legend()
    return _pixels(figure)


def _pixels(figure: Figure) -> np.ndarray:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
