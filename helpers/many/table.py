"""A table of recipes, one a row: from a CSV file, a file of prompts, or a list."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from helpers.models.checkpoint import Defaults
from helpers.recipes.recipe import Recipe

# The columns there can be, by the names that the options have elsewhere: how a cell is read, what it has to be.
COLUMNS: dict[str, tuple[type, str]] = {
    "prompt": (str, "text"),
    "negative_prompt": (str, "text"),
    "num_steps": (int, "a whole number"),
    "unconditional_guidance_scale": (float, "a number"),
    "seed": (int, "a whole number"),
    "sampler": (str, "a name"),
}


class Row(NamedTuple):
    """One picture to make. number: counts from 1; cells: its options as they were written, empty ones left out."""

    number: int
    cells: Mapping[str, Any]

    def recipe(self, own: Defaults) -> Recipe:
        """The row's recipe; own: the model's options, where the row leaves them open.

        A row without a seed has its number as seed, so that each row is another picture, and always the same.
        Raises ValueError for a row without a prompt, and for a value of another kind or out of its range.
        """
        if None in self.cells:  # where csv.DictReader puts what is over
            raise ValueError("The row has more cells than columns; put a text with commas into quotation marks.")
        options = {name: _value(name, cell) for name, cell in self.cells.items()}
        if "prompt" not in options:
            raise ValueError("The row has no prompt; say what to draw.")
        return Recipe(**{**own._asdict(), "seed": self.number, **options})


def _value(name: str, cell):
    read, expected = COLUMNS[name]
    if not isinstance(cell, str) or read is str:
        return cell
    try:
        return read(cell)
    except ValueError:
        raise ValueError(f"{name} must be {expected}, got {cell!r}.") from None


def rows(source: str | Path | Iterable[str | Mapping]) -> list[Row]:
    """The rows of a table.

    source: a file ending in .csv, with a line of column names (those of `COLUMNS`, the prompt among them) and
        comma, semicolon or tab between cells; a file ending in .txt with a prompt on each line; or a list of prompts,
        or of the keyword arguments of `StableDiffusion.text_to_image`. Empty rows are passed over.
    Raises ValueError for an unknown column, a table without rows, a file of another kind or not in UTF-8; OSError for
    one that cannot be read.
    """
    if isinstance(source, (str, Path)):
        source = _from_file(Path(source).expanduser())
    cells = [{"prompt": each} if isinstance(each, str) else dict(each) for each in source]
    cells = [{name: cell for name, cell in row.items() if cell not in (None, "", [])} for row in cells]
    found = [Row(number, each) for number, each in enumerate(filter(None, cells), 1)]
    for row in found:
        if unknown := [name for name in row.cells if name not in (*COLUMNS, None)]:
            raise ValueError(f"Unknown column {unknown[0]!r}: there can be {', '.join(COLUMNS)}.")
    if not found:
        raise ValueError("There is no row in the table; give at least one prompt.")
    return found


def _from_file(path: Path) -> list[str] | list[dict]:
    if path.suffix.lower() not in (".csv", ".txt"):
        raise ValueError(f"'{path}' ends neither in .csv nor in .txt; save the table as CSV.")
    try:
        text = path.read_text(encoding="utf-8-sig")  # Excel begins a file with a byte order mark
    except UnicodeDecodeError:
        raise ValueError(f"'{path}' is not in UTF-8; save it as 'CSV UTF-8'.") from None
    if path.suffix.lower() == ".txt":
        return [line.strip() for line in text.splitlines()]
    header = text.lstrip().partition("\n")[0]
    lines = csv.DictReader(io.StringIO(text.lstrip(), newline=""), delimiter=max(",;\t", key=header.count))
    lines.fieldnames = [name.strip() for name in lines.fieldnames or ()]
    if "prompt" not in lines.fieldnames:
        raise ValueError(f"'{path}' has no column 'prompt' in its first line; that line names the columns.")
    return [{name: cell.strip() if isinstance(cell, str) else cell for name, cell in line.items()} for line in lines]
