"""Text in a rectangle: in as many lines as it needs, and in letters as large as fit."""

from __future__ import annotations

import textwrap

import numpy as np
from PIL import Image, ImageDraw, ImageFont


def label(text: str, width: int, height: int) -> np.ndarray:
    """Black on white in the middle, uint8 (height, width, 3); letters of at least 8 pixels: what is over is cut off."""
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    for size in range(max(8, min(height // 2, width // 7)), 7, -1):
        font = ImageFont.load_default(size)
        across = max(1, int(width / (0.52 * size)))
        lines = "\n".join(textwrap.wrap(text, across, break_long_words=size == 8))  # smaller letters first
        left, top, right, bottom = draw.multiline_textbbox((0, 0), lines, font)
        if right - left <= 0.96 * width and bottom - top <= 0.96 * height:
            break
    draw.multiline_text((width / 2, height / 2), lines, "black", font, anchor="mm", align="center")
    return np.asarray(image)
