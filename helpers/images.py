"""Pictures in and out: anything to uint8 (height, width, 3), RGB; PNG files with their recipe, as AUTOMATIC1111's."""

import io
import json
import multiprocessing.pool
import os
import re
import threading
import time
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, ImageOps, PngImagePlugin, UnidentifiedImageError

# Pillow has more readers, but some start other programs (EPS) or change size while decoding (ICO).
FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF")
MAX_PIXELS = 64_000_000
# Some sites refuse the default name of `requests`, or send a web page unless asked for a picture.
HEADERS = {"User-Agent": "Mozilla/5.0 (notebook)", "Accept": "image/*", "Accept-Encoding": "identity"}
SAMPLERS = {"ddim": "DDIM", "ddim_trailing": "DDIM, Schedule type: Trailing", "dpm_solver": "DPM++ 2M"}
FIELDS = {  # argument of text_to_image: its label in the text, how it is read, what it has to be
    "num_steps": ("Steps", int, "a whole number"),
    "sampler": ("Sampler", {text: key for key, text in SAMPLERS.items()}.__getitem__, f"one of {', '.join(SAMPLERS)}"),
    "unconditional_guidance_scale": ("CFG scale", float, "a number"),
    "seed": ("Seed", int, "a whole number"),
}
KEYS = ("prompt", "negative_prompt", *FIELDS, "batch_size", "verbose")
# `Label: value` or `Label: "quoted value"`; a bounded label keeps the search linear in the text's length.
PAIR = re.compile(r'\s*(\w[\w \-/]{0,60}):\s*("(?:\\.|[^\\"])*"|[^,]*)(?:,|$)')
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
    array = source if isinstance(source, np.ndarray) else _decode(source, name, max_pixels)[0]
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


def save_image(picture: np.ndarray, path, recipe: dict | None = None, **settings) -> None:
    """Writes a picture, uint8 (height, width, 3), RGB, as a PNG with its recipe: whole, or not at all.

    path: ends in .png, in a folder that exists; a file of that name is replaced.
    recipe: arguments of `StableDiffusion.text_to_image`, at least the prompt. Not written are batch_size and verbose,
        because one picture of a batch is one seed, and the defaults None and an empty negative_prompt.
    settings: what else to note beside the recipe, like model="pocket"; None is not written.

    Raises ValueError for another dtype or shape, a path without .png, and a recipe or setting that the text cannot
    hold; OSError (FileNotFoundError, PermissionError) if the file cannot be written.
    """
    _check_picture(picture)
    path = Path(path).expanduser()
    if path.suffix.lower() != ".png":
        raise ValueError(f"'{path}' does not end in .png, the one format that is written; rename it.")
    chunks = PngImagePlugin.PngInfo()
    if recipe is not None or settings:
        # As the web UI does: a tEXt chunk when Latin-1 can hold the text, else an iTXt chunk in UTF-8.
        chunks.add_text("parameters", _write_text(recipe or {}, settings, picture.shape))
    # Not from `tempfile`: this one gets the permissions of any new file, as the umask says.
    temporary = path.with_name(f".{time.time_ns()}.tmp")
    try:
        with open(temporary, "xb") as file:
            Image.fromarray(picture).save(file, "PNG", pnginfo=chunks)
        os.replace(temporary, path)
    except OSError as error:
        raise type(error)(f"'{path}' cannot be written ({error.strerror or error}); choose another folder.") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def read_recipe(path) -> dict:
    """The arguments with which `text_to_image(**read_recipe(path))` makes the picture again.

    Reads the PNG files of `save_image` and of AUTOMATIC1111's web UI; what text_to_image does not have, such as another
    sampler, is left out with a warning. Raises what `load_image` raises for a path, and ValueError without a recipe.
    """
    recipe, _, left_out = _read_text(_find_text(path))
    for reason in left_out:
        warnings.warn(f"'{path}' says {reason}; it is left out.", stacklevel=2)
    return {key: value for key, value in recipe.items() if (key, value) != ("negative_prompt", "")}


def read_settings(path) -> dict[str, str]:
    """The rest of what the file says, like {"size": "128x128", "model": "pocket"}; raises as `read_recipe` does."""
    return _read_text(_find_text(path))[1]


def strip(pictures, *, columns: int | None = None, gap: int = 4) -> np.ndarray:
    """Pictures side by side on white, row after row: uint8 (height, width, 3).

    pictures: one or more uint8 (H, W, 3) of one size, or an array (N, H, W, 3); others raise ValueError.
    columns, gap: pictures in a row, from 1 (None: all of them); pixels of white between two, from 0.
    """
    pictures = np.stack(list(pictures))
    _check_picture(pictures[0])
    columns = min(columns or len(pictures), len(pictures))
    cells = np.pad(pictures, ((0, -len(pictures) % columns), (0, gap), (0, gap), (0, 0)), constant_values=255)
    sheet = np.concatenate([np.concatenate(cells[i : i + columns], axis=1) for i in range(0, len(cells), columns)])
    return sheet[: sheet.shape[0] - gap, : sheet.shape[1] - gap]


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


def _decode(source, name: str, max_pixels: int) -> tuple[np.ndarray, dict]:
    """A picture's upright array (RGB, RGBA, or grey in 16 bits or floats) and its texts."""
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


def _check_picture(picture) -> None:
    found = f"{picture.dtype} {picture.shape}" if isinstance(picture, np.ndarray) else type(picture).__name__
    if not re.fullmatch(r"uint8 \([1-9]\d*, [1-9]\d*, 3\)", found):
        raise ValueError(f"Expected one picture, uint8 (height, width, 3), not {found}; see load_image.")


def _find_text(path) -> str:
    text = _decode(Path(path), f"'{path}'", MAX_PIXELS)[1].get("parameters")
    if not isinstance(text, str):
        raise ValueError(f"'{path}' has no recipe (PNG text 'parameters'); give a file that save_image wrote with one.")
    return text


def _read_text(text: str) -> tuple[dict, dict[str, str], list[str]]:
    """The recipe, the settings, and what of the recipe text_to_image does not have."""
    body, _, last = text.rpartition("\n")
    pairs = dict(PAIR.findall(last))
    if len(pairs) < 3 and "Size" not in pairs:  # the web UI's sign that it wrote none
        body, pairs = text, {}
    prompt, *negative = re.split(r"(?:^|\n)[ \t]*Negative prompt: ?", body)
    recipe, settings, left_out = {"prompt": prompt, "negative_prompt": "\n".join(negative)}, {}, []
    if (schedule := pairs.pop("Schedule type", "Automatic")) != "Automatic":
        pairs["Sampler"] = f"{pairs.get('Sampler')}, Schedule type: {schedule}"
    for key, (label, read, expected) in FIELDS.items():
        if (value := pairs.pop(label, None)) is not None:
            try:
                recipe[key] = read(value)
            except (KeyError, ValueError):
                left_out.append(f"{label}: {value}, which is not {expected}")
    for label, value in pairs.items():
        with suppress(ValueError):  # a lone quotation mark
            value = json.loads(value) if value.startswith('"') else value
        settings[label.lower().replace(" ", "_")] = value
    return recipe, settings, left_out


def _write_text(recipe: dict, settings: dict, shape: tuple[int, ...]) -> str:
    """The lines `prompt`, `Negative prompt: ...` if any, and `Steps: 25, Sampler: DDIM, ...`."""
    if unknown := [key for key in recipe if key not in KEYS]:
        raise ValueError(f"The recipe has the unknown key {unknown[0]!r}; expected {', '.join(KEYS)}.")
    recipe = {"prompt": None, "negative_prompt": ""} | {k: recipe[k] for k in KEYS[:-2] if recipe.get(k) is not None}
    settings = dict(size=f"{shape[1]}x{shape[0]}", **{k: str(v) for k, v in settings.items() if v is not None})
    pairs = [f"{FIELDS[k][0]}: {SAMPLERS.get(str(recipe[k]), recipe[k])}" for k in FIELDS if k in recipe]
    for key, value in settings.items():
        # Quoted for the web UI's reasons (comma, colon, newline), and where a reader would change the value.
        if value != value.strip() or re.search(r'[,:\n"]', value):
            value = json.dumps(value, ensure_ascii=False)
        pairs.append(f"{key.replace('_', ' ').capitalize()}: {value}")
    negative = f"Negative prompt: {recipe['negative_prompt']}" if recipe["negative_prompt"] else ""
    text = "\n".join(filter(None, (f"{recipe['prompt']}", negative, ", ".join(pairs))))
    found = _read_text(text)  # what would not come back as it is must be refused, not mangled
    for key, value in (*settings.items(), *recipe.items()):
        if value != (found[0] | found[1]).get(key) or re.search("[\0\ud800-\udfff]", str(value)):
            rule = "without a line 'Negative prompt:'" if key in KEYS else "under a new name in lower case"
            expected = FIELDS[key][2] if key in FIELDS else f"text {rule}"
            raise ValueError(f"{key}={value!r} cannot be kept in a PNG's text; expected {expected}.")
    return text
