"""Several pictures in one: side by side, row after row, with labels."""

from __future__ import annotations

import re

import numpy as np
from PIL import Image, ImageDraw, ImageFont


def strip(pictures, *, columns: int | None = None, gap: int = 4) -> np.ndarray:
    """Pictures side by side on white, row after row: uint8 (height, width, 3).

    pictures: one or more uint8 (H, W, 3) of one size, or an array (N, H, W, 3); others raise ValueError.
    columns, gap: pictures in a row, from 1 (None: all of them); pixels of white between two, from 0.
    """
    pictures = np.stack(list(pictures))
    check_picture(pictures[0])
    columns = min(columns or len(pictures), len(pictures))
    cells = np.pad(pictures, ((0, -len(pictures) % columns), (0, gap), (0, gap), (0, 0)), constant_values=255)
    sheet = np.concatenate([np.concatenate(cells[i : i + columns], axis=1) for i in range(0, len(cells), columns)])
    return sheet[: sheet.shape[0] - gap, : sheet.shape[1] - gap]


def labelled(pictures: list[np.ndarray], labels: list[str]) -> list[np.ndarray]:
    """Each picture with its label above it, in one size of letters, in which all labels fit."""
    height, width, _ = pictures[0].shape
    bar = width // 7
    ruler = ImageDraw.Draw(Image.new("L", (1, 1)))
    longest = max(ruler.textlength(label, ImageFont.load_default(width / 9)) for label in labels)
    font = ImageFont.load_default(width / 9 * min(1, 0.94 * width / max(1, longest)))
    labelled = []
    for picture, label in zip(pictures, labels, strict=True):
        image = Image.new("RGB", (width, height + bar), "white")
        ImageDraw.Draw(image).text((width / 2, bar / 2), label, "black", font, anchor="mm")
        image.paste(Image.fromarray(picture), (0, bar))
        labelled.append(np.asarray(image))
    return labelled


def check_picture(picture) -> None:
    """Raises ValueError for anything but one picture, uint8 (height, width, 3)."""
    found = f"{picture.dtype} {picture.shape}" if isinstance(picture, np.ndarray) else type(picture).__name__
    if not re.fullmatch(r"uint8 \([1-9]\d*, [1-9]\d*, 3\)", found):
        raise ValueError(f"Expected one picture, uint8 (height, width, 3), not {found}; see load_image.")
