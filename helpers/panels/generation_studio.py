"""A form that draws: a prompt, the options, a progress bar, and beside it a gallery of what came out."""

from __future__ import annotations

import contextlib
import dataclasses
import time
import warnings
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import ipywidgets as widgets
import numpy as np

from helpers.diffusion.samplers import Step
from helpers.panels.drawing_form import DrawingForm
from helpers.panels.events import watched
from helpers.panels.messages import sentence
from helpers.panels.newest_wish import NewestWish
from helpers.panels.results import Action, Gallery, Result, ResultView, figures_of
from helpers.panels.waiting import Waiting, told
from helpers.recipes.files import png, save_pictures
from helpers.recipes.recipe import Recipe

COLUMNS = {"grid_template_columns": "repeat(auto-fit, minmax(min(100%, 22em), 1fr))", "grid_gap": "0 16px"}
LIVE_STEPS = 5  # at most, of a form that is live from the beginning


@dataclass(frozen=True)
class Wish:
    """All that a picture is drawn from, as it was when the button was pressed."""

    recipe: Recipe


class GenerationStudio(DrawingForm):
    """The form; shows itself as the last line of a cell.

    model: draws by its methods `encode_text`, `denoise`, `preview` and `decode`, as `StableDiffusion` does; the form
        begins with the defaults of its `checkpoint`. One that draws for others too has `Waiting`s among its steps.
    folder: where Save writes; made when needed. None keeps nothing on this machine: in place of Save there is Download,
        for a page that somebody opens in a browser elsewhere.
    live: whether the box Live is ticked, and few steps are chosen. While it is, each change in the form has its picture
        drawn anew, as `NewestWish` does; it is seen above the others, and Generate hangs it among them.

    Generate pressed while a picture is under way is a wish more, drawn after it, of what the form said then. Stop, or
    Escape, ends at the next step, keeps what there is, and forgets the wishes.

    `pictures` and `recipes` hold the last result: uint8 (N, H, W, 3), and for each picture the
    arguments with which `model.text_to_image` makes it again.
    """

    verb = "Generate"

    def __init__(self, model, *, folder: str | Path | None = "outputs", live: bool = False):
        super().__init__(self._defaults(model), self.verb)
        self.model = model
        self.folder = None if folder is None else Path(folder)
        self.pictures: np.ndarray | None = None
        self.recipes: list[dict] = []
        self._last: Result | None = None
        self._wishes: list[Wish] = []
        self._running = self._stopping = False

        self.screen = widgets.HTML()
        self.gallery = Gallery()
        self.results = widgets.VBox([self.screen, self.gallery])
        self.children = [widgets.GridBox([self.form, self.results], layout=COLUMNS)]
        self._newest = NewestWish(self._redraw)
        for field in self.asked:
            field.observe(self._changed, "value")
        if live:
            self._go_live()

    def generate(self, _button=None) -> None:
        """Draws what the form says. What is wrong with it is told in the panel; the form stays as it was typed."""
        self.message.value = ""
        try:
            self._wishes.append(self._wish())
        except (ValueError, OSError) as error:
            self._complain(sentence(error))
            return
        if self._running:
            waiting = len(self._wishes)
            self._tell(f"Noted: {waiting} {'is' if waiting == 1 else 'are'} to be drawn after this one.")
            return
        self._newest.drop()
        self._running = True
        try:
            with self._at_work():
                while self._wishes:
                    for _ in watched(self._draw(self._wishes.pop(0))):
                        pass
        finally:
            self._wishes.clear()
            self._running, self.screen.value = False, ""

    def stop(self, _button=None) -> None:
        """Ends what is under way at the next step."""
        self._newest.drop()
        if self._running:
            self._stopping = True
            self._wishes.clear()
            self.status.value = "Stopping at the next step"

    def save(self, _button=None, result: Result | None = None) -> list[Path]:
        """Writes the last result, or the one given, as PNG files with their recipes; returns their paths.

        Without a folder they go to the browser, and there are no paths.
        """
        result = result or self._last
        return self._write(result, result and result.pictures)

    def keep(self, result: Result) -> None:
        """Puts a result's settings back into the form."""
        self._take(result.wish.recipe)
        self._tell("The form says again what made this.")

    # ------------------------------------------------------------------ drawing

    def _go_live(self) -> None:
        self.num_steps.value = min(self.num_steps.value, LIVE_STEPS)
        self.live.value = True

    def _changed(self, _change) -> None:
        if self.live.value:
            self._newest.changed()

    @contextlib.contextmanager
    def _at_work(self) -> Iterator[None]:
        """Shows that something is under way; what goes wrong is told in the panel."""
        self._stopping = self.stop_button.disabled = False
        self.progress.layout.visibility = "visible"
        try:
            yield
        except KeyboardInterrupt:
            self._complain("Stopped.")
        except Exception as error:
            self._complain(sentence(error))
        finally:
            self.stop_button.disabled = True
            self.progress.layout.visibility = "hidden"
            self.status.value = ""

    def _redraw(self) -> Generator[None, None, None]:
        """What the form says now, onto the screen."""
        self.message.value = ""
        with self._at_work():
            if result := (yield from self._drawn(self._wish())):
                self.screen.value = figures_of([*result.pictures], result.recipes)

    def _draw(self, wish: Wish) -> Generator[None, None, None]:
        """A wish, into the gallery."""
        if result := (yield from self._drawn(wish)):
            self.gallery.hang(ResultView(result, self._actions()))

    def _drawn(self, wish: Wish) -> Generator[None, None, Result | None]:
        """The result, after a look around at each step; None if it was stopped before the first."""
        recipe = wish.recipe
        self.progress.value, self.progress.max = 0, recipe.total_steps
        self.status.value = "Getting ready; the first picture takes longest"
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always", UserWarning)  # a word that the model does not know, say
            steps = self._steps(self.model.encode_text(recipe.prompt), wish)
        self._tell(" ".join(str(w.message) for w in heard if w.category is UserWarning))
        recipes = [recipe.alone(i).arguments() for i in range(recipe.batch_size)]
        total = recipe.total_steps
        pause = max(5, total // 5)  # between two previews, each of which costs a run of the decoder
        done, step = 0, None
        for news in steps:
            yield
            if isinstance(news, Waiting):
                if self._stopping:
                    break
                self.status.value = told(news) or self.status.value
                continue
            done, step = done + 1, news
            now = time.monotonic()
            if done == 1:
                since = now  # the first step also compiles the networks: it says nothing about the others
            if self._stopping:
                break
            left = (now - since) / (done - 1) * (total - done) if done > 1 else None
            self._advance(done, total, left)
            if self.preview.value and done % pause == 0 and done < total:
                self.screen.value = figures_of(self.model.preview(step.predicted_x0), recipes, "so far: ")
        if step is None:
            self._tell("Stopped before it began.")
            return None
        result = self._result(step.latent if done == total else step.predicted_x0, wish, recipes)
        if done < total:
            note, stopped = f"stopped at step {done} of {total}", {"stopped": f"step {done} of {total}"}
            result = dataclasses.replace(result, note=note, settings={**result.settings, **stopped})
            self._tell(f"{note.capitalize()}.")
        self._last, self.pictures, self.recipes = result, result.pictures, result.recipes
        return result

    @staticmethod
    def _defaults(model):
        return model.checkpoint.drawing

    def _wish(self) -> Wish:
        return Wish(self.recipe)

    def _steps(self, context: np.ndarray, wish: Wish) -> Iterator[Step]:
        return self.model.denoise(context, wish.recipe)

    def _result(self, latent: np.ndarray, wish: Wish, recipes: list[dict]) -> Result:
        return Result(self.model.decode(latent), recipes, dict(self.model.settings), wish)

    def _actions(self) -> list[Action]:
        return [
            Action(
                *(("Save", "save") if self.folder else ("Download", "download")),
                "PNG files with their recipes",
                lambda result, _: self.save(None, result),
            ),
            Action(
                "Keep these settings", "sliders", "Puts them back into the form", lambda result, _: self.keep(result)
            ),
        ]

    def _write(self, result: Result | None, pictures, **settings: str) -> list[Path]:
        if result is None:
            self._complain(f"There is nothing to save yet; press {self.verb} first.")
            return []
        if self.folder is None:
            self._hand_over(pictures, result, settings)
            return []
        try:
            paths = save_pictures(pictures, result.recipes, self.folder, **result.settings | settings)
        except (OSError, ValueError) as error:
            self._complain(sentence(error))
            return []
        first, last = paths[0].resolve(), paths[-1].name
        self._tell(f"Saved as {first}." if len(paths) == 1 else f"Saved as {first} to {last}.")
        return paths

    def _hand_over(self, pictures, result: Result, settings: dict[str, str]) -> None:
        for picture, recipe in zip(pictures, result.recipes, strict=True):
            content = png(picture, recipe, **result.settings | settings)
            for each in self.browser:
                each.send({"what": "download", "name": f"picture-{recipe['seed']}.png"}, [content])
        self._tell("Downloaded." if len(pictures) == 1 else f"{len(pictures)} files downloaded.")
