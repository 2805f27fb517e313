"""What a picture is asked for with: prompt, seed, options, and the buttons that begin and stop it."""

from __future__ import annotations

import secrets

import ipywidgets as widgets

from helpers.diffusion.samplers import SAMPLERS
from helpers.panels.folding import Folding
from helpers.panels.messages import complaint, notice
from helpers.panels.touchable import keys
from helpers.panels.waiting import duration
from helpers.recipes.recipe import Recipe

WRAPPING = {"flex_flow": "row wrap"}


class DrawingForm(widgets.VBox):
    """The fields of a `Recipe`, buttons, a progress bar and a line for messages, in `form`.

    own: the `Defaults` that the fields begin with. verb: what the button says.
    """

    def __init__(self, own, verb: str):
        super().__init__(layout={"max_width": "90em"})
        prompt = "An alien riding a skateboard in space"
        self.prompt = widgets.Textarea(prompt, **field("Prompt", "95%"), placeholder="What to draw", rows=2)
        self.negative_prompt = widgets.Text("", **field("Negative", "95%"), placeholder="What to steer away from")
        self.seed = widgets.IntText(0, **field("Seed", "14em"))
        self.dice_button = widgets.Button(
            description="Random", icon="random", tooltip="Another seed", layout={"width": "8em"}
        )
        self.batch_size = widgets.IntSlider(1, 1, 8, **field("Pictures"))
        self.num_steps = widgets.IntSlider(own.num_steps, 1, 100, **field("Steps"))
        self.guidance = widgets.FloatSlider(
            own.unconditional_guidance_scale, min=0, max=20, step=0.5, readout_format=".1f", **field("Guidance")
        )
        self.sampler = widgets.Dropdown(options=list(SAMPLERS), value=own.sampler, **field("Sampler"))
        self.preview = widgets.Checkbox(True, description="Watch it form", indent=False, layout={"width": "10em"})
        self.live = widgets.Checkbox(
            False, description="Live", tooltip="Draws anew at every change", indent=False, layout={"width": "6em"}
        )
        self.generate_button = widgets.Button(
            description=verb, icon="paint-brush", button_style="primary", tooltip="Ctrl+Enter in the prompt"
        )
        self.stop_button = widgets.Button(
            description="Stop",
            icon="stop",
            tooltip="Ends at the next step; Escape",
            disabled=True,
            layout={"width": "6em"},
        )
        self.progress = widgets.IntProgress(0, 0, 1, layout={"width": "8em", "visibility": "hidden"})
        self.status = widgets.Label()
        self.message = widgets.HTML()

        self.dice_button.on_click(self.roll)
        self.generate_button.on_click(self.generate)
        self.stop_button.on_click(self.stop)
        self.add_class("studio")
        self.prompt.add_class("studio-prompt")
        self.options = Folding(
            "More options",
            [self.negative_prompt, self.guidance, self.sampler, self.batch_size, self.preview, self.live],
        )
        self.browser = keys(self._key)
        self.form = widgets.VBox(
            [
                self.prompt,
                widgets.HBox([self.seed, self.dice_button], layout=WRAPPING),
                self.num_steps,
                widgets.HBox([self.generate_button, self.stop_button, self.progress, self.status], layout=WRAPPING),
                self.message,
                self.options,
                *self.browser,
            ]
        )

    @property
    def asked(self) -> list[widgets.Widget]:
        """The fields that the recipe is made of."""
        form = [self.prompt, self.negative_prompt, self.seed, self.batch_size, self.num_steps]
        return [*form, self.guidance, self.sampler]

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
        """Begins what the form says."""
        raise NotImplementedError

    def stop(self, _button=None) -> None:
        """Ends what is under way."""
        raise NotImplementedError

    def _take(self, recipe: Recipe) -> None:
        """Puts a recipe into the form."""
        self.prompt.value, self.negative_prompt.value = recipe.prompt, recipe.negative_prompt
        self.num_steps.value, self.guidance.value = recipe.num_steps, recipe.unconditional_guidance_scale
        self.seed.value, self.sampler.value, self.batch_size.value = recipe.seed, recipe.sampler, recipe.batch_size

    def _advance(self, done: int, total: int, seconds_left: float | None) -> None:
        self.progress.value = done
        left = "" if seconds_left is None else f", about {duration(seconds_left)} left"
        self.status.value = f"Step {done} of {total}{left}"

    # ------------------------------------------------------------------ keys and words

    def _key(self, said: dict) -> None:
        if said.get("what") == "stop":
            self.stop()
        elif said.get("what") == "generate":
            self.prompt.value = said["text"]
            self.generate()

    def _tell(self, text: str) -> None:
        self.message.value = notice(text)

    def _complain(self, text: str) -> None:
        self.message.value = complaint(text)


def field(description: str, width: str = "22em") -> dict:
    """The options of a widget with that label, so that the fields of a form stand under each other."""
    return {
        "description": description,
        "layout": {"width": width, "max_width": "98%"},
        "style": {"description_width": "6em"},
    }
