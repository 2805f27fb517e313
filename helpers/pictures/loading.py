"""Anything that is a picture becomes an array: uint8 (height, width, 3), RGB, upright."""

from __future__ import annotations

import io
import multiprocessing.pool
import os
import re
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

# Pillow has more readers, but some start other programs (EPS) or change size while decoding (ICO).
FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF")
MAX_PIXELS = 64_000_000
# Some sites refuse the default name of `requests`, or send a web page unless asked for a picture.
HEADERS = {"User-Agent": "Mozilla/5.0 (notebook)", "Accept": "image/*", "Accept-Encoding": "identity"}
_pillow_lock = threading.Lock()


def load_image(source, *, max_pixels: int = MAX_PIXELS, max_bytes: int = 50_000_000, timeout: float = 30) -> np.ndarray:
    """The picture as a new array uint8 (height, width, 3), RGB, 0…255.

    source: a path; an http(s) address; the bytes, bytearray or memoryview of a file or upload; a PIL image; an array
        (H, W) or (H, W, 1, 3 or 4) of uint8 0…255, uint16 0…65535 or floats 0…1. A photo is turned upright (EXIF),
        transparency becomes white, 16 bits are scaled to 8, and an animation gives its first frame.
    max_pixels: the largest height × width that is decoded (an array is decoded already).
    max_bytes, timeout: the largest download, in bytes, and the longest, in seconds from its start to its end.

    Raises ValueError for no picture, a damaged or cut-short one, one over a limit, a web page, or another array;
    FileNotFoundError, IsADirectoryError or PermissionError for a path that cannot be read; TimeoutError for a slow
    download; OSError for an address not http(s), without an answer, or with an error; TypeError for another source.
    """
    name = f"'{source}'" if isinstance(source, (str, os.PathLike)) else "The given picture"
    if isinstance(source, str) and re.match(r"\s*(file|ftp|data|[a-z][a-z0-9+.-]+(?=://)):", source, re.IGNORECASE):
        source = _download(source.strip(), max_bytes, timeout)
    array = source if isinstance(source, np.ndarray) else decoded(source, name, max_pixels)[0]
    if array.size == 0 or array.ndim < 2 or array.shape[2:] not in ((), (1,), (3,), (4,)):
        raise ValueError(f"{name} has shape {array.shape}; expected one picture, (H, W) or (H, W, 1, 3 or 4).")
    if array.dtype.kind == "f" and 0 <= array.min() <= array.max() <= 1:
        array = np.rint(array.astype(float) * 255)
    elif array.dtype.kind == "u" and array.dtype.itemsize == 2:
        array = np.rint(array / 257)
    elif array.dtype != np.uint8:
        raise ValueError(f"{name} holds {array.dtype} {array.min()}…{array.max()}; scale to floats 0…1 or uint8 0…255.")
    array = array.reshape(*array.shape[:2], -1)
    if array.shape[2] == 4:
        array = np.rint(255 - array[:, :, 3:] / np.float32(255) * (255 - array[:, :, :3]))
    return np.array(np.broadcast_to(array, (*array.shape[:2], 3)), np.uint8, order="C")


def one_image(image) -> np.ndarray:
    """The image uint8 (H, W, 3), given with or without an axis of one image before it, as the tutorial gives it."""
    return load_image(image[0] if np.ndim(image) == 4 and len(image) == 1 else image)


def _download(url: str, max_bytes: int, timeout: float) -> bytearray:
    import requests
    import urllib3

    body, deadline = bytearray(), time.monotonic() + timeout

    def fetch():
        with requests.get(url, stream=True, timeout=timeout, headers=HEADERS) as answer:
            answer.raise_for_status()
            if "html" in answer.headers.get("Content-Type", "").lower():
                raise ValueError(f"'{url}' is a web page; copy the address of the picture itself.")
            # read1 returns what has come; read would wait for a slow server to fill the whole buffer.
            while piece := answer.raw.read1(65536, decode_content=True):
                body.extend(piece)
                if len(body) > max_bytes:
                    raise ValueError(f"'{url}' is over max_bytes={max_bytes:,}; shrink the picture, or raise that.")
                if time.monotonic() > deadline:
                    raise requests.Timeout
        return body

    # `requests` limits each wait, not their sum. This limits the sum, and its thread does not keep Python from ending.
    pool = multiprocessing.pool.ThreadPool(1)
    try:
        return pool.apply_async(fetch).get(timeout)
    except (multiprocessing.TimeoutError, requests.Timeout, urllib3.exceptions.TimeoutError):
        raise TimeoutError(f"'{url}' took longer than timeout={timeout:g} s; try again, or raise that.") from None
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise OSError(f"'{url}' could not be fetched over http(s) ({error}); check the address.") from error
    finally:
        pool.close()


def decoded(source, name: str, max_pixels: int) -> tuple[np.ndarray, dict]:
    """A picture's upright array (RGB, RGBA, or grey in 16 bits or floats) and what else its file says."""
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
            image = source if isinstance(source, Image.Image) else Image.open(io.BytesIO(source), formats=FORMATS)
            width, height = image.size
            if 0 < width * height <= max_pixels:
                image = ImageOps.exif_transpose(image)
                if not image.mode.startswith(("I", "F")):
                    image = image.convert("RGBA" if image.has_transparency_data else "RGB")
                array = np.asarray(image)
                if image.mode == "I" and not (array >> 16).any():  # 16 bits, which Pillow may hold in 32
                    array = array.astype(np.uint16)
                return array, image.info
        except UnidentifiedImageError:
            raise ValueError(f"{name} is not a {', '.join(FORMATS)} picture; save it as one of them.") from None
        except Exception as error:
            raise ValueError(f"{name} is damaged or cut short ({error}); copy or download it again.") from error
        finally:
            Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = limits
    raise ValueError(f"{name} has {width} × {height} pixels, not 1 to max_pixels={max_pixels:,}; shrink the picture.")
