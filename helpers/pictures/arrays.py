"""Arrays and tensors of any framework as pictures: which values mean what, and what cannot be told."""

from __future__ import annotations

import numpy as np
from PIL import Image


def as_array(source) -> np.ndarray | None:
    """An array, or a tensor of TensorFlow, PyTorch, JAX or Keras, as a NumPy array; None for anything else.

    PyTorch's pictures (3, H, W) and (N, 3, H, W) become (H, W, 3) and (N, H, W, 3).
    """
    if isinstance(source, np.ndarray):
        return source
    if isinstance(source, (Image.Image, np.generic)) or not hasattr(source, "__array__"):
        return None
    channels_first = False
    if hasattr(source, "detach"):  # PyTorch, on whatever device, with or without gradients
        source = source.detach().cpu()
        if source.is_floating_point():
            source = source.float()  # NumPy has no bfloat16
        channels_first = source.ndim in (3, 4) and source.shape[-3] == 3 and source.shape[-1] != 3
    array = np.asarray(source)
    if array.dtype.kind == "V":  # bfloat16 of TensorFlow and JAX
        array = array.astype(np.float32)
    return np.moveaxis(array, -3, -1) if channels_first else array


def rgb(array: np.ndarray, name: str) -> np.ndarray:
    """One picture as a new array uint8 (H, W, 3), 0…255.

    array: (H, W) or (H, W, 1, 3 or 4): uint8; uint16 0…65535; floats 0…1; other integers, and floats of a picture
        that is not nearly black, 0…255. Transparency becomes white.
    Raises ValueError, in which the picture is called by its name, for other shapes and values.
    """
    if array.size == 0 or array.ndim < 2 or array.shape[2:] not in ((), (1,), (3,), (4,)):
        raise ValueError(f"{name} has shape {array.shape}; expected one picture, (H, W) or (H, W, 1, 3 or 4).")
    array = _8_bits(array, name)
    array = array.reshape(*array.shape[:2], -1)
    if array.shape[2] == 4:
        array = np.rint(255 - array[:, :, 3:] / np.float32(255) * (255 - array[:, :, :3]))
    return np.array(np.broadcast_to(array, (*array.shape[:2], 3)), np.uint8, order="C")


def rgb_batch(array: np.ndarray, name: str) -> np.ndarray:
    """Pictures (N, H, W, 1, 3 or 4) as uint8 (N, H, W, 3), as `rgb` makes each; what values mean, all tell together."""
    count, height, *rest = array.shape
    if not count:
        raise ValueError(f"{name} has shape {array.shape}; expected at least one picture.")
    return rgb(array.reshape(count * height, *rest), name).reshape(count, height, rest[0], 3)


def _8_bits(array: np.ndarray, name: str) -> np.ndarray:
    """The values as they are in uint8, not necessarily of that type."""
    if array.dtype == np.uint8:
        return array
    kind, least, most = array.dtype.kind, array.min(), array.max()
    if kind == "u" and array.dtype.itemsize == 2:
        return np.rint(array / 257)
    if kind == "f" and 0 <= least <= most <= 1:
        return np.rint(array.astype(float) * 255)
    if kind in "iu" and 0 <= least <= most <= 255 and most != 1:  # 0 and 1 may also mean black and white
        return array
    if kind == "f" and 0 <= least <= most <= 255:
        # Floats a little above 1 are light beyond white, or a filter's overshoot, not a picture that is nearly black.
        values = array.astype(float)
        if (values == np.rint(values)).all() or values.mean() > 2:
            return np.rint(values)
    hint = "; from −1…1 that is (image + 1) / 2" if kind == "f" and -1 <= least < 0 and most <= 1 else ""
    raise ValueError(f"{name} holds {array.dtype} {least}…{most}; scale to floats 0…1 or uint8 0…255{hint}.")
