"""A folder of pictures on one sheet, each with what its recipe says."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from helpers.galleries.labels import label
from helpers.pictures.loading import load_image
from helpers.pictures.strips import strip
from helpers.recipes.files import FORMATS, read_recipe


def contact_sheet(folder: str | Path, *, columns: int = 5, width: int = 160) -> np.ndarray:
    """The pictures of a folder in the order of their names: uint8 (height, width, 3).

    Below each are its name and, where the file has a recipe, prompt, seed, steps and sampler. columns: in a row, from
    1; width: pixels of each, of which pictures of other shapes keep their proportions.
    Files that are no pictures, or damaged, are left out; a warning names them. Raises ValueError without any picture,
    FileNotFoundError without the folder.
    """
    folder = Path(folder).expanduser()
    cells, damaged = [], []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in FORMATS:
            try:
                cells.append(_cell(path, width))
            except (OSError, ValueError):
                damaged.append(path.name)
    if damaged:
        warnings.warn(f"Not pictures, or damaged: {', '.join(damaged)}.", stacklevel=2)
    if not cells:
        raise ValueError(f"'{folder}' has no picture ({', '.join(FORMATS)}); give a folder that has some.")
    return strip(cells, columns=columns)


def caption(path: Path) -> str:
    """What the sheet says of a file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what a foreign recipe has besides
        try:
            recipe = read_recipe(path)
        except ValueError:
            return path.name
    told = {"seed": "seed {}", "num_steps": "{} steps", "sampler": "{}"}
    options = ", ".join(text.format(recipe[name]) for name, text in told.items() if name in recipe)
    return f"{path.name}: {recipe['prompt']} ({options})"


def _cell(path: Path, width: int) -> np.ndarray:
    image = Image.fromarray(load_image(path))
    image.thumbnail((width, width), Image.Resampling.LANCZOS)
    cell = Image.new("RGB", (width, width), "white")
    cell.paste(image, ((width - image.width) // 2, width - image.height))
    return np.concatenate([np.asarray(cell), label(caption(path), width, width // 3)])
