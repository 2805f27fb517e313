"""The rows of a table become pictures in a folder; those that are there stay, and errors are kept beside their rows."""

from __future__ import annotations

import csv
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from tqdm.auto import tqdm

from helpers.many.table import COLUMNS, Row, rows
from helpers.recipes.files import read_recipe, read_settings, save_image
from helpers.recipes.recipe import Recipe
from helpers.stable_diffusion import StableDiffusion

ERRORS = "errors.csv"
HOW_COMPUTED = ("engine", "precision")  # of a picture's settings: these change its last digits at most


class Outcome(NamedTuple):
    """What came of a table. drawn, there: how many pictures were made now, were there before; errors: by row number."""

    drawn: int
    there: int
    errors: dict[int, str]


class Result(NamedTuple):
    """What came of a row. error: a sentence, or "" for a picture; stop: whether other rows would fare the same."""

    number: int
    error: str = ""
    stop: bool = False


class Drawer:
    """Draws rows by their numbers; holds the model, in this process or in a worker of its own.

    recipes: by row number; options: the arguments of `StableDiffusion`.
    """

    def __init__(self, folder: Path, recipes: Mapping[int, Recipe], options: Mapping[str, Any]):
        self.folder, self.recipes = folder, recipes
        self.model = StableDiffusion(**options)

    def draw(self, number: int) -> Result:
        """A row's picture, written whole or not at all. One that is there stays: its worker ended before it told."""
        path, recipe = place(self.folder, number), self.recipes[number].arguments()
        if path.exists():
            return Result(number)
        try:
            picture = self.model.text_to_image(**recipe, verbose=False)[0]
            save_image(picture, path, recipe, **self.model.settings)
        except Exception as error:  # of whatever kind: the other rows are drawn, unless there is no place for them
            return Result(number, " ".join(f"{error}".split()) or repr(error), stop=isinstance(error, OSError))
        return Result(number)


def draw_many(
    source: str | Path | Iterable[str | Mapping], folder: str | Path, *, workers: int = 1, **options
) -> Outcome:
    """Draws each row of a table into a folder, with a progress bar; the same call again goes on where one has ended.

    source: what `rows` takes. folder: made if need be. Row 7 becomes 0007.png there, with its recipe inside.
    workers: from 1, which is this process; more are Ray's, each with the model and, where there are any, a GPU.
    options: the arguments of `StableDiffusion`.

    A row that cannot be drawn is written into errors.csv, with the reason; the next call tries it again. So is a row
    in whose place another picture is: nothing is drawn over.
    Raises ValueError as `rows`, `StableDiffusion` and `by_ray.results` do, and OSError where nothing can be written.
    """
    table, folder = rows(source), Path(folder).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    _tidy(folder)
    model = StableDiffusion(**options)
    options = {"model": model.checkpoint.name, **options}  # the workers' choice would be another without a GPU here
    settings = {"size": f"{model.img_width}x{model.img_height}", **model.settings}
    recipes, errors, there = {}, {}, 0
    for row in table:
        try:
            recipe = row.recipe(model.checkpoint.drawing)
            if _is_there(place(folder, row.number), recipe, settings):
                there += 1
            else:
                recipes[row.number] = recipe
        except ValueError as error:
            errors[row.number] = f"{error}"
    drawn, beside = 0, _Errors(folder, table)
    for number, reason in errors.items():
        beside.write(number, reason)
    with tqdm(total=len(table), initial=len(table) - len(recipes), unit="picture") as bar:
        for result in _results(workers, folder, recipes, options):
            if result.stop:
                raise OSError(result.error)
            if result.error:
                errors[result.number] = result.error
                beside.write(result.number, result.error)
            drawn += not result.error
            bar.update()
    return Outcome(drawn, there, dict(sorted(errors.items())))


def place(folder: Path, number: int) -> Path:
    """The file of a row's picture."""
    return folder / f"{number:04}.png"


def _results(workers: int, folder: Path, recipes: Mapping[int, Recipe], options: Mapping[str, Any]) -> Iterator[Result]:
    if workers > 1 and recipes:
        from helpers.many import by_ray

        yield from by_ray.results(workers, folder, recipes, options)
    elif recipes:
        drawer = Drawer(folder, recipes, options)
        yield from map(drawer.draw, recipes)


def _is_there(path: Path, recipe: Recipe, settings: Mapping[str, str]) -> bool:
    """Whether a row's picture is there; raises ValueError where its place is another's, or a damaged file's."""
    if not path.exists():
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what a foreign file says besides: it is another picture
        found, told = read_recipe(path), read_settings(path)
    for name, value in {**settings, **recipe.arguments()}.items():
        if name not in HOW_COMPUTED and (found | told).get(name) != value:
            was = (found | told).get(name)
            raise ValueError(
                f"'{path}' has {name}={was!r}, the row {value!r}; move that file, or choose another folder."
            )
    return True


def _tidy(folder: Path) -> None:
    """Removes half-written files of a run that was killed; a younger one may belong to a run at work."""
    for path in folder.glob(".*.tmp"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > 60:
                path.unlink()


class _Errors:
    """The table's rows that could not be drawn, as a file that is there only if there are any; told as they occur."""

    def __init__(self, folder: Path, table: list[Row]):
        self.path, self.cells = folder / ERRORS, {row.number: row.cells for row in table}
        self.path.unlink(missing_ok=True)

    def write(self, number: int, error: str) -> None:
        new = not self.path.exists()
        with open(self.path, "a", encoding="utf-8", newline="") as file:
            lines = csv.DictWriter(file, ["row", "error", *COLUMNS], extrasaction="ignore")
            if new:
                lines.writeheader()
            lines.writerow({"row": number, "error": error, **self.cells[number]})
        tqdm.write(f"Row {number}: {error}")
