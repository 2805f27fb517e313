"""A form that draws: a prompt, the options, a progress bar, and a gallery of what came out."""

from __future__ import annotations

import secrets
import time
import warnings
from collections.abc import Iterator
from html import escape
from pathlib import Path

import ipywidgets as widgets
import numpy as np

from helpers.diffusion.samplers import SAMPLERS, Step
from helpers.pictures.show import data_uri
from helpers.recipe import Recipe
from helpers.recipe_files import save_pictures

RESULTS_KEPT = 12


class GenerationStudio(widgets.VBox):
    """The form; shows itself as the last line of a cell.

    model: draws by its methods `encode_text`, `denoise` and `decode`, as `StableDiffusion` does; the form begins with
        the defaults of its `checkpoint`.
    folder: where Save writes; made when needed.

    `pictures` and `recipes` hold the last result: uint8 (N, H, W, 3), and for each picture the
    arguments with which `model.text_to_image` makes it again.
    """

    def __init__(self, model, *, folder: str | Path = "outputs"):
        super().__init__(layout={"max_width": "72em"})
        own = self._defaults(model)
        self.model = model
        self.folder = Path(folder)
        self.pictures: np.ndarray | None = None
        self.recipes: list[dict] = []
        self._settings: dict[str, str] = {}

        prompt = "An alien riding a skateboard in space"
        self.prompt = widgets.Textarea(prompt, **_field("Prompt", "95%"), placeholder="What to draw", rows=2)
        self.negative_prompt = widgets.Text("", **_field("Negative", "95%"), placeholder="What to steer away from")
        self.seed = widgets.IntText(0, **_field("Seed", "16em"))
        self.dice_button = widgets.Button(
            description="Random", icon="random", tooltip="Another seed", layout={"width": "8em"}
        )
        self.batch_size = widgets.IntSlider(1, 1, 8, **_field("Pictures"))
        self.num_steps = widgets.IntSlider(own.num_steps, 1, 100, **_field("Steps"))
        self.guidance = widgets.FloatSlider(
            own.unconditional_guidance_scale, min=0, max=20, step=0.5, readout_format=".1f", **_field("Guidance")
        )
        self.sampler = widgets.Dropdown(options=list(SAMPLERS), value=own.sampler, **_field("Sampler"))
        self.preview = widgets.Checkbox(True, description="Watch it form", indent=False, layout={"width": "10em"})
        self.generate_button = widgets.Button(description="Generate", icon="paint-brush", button_style="primary")
        self.progress = widgets.IntProgress(0, 0, 1, layout={"width": "14em", "visibility": "hidden"})
        self.status = widgets.Label()
        self.message = widgets.HTML()
        self.screen = widgets.HTML()
        self.gallery = widgets.VBox()

        self.dice_button.on_click(self.roll)
        self.generate_button.on_click(self.generate)
        wrapping = {"flex_flow": "row wrap"}
        self.children = [
            self.prompt,
            self.negative_prompt,
            widgets.HBox([self.seed, self.dice_button]),
            widgets.HBox([self.num_steps, self.guidance], layout=wrapping),
            widgets.HBox([self.sampler, self.batch_size], layout=wrapping),
            widgets.HBox([self.generate_button, self.preview, self.progress, self.status], layout=wrapping),
            self.message,
            self.screen,
            self.gallery,
        ]

    @property
    def recipe(self) -> Recipe:
        """What the form says; raises ValueError for what no model draws."""
        return Recipe(
            prompt=self.prompt.value,
            negative_prompt=self.negative_prompt.value,
            batch_size=self.batch_size.value,
            num_steps=self.num_steps.value,
            unconditional_guidance_scale=self.guidance.value,
            seed=self.seed.value,
            sampler=self.sampler.value,
        )

    def roll(self, _button=None) -> None:
        """Puts another seed into the form."""
        self.seed.value = secrets.randbelow(1_000_000)

    def generate(self, _button=None) -> None:
        """Draws what the form says. What is wrong with it is told in the panel; the form stays as it was typed."""
        self.generate_button.disabled = True
        self.message.value = ""
        self.progress.value, self.progress.max = 0, self.num_steps.value
        self.progress.layout.visibility = "visible"
        self.status.value = "Getting ready; the first picture takes longest"
        try:
            self._draw()
        except KeyboardInterrupt:
            self._complain("Stopped.")
        except Exception as error:
            self._complain(_sentence(error))
        finally:
            self.generate_button.disabled = False
            self.progress.layout.visibility = "hidden"
            self.status.value = self.screen.value = ""

    def save(self, _button=None, pictures=None, recipes=None, settings=None) -> list[Path]:
        """Writes the last result, or the one given, as PNG files with their recipes; returns their paths."""
        if pictures is None:
            pictures, recipes, settings = self.pictures, self.recipes, self._settings
        if pictures is None:
            self._complain("There is nothing to save yet; press Generate first.")
            return []
        try:
            paths = save_pictures(pictures, recipes, self.folder, **settings)
        except (OSError, ValueError) as error:
            self._complain(_sentence(error))
            return []
        first, last = paths[0].resolve(), paths[-1].name
        self._tell(f"Saved as {first}." if len(paths) == 1 else f"Saved as {first} to {last}.")
        return paths

    # ------------------------------------------------------------------ drawing

    def _draw(self) -> None:
        recipe = self.recipe
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always", UserWarning)  # a word that the model does not know, say
            steps = self._steps(self.model.encode_text(recipe.prompt), recipe)
        self._tell(" ".join(str(w.message) for w in heard if w.category is UserWarning))

        recipes = [recipe.alone(i).arguments() for i in range(recipe.batch_size)]
        self.progress.max = total = recipe.total_steps
        pause = max(5, total // 5)  # between two previews, each of which costs a run of the decoder
        for done, step in enumerate(steps, 1):
            now = time.monotonic()
            if done == 1:
                since = now  # the first step also compiles the networks: it says nothing about the others
            left = (now - since) / (done - 1) * (total - done) if done > 1 else None
            self._advance(done, total, left)
            if self.preview.value and done % pause == 0 and done < total:
                self.screen.value = _figures(self.model.decode(step.predicted_x0), recipes, "so far: ")
        self.pictures, self.recipes = self._finished(step.latent), recipes
        self._settings = dict(self.model.settings)
        self._hang(self.pictures)

    @staticmethod
    def _defaults(model):
        return model.checkpoint.drawing

    def _steps(self, context: np.ndarray, recipe: Recipe) -> Iterator[Step]:
        return self.model.denoise(context, recipe)

    def _finished(self, latent: np.ndarray) -> np.ndarray:
        return self.model.decode(latent)

    def _advance(self, done: int, total: int, seconds_left: float | None) -> None:
        self.progress.value = done
        minutes, seconds = divmod(round(seconds_left or 0), 60)
        left = f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
        self.status.value = f"Step {done} of {total}" + ("" if seconds_left is None else f", about {left} left")

    def _hang(self, pictures: np.ndarray) -> None:
        """Puts the last result on top of the gallery, with a button that saves it; the oldest goes."""
        recipes, settings = self.recipes, self._settings
        button = widgets.Button(description="Save", icon="save", tooltip="PNG files with their recipes")
        button.on_click(lambda button: self.save(button, pictures, recipes, settings))
        row = widgets.VBox([widgets.HTML(_figures(pictures, recipes)), button])
        rows = [row, *self.gallery.children]
        self.gallery.children = rows[:RESULTS_KEPT]
        for old in rows[RESULTS_KEPT:]:
            for widget in (*old.children, old):
                widget.close()

    # ------------------------------------------------------------------ words

    def _tell(self, text: str) -> None:
        self.message.value = f'<span role="status">{escape(text)}</span>' if text else ""

    def _complain(self, text: str) -> None:
        self.message.value = f'<b role="alert" style="color: #b00020">{escape(text)}</b>'


def _field(description: str, width: str = "24em") -> dict:
    return {
        "description": description,
        "layout": {"width": width},
        "style": {"description_width": "6em"},
    }


def _sentence(error: Exception) -> str:
    """What to tell of an error: errors meant for the user explain themselves, others by their name too."""
    meant = isinstance(error, (ValueError, OSError, FloatingPointError))
    return str(error) if meant and str(error) else f"This did not work: {type(error).__name__}: {error}"


def _figures(pictures: np.ndarray, recipes: list[dict], begin: str = "") -> str:
    figures = []
    for picture, recipe in zip(pictures, recipes, strict=True):
        prompt, seed = escape(recipe["prompt"]), recipe["seed"]
        width = min(220, picture.shape[1] * 2)
        figures.append(
            f'<figure style="display: inline-block; width: {width}px; margin: 4px; vertical-align: top">'
            f'<img src="{data_uri(picture)}" alt="{begin}{prompt}, seed {seed}" style="width: 100%">'
            f'<figcaption style="line-height: 1.3">{begin}seed {seed}: {prompt}</figcaption></figure>'
        )
    return "".join(figures)
