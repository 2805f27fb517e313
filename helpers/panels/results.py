"""What came out: the newest result large, with what can be done with it, and a strip of the earlier ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, NamedTuple

import ipywidgets as widgets
import numpy as np
from PIL import Image

from helpers.panels.touchable import divider
from helpers.pictures.show import data_uri

RESULTS_KEPT = 12
WIDTH, LARGEST = 220, 600  # pixels of a picture on the screen, and of what is sent there
THUMBNAIL = 64


@dataclass(frozen=True)
class Result:
    """Pictures and all that is known of them.

    pictures: uint8 (N, H, W, 3). recipes: for each, the arguments of the call that makes it again. settings: what else
    to note in its file. wish: what was asked for. before: the crop that was repainted, and photos: the whole photos,
    with photo as it was; None where nothing was repainted. note: said of it, like "stopped at step 3 of 25".
    """

    pictures: np.ndarray
    recipes: list[dict]
    settings: dict[str, str]
    wish: Any
    before: np.ndarray | None = None
    photo: np.ndarray | None = None
    photos: Sequence[np.ndarray] = ()
    note: str = ""


class Action(NamedTuple):
    """A button under a result: `do` is called with the result and the number of the picture that is chosen in it."""

    description: str
    icon: str
    tooltip: str
    do: Callable[[Result, int], object]


class ResultView(widgets.VBox):
    """A result, and the buttons under it, `buttons` by their descriptions."""

    def __init__(self, result: Result, actions: Sequence[Action]):
        self.result = result
        self.figures = widgets.HTML(layout={"width": "100%"})
        self.figures.add_class("divider-stand-in")
        self.caption = widgets.HTML()
        self.dividers = widgets.HBox(layout={"flex_flow": "row wrap"})
        self.which = widgets.Dropdown(
            options=[(f"seed {recipe['seed']}", i) for i, recipe in enumerate(result.recipes)],
            description="Of these",
            layout={"width": "14em", "display": None if len(result.recipes) > 1 and len(actions) > 2 else "none"},
        )
        self.buttons = {}
        for action in actions:
            button = widgets.Button(
                description=action.description, icon=action.icon, tooltip=action.tooltip, layout={"width": "auto"}
            )
            button.on_click(lambda _, action=action: action.do(self.result, self.which.value))
            self.buttons[action.description] = button
        self.whole = widgets.ToggleButton(
            description="Into the photo",
            icon="picture-o",
            tooltip="Shows the whole photo with the repainted part",
            layout={"width": "auto", "display": None if result.photos else "none"},
        )
        self.whole.observe(lambda change: self._show(), "value")
        row = widgets.HBox([*self.buttons.values(), self.whole], layout={"flex_flow": "row wrap"})
        super().__init__([self.figures, self.dividers, self.caption, self.which, row])
        self.add_class("divider-result")
        self._show()

    def _show(self) -> None:
        result = self.result
        pictures = result.photos if self.whole.value else [*result.pictures]
        before = result.photo if self.whole.value else result.before
        for old in self.dividers.children:
            old.close()
        made = [] if before is None else [self._divider(before, *each) for each in zip(pictures, result.recipes)]
        self.dividers.children = made = [each for each in made if each]
        note = f"{result.note}; " * bool(result.note)
        figures = figures_of(pictures, result.recipes, note)
        if before is not None:
            figures = figure(before, "before", "before") + figures
        self.figures.value = figures
        captions = "; ".join(f"seed {recipe['seed']}: {recipe['prompt']}" for recipe in result.recipes)
        self.caption.value = f"<div>{escape(note + captions)}</div>" if made else ""

    def _divider(self, before: np.ndarray, after: np.ndarray, recipe: dict):
        alt = f"{recipe['prompt']}, seed {recipe['seed']}"
        width = min(300, before.shape[1] * 2)
        return divider(
            before=small_uri(before), after=small_uri(after), before_alt="before", after_alt=alt, width=width
        )

    def close(self) -> None:
        for widget in (*self.dividers.children, *self.children[-1].children, *self.children):
            widget.close()
        super().close()


class Gallery(widgets.VBox):
    """The results, newest first in `views`, one of them `shown`; the others are had back from a strip of small ones."""

    def __init__(self):
        self.views: list[ResultView] = []
        self.shown: ResultView | None = None
        self.strip = widgets.HBox(layout={"flex_flow": "row wrap"})
        super().__init__()

    def hang(self, view: ResultView) -> None:
        """Shows a new result; the oldest goes."""
        button = widgets.Button(
            description=f"seed {view.result.recipes[0]['seed']}", tooltip="Shows this result", layout={"width": "auto"}
        )
        button.on_click(lambda _: self.show(view))
        picture = Image.fromarray(view.result.pictures[0])
        picture.thumbnail((2 * THUMBNAIL, 2 * THUMBNAIL))
        image = f'<img src="{data_uri(picture)}" alt="" style="height: {THUMBNAIL}px; max-width: none">'
        self.strip.children = (widgets.VBox([widgets.HTML(image), button]), *self.strip.children)
        self.views.insert(0, view)
        self.show(view)
        for old, small in zip(self.views[RESULTS_KEPT:], self.strip.children[RESULTS_KEPT:]):
            for widget in (old, *small.children, small):
                widget.close()
        del self.views[RESULTS_KEPT:]
        self.strip.children = self.strip.children[:RESULTS_KEPT]

    def show(self, view: ResultView) -> None:
        """Shows one of the results again."""
        self.shown = view
        self.children = [view, self.strip] if len(self.views) > 1 else [view]


def figures_of(pictures: Sequence[np.ndarray], recipes: Sequence[dict], begin: str = "") -> str:
    """The pictures beside each other, with their seeds and prompts under them, as HTML."""
    figures = []
    for picture, recipe in zip(pictures, recipes, strict=True):
        told = f"{begin}{recipe['prompt']}, seed {recipe['seed']}", f"{begin}seed {recipe['seed']}: {recipe['prompt']}"
        figures.append(figure(picture, *told))
    return "".join(figures)


def small_uri(picture: np.ndarray) -> str:
    """The picture as the `src` of an image, no larger than a screen shows it."""
    image = Image.fromarray(picture)
    image.thumbnail((LARGEST, LARGEST))
    return data_uri(image)


def figure(picture: np.ndarray, alt: str, caption: str, most: int = WIDTH) -> str:
    """The picture, at most so many pixels wide on the screen, with a line under it, as HTML."""
    width = min(most, picture.shape[1] * 2)
    return (
        f'<figure style="display: inline-block; width: {width}px; margin: 4px; vertical-align: top">'
        f'<img src="{small_uri(picture)}" alt="{escape(alt)}" style="width: 100%">'
        f'<figcaption style="line-height: 1.3">{escape(caption)}</figcaption></figure>'
    )
