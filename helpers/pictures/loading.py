"""Anything that is a picture becomes an array: uint8 (height, width, 3), RGB, upright, sRGB."""

from __future__ import annotations

import io
import os
import re
import threading
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from helpers.pictures.arrays import as_array, rgb, rgb_batch
from helpers.pictures.colour_profiles import to_srgb
from helpers.pictures.downloading import download

# Pillow has more readers, but some start other programs (EPS) or change size while decoding (ICO).
FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "HEIF", "GIF", "BMP", "TIFF")
MAX_PIXELS = 64_000_000
_pillow_lock = threading.Lock()


def load_image(source, *, max_pixels: int = MAX_PIXELS, max_bytes: int = 50_000_000, timeout: float = 30) -> np.ndarray:
    """The picture as a new array uint8 (height, width, 3), RGB, 0…255.

    source: a path; an http(s) address; the bytes, bytearray or memoryview of a file or upload; a PIL image; an array,
        or a tensor of TensorFlow, PyTorch or JAX, (H, W) or (H, W, 1, 3 or 4): uint8 0…255, uint16 0…65535, floats
        0…1, or other integers and floats that clearly mean 0…255. A photo is turned upright (EXIF), its colours
        become sRGB as its profile says, transparency becomes white, 16 bits are scaled to 8, and an animation gives
        its first frame.
    max_pixels: the largest height × width that is decoded (an array is decoded already).
    max_bytes, timeout: the largest download, in bytes, and the longest, in seconds from its start to its end.

    Warns of a colour profile that cannot be used.
    Raises ValueError for no picture, a damaged or cut-short one, one over a limit, a web page, or another array;
    FileNotFoundError, IsADirectoryError or PermissionError for a path that cannot be read; TimeoutError for a slow
    download; OSError for an address not http(s), without an answer, or with an error; TypeError for another source.
    """
    return rgb(*values(source, max_pixels, max_bytes, timeout))


def load_images(source) -> np.ndarray:
    """One or more pictures of one size, uint8 (N, H, W, 3).

    source: what `load_image` takes, or an array (N, H, W, 1, 3 or 4), or a list or tuple of what `load_image` takes.
    Raises what `load_image` does, and ValueError for an empty list and for pictures of several sizes.
    """
    array = as_array(source)
    if array is not None and array.ndim == 4:
        return rgb_batch(array, "The given batch")
    if not isinstance(source, (list, tuple)):
        return load_image(source)[None]
    pictures = [load_image(each) for each in source]
    sizes = sorted({picture.shape[1::-1] for picture in pictures})
    if len(sizes) != 1:
        raise ValueError(f"The pictures have the sizes {sizes}; expected one or more of one size: resize them.")
    return np.stack(pictures)


def values(
    source, max_pixels: int = MAX_PIXELS, max_bytes: int = 50_000_000, timeout: float = 30
) -> tuple[np.ndarray, str]:
    """The picture's array, upright and in sRGB, with its transparency and as many bits as it has; its name in messages.

    Takes and raises what `load_image` does; arrays are given back as they are.
    """
    array = as_array(source)
    if array is not None:
        return array, "The given picture"
    name = f"'{source}'" if isinstance(source, (str, os.PathLike)) else "The given picture"
    if isinstance(source, str) and re.match(r"\s*(file|ftp|data|[a-z][a-z0-9+.-]+(?=://)):", source, re.IGNORECASE):
        source = download(source.strip(), max_bytes, timeout)
    return _pixels(decoded(source, name, max_pixels), name), name


def decoded(source, name: str, max_pixels: int) -> Image.Image:
    """The picture of a path, of bytes, or a PIL image, with all its pixels and what else its file says."""
    if isinstance(source, (str, os.PathLike)):
        try:
            source = Path(source).expanduser().read_bytes()
        except OSError as error:
            raise type(error)(f"{name} cannot be read ({error.strerror}); check its name and folder.") from None
    elif not isinstance(source, (bytes, bytearray, memoryview, Image.Image)):
        raise TypeError(f"Expected a path, an address, bytes, a PIL image or an array, not a {type(source).__name__}.")
    with _pillow_lock:  # two module-wide limits, which anyone may have changed, must not decide what is refused
        limits = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
        Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = None, False
        try:
            image = source if isinstance(source, Image.Image) else _opened(source)
            width, height = image.size
            if 0 < width * height <= max_pixels:
                image.load()
                return image
        except UnidentifiedImageError:
            raise ValueError(f"{name} is not a {', '.join(FORMATS)} picture; save it as one of them.") from None
        except Exception as error:
            reason = " ".join(str(error).split())  # some span lines
            raise ValueError(f"{name} is damaged or cut short ({reason}); copy or download it again.") from error
        finally:
            Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = limits
    raise ValueError(f"{name} has {width} × {height} pixels, not 1 to max_pixels={max_pixels:,}; shrink the picture.")


def _opened(content: bytes | bytearray | memoryview) -> Image.Image:
    formats = [*FORMATS]
    if bytes(content[4:8]) == b"ftyp":  # the container of HEIF, which Pillow does not read by itself, and of AVIF
        import pillow_heif  # takes a moment, and only these need it

        pillow_heif.register_heif_opener()
    else:
        formats.remove("HEIF")
    return Image.open(io.BytesIO(content), formats=formats)


def _pixels(image: Image.Image, name: str) -> np.ndarray:
    """The upright picture's values in sRGB: uint8 RGB or RGBA, or grey in 16 bits or floats."""
    try:
        image = ImageOps.exif_transpose(image)
    except Exception as error:  # an EXIF block that is no EXIF
        raise ValueError(f"{name} is damaged ({error}); copy or download it again.") from error
    image = to_srgb(image, name)
    if not image.mode.startswith(("I", "F")):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    array = np.asarray(image)
    if image.mode == "I" and not (array >> 16).any():  # 16 bits, which Pillow may hold in 32
        array = array.astype(np.uint16)
    return array
