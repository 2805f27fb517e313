"""A panel in which a model learns a new word: pictures, the word, Teach; watch, try, save."""

from __future__ import annotations

import contextlib
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import ipywidgets as widgets
import numpy as np
from PIL import Image

from helpers.panels.drawing_form import WRAPPING, field
from helpers.panels.events import watched
from helpers.panels.messages import complaint, notice, sentence
from helpers.panels.results import figure
from helpers.panels.touchable import keys
from helpers.panels.uploads import SHARED_LIMIT, uploaded
from helpers.panels.waiting import duration
from helpers.pictures.curves import LossCurve
from helpers.pictures.loading import load_image
from helpers.pictures.show import with_picture
from helpers.pictures.strips import strip

COLUMNS = {"grid_template_columns": "repeat(auto-fit, minmax(min(100%, 22em), 1fr))", "grid_gap": "0 16px"}
SMALL, LARGE = 72, 128  # pixels of an example's and a try's side on the screen
LOOK_EVERY = 10  # seconds from one look at what is learned so far to the next
KEPT = 12  # looks, and tries
HINT = (
    "Three to ten pictures, of the thing in different places. Tell what each shows in a line of its own, or what all "
    "show in one; {} stands for the word."
)


class TeachingStudio(widgets.VBox):
    """The panel; shows itself as the last line of a cell.

    model: what learns; it stays as it is. learn: begins a learning, as `helpers.teach.lora.lora` and
        `helpers.teach.textual_inversion.textual_inversion` do; `functools.partial(lora, rank=8)` gives it options.
    pictures: what to begin with, each what `load_image` takes; others can be uploaded.
    word, like, prompts: what the fields begin with; as of `lora`.
    folder: where Save writes; made when needed. None keeps nothing on this machine: in place of Save there is Download.

    Teach pressed again goes on with what was learned, or begins anew where the pictures or a field were changed. Stop,
    or Escape, ends at the next step; what was learned by then can be tried and saved.

    `learning` is the last one, None before there is one.
    """

    def __init__(
        self,
        model,
        learn: Callable,
        pictures: Sequence = (),
        word: str = "<my-thing>",
        like: str = "",
        prompts: Sequence[str] = ("a {}",),
        *,
        folder: str | Path | None = "outputs",
    ):
        self.model, self.learn, self.learning = model, learn, None
        self.folder = None if folder is None else Path(folder)
        self._asked: list = []  # what the learning was begun with
        self._looks: list[str] = []
        self._tries: list[str] = []
        self._running = self._stopping = False

        self.upload = widgets.FileUpload(accept="image/*", multiple=True, description="Pictures of it")
        self.examples = widgets.HTML()
        self.prompts = widgets.Textarea("\n".join(prompts), rows=5, **field("They show", "95%"))
        self.word = widgets.Text(word, **field("New word"))
        self.like = widgets.Text(like, **field("Begins as"), placeholder="a word that the model knows")
        self.seconds = widgets.IntSlider(60, 10, 600, 10, **field("Seconds"))
        self.teach_button = widgets.Button(description="Teach", icon="graduation-cap", button_style="primary")
        self.stop_button = widgets.Button(
            description="Stop", icon="stop", tooltip="Ends at the next step; Escape", layout={"width": "6em"}
        )
        self.progress = widgets.FloatProgress(0, min=0, max=1, layout={"width": "8em", "visibility": "hidden"})
        self.status, self.message, self.looks = widgets.Label(), widgets.HTML(), widgets.HTML()
        self.losses, self.curve = LossCurve(), widgets.HTML()
        self.prompt = widgets.Text("a {} riding a skateboard in space", **field("Try", "95%"))
        self.seed = widgets.IntText(0, **field("Seed", "12em"))
        self.draw_button = widgets.Button(description="Draw", icon="paint-brush", layout={"width": "8em"})
        verb, icon = ("Save", "save") if self.folder else ("Download", "download")
        self.save_button = widgets.Button(
            description=verb, icon=icon, tooltip="Files for StableDiffusion(…), diffusers and the web UIs"
        )
        self.tries = widgets.HTML()
        self.upload.observe(self._uploaded, "value")
        self.teach_button.on_click(self.teach)
        self.stop_button.on_click(self.stop)
        self.draw_button.on_click(self.draw)
        self.save_button.on_click(self.save)
        self.browser = keys(lambda said: self.stop() if said.get("what") == "stop" else None)
        buttons = [self.teach_button, self.stop_button, self.progress, self.status]
        row = lambda *parts: widgets.HBox(parts, layout=WRAPPING)  # noqa: E731
        columns = {
            "1. The thing": [self.upload, self.examples, self.prompts, widgets.HTML(f"<small>{HINT}</small>")],
            "2. The word": [self.word, self.like, self.seconds, row(*buttons), self.message, self.curve, self.looks],
            "3. What it learned": [self.prompt, row(self.seed, self.draw_button, self.save_button), self.tries],
        }
        boxes = [widgets.VBox([widgets.HTML(f"<b>{title}</b>"), *held]) for title, held in columns.items()]
        super().__init__([widgets.GridBox(boxes, layout=COLUMNS), *self.browser], layout={"max_width": "90em"})
        self.add_class("studio")
        self._ready()
        self._take([load_image(each) for each in pictures])

    # ------------------------------------------------------------------ what one presses

    def teach(self, _button=None) -> None:
        """Learns for as long as the form says. What is wrong is told in the panel."""
        with self._at_work("Getting ready; the first step takes longest") as working:
            if working:
                if self.learning is None or self._asks() != self._asked:
                    self._begin()
                self._go_on()

    def stop(self, _button=None) -> None:
        """Ends at the next step; what was learned is kept."""
        self._stopping = self._running

    def draw(self, _button=None) -> None:
        """A picture by what was learned so far, before the earlier ones."""
        with self._at_work("Drawing") as working:
            if working and self.learning:
                self._tries.insert(0, self._figure(self.prompt.value, self.seed.value, ""))
                self.tries.value = "".join(self._tries[:KEPT])
                self.seed.value += 1

    def save(self, _button=None) -> dict[str, dict]:
        """Writes the files, or has them downloaded; returns the options with which `StableDiffusion` takes them."""
        saved: dict[str, dict] = {}
        with self._at_work("Saving") as working, tempfile.TemporaryDirectory() as passing:
            if working and self.learning:
                saved = self.learning.save(self.folder or Path(passing))
                paths = [Path(each) for each in (*saved.get("embeddings", {}).values(), *saved.get("loras", {}))]
                for each in [] if self.folder else self.browser:
                    for path in paths:
                        each.send({"what": "download", "name": path.name}, [path.read_bytes()])
                names = " and ".join(path.name for path in paths)
                self._tell(f"Saved in {self.folder}: {names}." if self.folder else f"Downloaded: {names}.")
        return saved

    def _repr_mimebundle_(self, **options):
        # on a page without widgets, what it is taught from is seen
        bundle = super()._repr_mimebundle_(**options)
        if not self.pictures:
            return bundle
        small = [np.asarray(Image.fromarray(each).resize((LARGE, LARGE))) for each in self.pictures]
        return with_picture(bundle, Image.fromarray(strip(small)), f"The panel: the pictures of {self.word.value}")

    # ------------------------------------------------------------------ learning

    def _asks(self) -> list:
        fields = [self.word.value.strip(), self.like.value.strip(), self.prompts.value]
        return [*fields, [picture.tobytes() for picture in self.pictures]]

    def _begin(self) -> None:
        lines = [line.strip() for line in self.prompts.value.splitlines() if line.strip()]
        prompts = lines[0] if len(lines) == 1 else lines
        options = dict(word=self.word.value.strip(), like=self.like.value.strip())
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always", UserWarning)  # that a picture was fitted, say
            learning = self.learn(self.model, self.pictures, prompts=prompts, **options)
        self._tell(" ".join(str(w.message) for w in heard if w.category is UserWarning))
        self.learning, self._asked, self._looks = learning, self._asks(), []
        self.losses = LossCurve()

    def _go_on(self) -> None:
        assert self.learning is not None
        learning, seconds, began = self.learning, self.seconds.value, None
        for step in watched(learning.steps(1_000_000)):
            now = time.monotonic()
            if began is None:  # the first step compiled, too: the time counts from its end
                began = looked = now
            self.losses.add(step.loss)
            self.curve.value = self.losses.html
            past = now - began
            self.progress.value = min(1.0, past / seconds)
            self.status.value = f"Step {step.number}, about {duration(max(0, seconds - past))} left"
            if self._stopping or past >= seconds:
                break
            if now - looked >= LOOK_EVERY:
                self._look()
                looked = time.monotonic()
        self._look()
        self._tell(f"Learned for {learning.number} steps. Try it and save it; Teach goes on from here.")

    def _look(self) -> None:
        assert self.learning is not None
        self._looks.append(self._figure(self.prompt.value, self.seed.value, f"step {self.learning.number}"))
        self.looks.value = "".join(self._looks[-KEPT:])

    def _figure(self, prompt: str, seed: int, caption: str) -> str:
        assert self.learning is not None
        picture = self.learning.preview(prompt, seed=seed)[0]
        told = f"{prompt.replace('{}', self.word.value)}, seed {seed}"
        return figure(picture, told, caption or told, LARGE)

    @contextlib.contextmanager
    def _at_work(self, doing: str) -> Iterator[bool]:
        """Shows that something is under way, and tells what goes wrong; False where something was under way already."""
        if self._running:
            yield False
            return
        self._running, self._stopping, self.message.value = True, False, ""
        self.status.value, self.progress.layout.visibility = doing, "visible"
        self._ready()
        try:
            yield True
        except KeyboardInterrupt:
            self._complain("Stopped.")
        except Exception as error:
            self._complain(sentence(error))
        finally:
            self._running = False
            self.status.value, self.progress.layout.visibility, self.progress.value = "", "hidden", 0
            self._ready()

    def _ready(self) -> None:
        self.stop_button.disabled = not self._running
        self.teach_button.disabled = self._running
        self.draw_button.disabled = self.save_button.disabled = self._running or self.learning is None

    # ------------------------------------------------------------------ pictures and words

    def _uploaded(self, _change) -> None:
        self.message.value = ""
        try:
            self._take([load_image(each) for each in uploaded(self.upload, SHARED_LIMIT)])
        except (ValueError, OSError) as error:
            self._complain(str(error))

    def _take(self, pictures: list[np.ndarray]) -> None:
        self.pictures = pictures
        figures = [figure(each, f"picture {number}", "", SMALL) for number, each in enumerate(pictures, 1)]
        self.examples.value = "".join(figures)

    def _tell(self, text: str) -> None:
        self.message.value = notice(text)

    def _complain(self, text: str) -> None:
        self.message.value = complaint(text)
