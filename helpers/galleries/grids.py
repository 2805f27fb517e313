"""A grid of pictures over two options, each column and row labelled."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping

import numpy as np
from tqdm import tqdm

from helpers.galleries.labels import label
from helpers.pictures.strips import strip


def option_grid(model, across: Mapping[str, Iterable], down: Mapping[str, Iterable], **recipe) -> np.ndarray:
    """The pictures of all pairs of two options' values: one picture uint8 (height, width, 3).

    model: draws by its method `text_to_image`, as `StableDiffusion` does.
    across, down: an option each with its values, as in `across={"num_steps": (5, 10)}, down={"seed": range(3)}`.
    recipe: the other arguments of `text_to_image`. Without a seed among all these it is 0: what differs is the options.
    Raises ValueError unless there are two options, each with values; and what `text_to_image` raises.
    """
    axes = [(name, list(values)) for axis in (across, down) for name, values in axis.items()]
    if len(axes) != 2 or axes[0][0] == axes[1][0] or not all(values for _, values in axes):
        raise ValueError(f"One option goes across and another down, each with its values; got {across} and {down}.")
    (column, columns), (row, rows) = axes
    pairs = [{"seed": 0, **recipe, row: down_value, column: value} for down_value in rows for value in columns]
    pictures = [
        model.text_to_image(**pair, verbose=False)[0] for pair in tqdm(pairs, "grid", file=sys.stdout, unit="picture")
    ]
    height, width, _ = pictures[0].shape
    header = [label(f"{_said(column)}{value}", width, height // 4) for value in columns]
    side = [label(f"{_said(row)}{value}", width * 3 // 4, height) for value in rows]
    corner = np.full((height // 4, width * 3 // 4, 3), 255, np.uint8)
    gap = np.full((4, len(columns) * (width + 4) - 4, 3), 255, np.uint8)
    right = np.concatenate([strip(header), gap, strip(pictures, columns=len(columns))])
    left = np.concatenate([corner, gap[:, : corner.shape[1]], strip(side, columns=1)])
    return np.concatenate([left, right], axis=1)


def _said(option: str) -> str:
    """What stands before a value: a prompt speaks for itself."""
    return "" if option == "prompt" else option.removeprefix("unconditional_").replace("_", " ") + " "
