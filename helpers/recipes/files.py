"""Files of pictures with the recipe that made them, as text in AUTOMATIC1111's form: written, and read back."""

from __future__ import annotations

import io
import json
import os
import re
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from helpers.diffusion.samplers import SAMPLERS
from helpers.diffusion.schedule import TRAIN_TIMESTEPS
from helpers.models.checkpoints import CHECKPOINTS
from helpers.pictures.file_text import as_exif, texts
from helpers.pictures.loading import MAX_PIXELS, decoded
from helpers.pictures.strips import check_picture
from helpers.recipes.foreign import Written, foreign
from helpers.validation import number_from_0, share, whole_number

LABELS = {name: sampler.label for name, sampler in SAMPLERS.items()}
# Option of a recipe: its label in the text, how it is read, what it has to be.
FIELDS: dict[str, tuple[str, Callable[[str], Any], str]] = {
    "num_steps": ("Steps", lambda text: whole_number("", int(text), 1, TRAIN_TIMESTEPS), "a whole number from 1"),
    "sampler": ("Sampler", {text: key for key, text in LABELS.items()}.__getitem__, f"one of {', '.join(SAMPLERS)}"),
    "unconditional_guidance_scale": ("CFG scale", lambda text: number_from_0("", float(text)), "a number from 0"),
    "seed": ("Seed", lambda text: whole_number("", int(text), 0), "a whole number from 0"),
    "strength": ("Strength", lambda text: share("", float(text)), "a number above 0, up to 1"),
    "num_resamples": ("Resamples", lambda text: whole_number("", int(text), 1), "a whole number from 1"),
    "jump_length": ("Jump length", lambda text: whole_number("", int(text), 1), "a whole number from 1"),
}
# How a file's name ends: its format, and how Pillow writes it; WebP keeps each pixel, as PNG does, and JPEG does not.
FORMATS: dict[str, tuple[str, dict]] = {
    ".png": ("PNG", {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".webp": ("WEBP", {"lossless": True}),
}
# Begins the label of what changes other programs' pictures, and no recipe has.
ELSEWHERE = (
    *("Hires", "Denoising strength", "Clip skip", "Variation", "Lora", "TI hashes", "Hypernet", "Refiner", "VAE"),
    *("Face restoration", "Mask blur", "Inpaint", "ControlNet", "Eta", "ENSD", "Tiling", "Further samplers"),
)
KEYS = ("prompt", "negative_prompt", *FIELDS, "batch_size", "verbose")
# `Label: value` or `Label: "quoted value"`; a bounded label keeps the search linear in the text's length.
PAIR = re.compile(r'\s*(\w[\w \-/]{0,60}):\s*("(?:\\.|[^\\"])*"|[^,]*)(?:,|$)')


def save_image(picture: np.ndarray, path, recipe: Mapping | None = None, **settings) -> None:
    """Writes a picture, uint8 (height, width, 3), RGB, with its recipe: whole, or not at all.

    path: ends in .png, .jpg, .jpeg or .webp, which says the format, of which JPEG changes the pixels a little; in a
        folder that exists; a file of that name is replaced.
    recipe: arguments of `StableDiffusion.text_to_image` or `inpaint`, at least the prompt, as `Recipe.arguments` gives
        them. Not written are batch_size and verbose, because one picture of a batch is one seed, and the defaults None
        and an empty negative_prompt.
    settings: what else to note beside the recipe, like model="pocket"; None is not written.

    Raises ValueError for another dtype or shape, a path that ends otherwise, and a recipe or setting that the text
    cannot hold; OSError (FileNotFoundError, PermissionError) if the file cannot be written.
    """
    check_picture(picture)
    path = Path(path).expanduser()
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"'{path}' ends in none of {', '.join(FORMATS)}, the formats that are written; rename it.")
    kind, options = FORMATS[path.suffix.lower()]
    if recipe is not None or settings:
        options = options | _kept(_write_text(recipe or {}, settings, picture.shape), kind)
    # Not from `tempfile`: this one gets the permissions of any new file, as the umask says.
    temporary = path.with_name(f".{time.time_ns()}.tmp")
    try:
        with open(temporary, "xb") as file:
            Image.fromarray(picture).save(file, kind, **options)
        os.replace(temporary, path)
    except OSError as error:
        raise type(error)(f"'{path}' cannot be written ({error.strerror or error}); choose another folder.") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def png(picture: np.ndarray, recipe: Mapping, **settings) -> bytes:
    """What `save_image` writes to a .png file."""
    check_picture(picture)
    content = io.BytesIO()
    Image.fromarray(picture).save(content, "PNG", **_kept(_write_text(recipe, settings, picture.shape), "PNG"))
    return content.getvalue()


def _kept(text: str, kind: str) -> dict:
    """The option of Pillow's `save` that keeps the text in a file of that format."""
    if kind != "PNG":
        return {"exif": as_exif(text)}
    chunks = PngImagePlugin.PngInfo()
    # As the web UI does: a tEXt chunk when Latin-1 can hold the text, else an iTXt chunk in UTF-8.
    chunks.add_text("parameters", text)
    return {"pnginfo": chunks}


def read_recipe(path) -> dict:
    """The arguments with which `text_to_image(**read_recipe(path))` makes the picture again.

    With a strength, num_resamples or jump_length among them they are those of `inpaint`, beside its image and mask.
    Reads the files of `save_image`, of AUTOMATIC1111's web UI, of ComfyUI and of InvokeAI, PNG, JPEG and WebP. One
    warning names what a recipe does not have, such as another sampler, which is left out; what decided the picture
    besides, such as another model or size; and a repainting, which text_to_image does not make.
    Raises what `load_image` raises for a path, and ValueError without a recipe.
    """
    written, size = _find(path)
    recipe, settings, notes = _understood(written)
    notes = [f"it says {'; '.join(notes)}: left out"] if notes else []
    if besides := _besides(written.pairs, size):
        notes.append(f"this recipe does not reproduce its {', '.join(besides)}")
    if "repainting" in settings:
        notes.append("it is a repainting: inpaint makes it again, with its photo and the mask that read_settings tells")
    if notes:
        warnings.warn(f"'{path}': {'; '.join(notes)}.", stacklevel=2)
    return {key: value for key, value in recipe.items() if (key, value) != ("negative_prompt", "")}


def read_settings(path) -> dict[str, str]:
    """The rest of what the file says, like {"size": "128x128", "model": "pocket"}; raises as `read_recipe` does."""
    return _understood(_find(path)[0])[1]


def save_pictures(
    pictures: Iterable[np.ndarray], recipes: Iterable[Mapping], folder: str | Path, **settings: str
) -> list[Path]:
    """Writes each picture with its recipe into the folder, made if need be; returns the paths.

    The files are picture-0001.png, picture-0002.png, … counting on from those that are there: none is overwritten.
    recipes: for each picture, what `save_image` takes; settings: for all of them, e.g. `**model.settings`.
    Raises OSError when the folder or a file cannot be written.
    """
    folder = Path(folder).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise type(error)(f"'{folder}' cannot be made a folder ({error.strerror}); choose another.") from error
    paths = []
    for picture, recipe in zip(pictures, recipes, strict=True):
        path = _new_path(folder)
        save_image(picture, path, recipe, **settings)
        paths.append(path)
    return paths


def _new_path(folder: Path) -> Path:
    numbers = [int(path.stem[8:]) for path in folder.iterdir() if re.fullmatch(r"picture-\d+\.png", path.name)]
    return folder / f"picture-{max(numbers, default=0) + 1:04}.png"


def _find(path) -> tuple[Written, str]:
    """What a file says, and its picture's size, like "512x512"."""
    image = decoded(Path(path), f"'{path}'", MAX_PIXELS)
    found = texts(image)
    written = _read_text(found["parameters"]) if "parameters" in found else foreign(found)
    if written is None:
        there = f"; its texts {', '.join(map(repr, found))} are of no known program" if found else ""
        raise ValueError(f"'{path}' has no recipe{there}; give a file that save_image wrote with one.")
    return written, f"{image.width}x{image.height}"


def _read_text(text: str) -> Written:
    body, _, last = text.rpartition("\n")
    pairs = dict(PAIR.findall(last))
    if len(pairs) < 3 and "Size" not in pairs:  # the web UI's sign that it wrote none
        body, pairs = text, {}
    prompt, *negative = re.split(r"(?:^|\n)[ \t]*Negative prompt: ?", body)
    if (schedule := pairs.pop("Schedule type", "Automatic")) != "Automatic":
        pairs["Sampler"] = f"{pairs.get('Sampler')}, Schedule type: {schedule}"
    return Written(prompt, "\n".join(negative), pairs)


def _understood(written: Written) -> tuple[dict, dict[str, str], list[str]]:
    """The recipe, the settings, and what of the text no recipe has."""
    recipe: dict[str, Any] = {"prompt": written.prompt, "negative_prompt": written.negative_prompt}
    settings, left_out, pairs = {}, [], dict(written.pairs)
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


def _besides(pairs: Mapping[str, str], size: str) -> list[str]:
    """What decided the picture besides the recipe; a model of this project, chosen by its name, is none of that."""
    foreign_model = pairs.get("Model", "") not in ("", *CHECKPOINTS)
    labels = [label for label in pairs if label.startswith(ELSEWHERE) and pairs[label] not in ("", '""')]
    labels = [
        label for label in labels if (label, pairs[label]) not in (("Clip skip", "1"), ("Denoising strength", "1"))
    ]
    labels += ["Model"] * foreign_model
    labels += ["Size"] * ("Size" in pairs and (foreign_model or pairs["Size"] != size))
    return [f"{label}: {pairs[label]}" for label in sorted(labels, key=[*pairs].index)]


def _write_text(recipe: Mapping, settings: dict, shape: tuple[int, ...]) -> str:
    """The lines `prompt`, `Negative prompt: ...` if any, and `Steps: 25, Sampler: DDIM, ...`."""
    if unknown := [key for key in recipe if key not in KEYS]:
        raise ValueError(f"The recipe has the unknown key {unknown[0]!r}; expected {', '.join(KEYS)}.")
    recipe = {"prompt": None, "negative_prompt": ""} | {k: recipe[k] for k in KEYS[:-2] if recipe.get(k) is not None}
    settings = dict(size=f"{shape[1]}x{shape[0]}", **{k: str(v) for k, v in settings.items() if v is not None})
    pairs = [f"{FIELDS[k][0]}: {LABELS.get(str(recipe[k]), recipe[k])}" for k in FIELDS if k in recipe]
    for key, value in settings.items():
        # Quoted for the web UI's reasons (comma, colon, newline), and where a reader would change the value.
        if value != value.strip() or re.search(r'[,:\n"]', value):
            value = json.dumps(value, ensure_ascii=False)
        pairs.append(f"{key.replace('_', ' ').capitalize()}: {value}")
    negative = f"Negative prompt: {recipe['negative_prompt']}" if recipe["negative_prompt"] else ""
    text = "\n".join(filter(None, (f"{recipe['prompt']}", negative, ", ".join(pairs))))
    found = _understood(_read_text(text))  # what would not come back as it is must be refused, not mangled
    for key, value in (*settings.items(), *recipe.items()):
        if value != (found[0] | found[1]).get(key) or re.search("[\0\ud800-\udfff]", str(value)):
            rule = "without a line 'Negative prompt:'" if key in KEYS else "under a new name in lower case"
            expected = FIELDS[key][2] if key in FIELDS else f"text {rule}"
            raise ValueError(f"{key}={value!r} cannot be kept in a picture's text; expected {expected}.")
    return text
