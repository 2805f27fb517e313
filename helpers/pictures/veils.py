"""A veil over a hole, to be seen on dark, bright and coloured photos alike."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from helpers.pictures.masks import shrink

# Kept, two stripes, and the edge: red, green, blue, and how much it covers.
COLOURS = ((0, 0, 0, 0), (255, 45, 149, 165), (110, 0, 62, 165), (255, 255, 255, 255))


def veil(mask: np.ndarray) -> Image.Image:
    """A picture of the mask's size (H, W), to lay over its photo: striped where it is 0, clear where it is 1."""
    rows, columns = np.ogrid[: mask.shape[0], : mask.shape[1]]
    width = max(2, max(mask.shape) // 32)
    stripes = 1 + (rows + columns) // width % 2
    index = np.where(mask == 1, 0, np.where(shrink(mask, 1) == 0, stripes, 3)).astype(np.uint8)
    image = Image.fromarray(index).convert("P")
    image.putpalette(bytes(np.array(COLOURS, np.uint8)[:, :3]))
    image.info["transparency"] = bytes(alpha for *_, alpha in COLOURS)
    return image


def veil_uri(mask: np.ndarray) -> str:
    """The veil as the `src` of an HTML image."""
    buffer = io.BytesIO()
    veil(mask).save(buffer, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def veiled(picture: np.ndarray, mask: np.ndarray) -> Image.Image:
    """The picture uint8 (H, W, 3) with the veil on it."""
    over = veil(mask).convert("RGBA")
    return Image.alpha_composite(Image.fromarray(picture).convert("RGBA"), over).convert("RGB")
