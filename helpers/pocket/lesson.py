"""A small diffusion model that learns a small part of the pocket world while one watches."""

from __future__ import annotations

import io
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from helpers.models.pocket import networks
from helpers.models.pocket.sizes import MAX_LENGTH
from helpers.pictures.show import data_uri
from helpers.pictures.strips import strip
from helpers.pocket import scenes
from helpers.pocket.data import draw_each, to_float
from helpers.pocket.diffusing import draw, noisy_batches
from helpers.pocket.objectives import DIFFUSION_EXAMPLE, LATENT, SIZE, Diffusion
from helpers.pocket.run import Run

SCENES = 512
BATCH = 32
CHANNELS = (32, 64, 96)


class Lesson:
    """A text encoder and a UNet with random weights, and scenes of few things on few colours for them to learn.

    teacher: a pocket `StableDiffusion`, whose tokenizer and autoencoder are used as they are.
    things, colours: names from `scenes.THINGS` and `scenes.COLOURS`.

    `losses` holds the loss of each step so far.
    """

    def __init__(self, teacher, things: tuple[str, ...], colours: tuple[str, ...]):
        rng = np.random.default_rng(0)
        self.teacher = teacher
        self.losses: list[float] = []
        self.scenes = [scenes.Scene(str(rng.choice(things)), str(rng.choice(colours))) for _ in range(SCENES)]
        pictures = to_float(draw_each(self.scenes, rng))
        mean = np.concatenate([teacher.run("image_encoder", part) for part in np.split(pictures, SCENES // 64)])
        self.model = Diffusion(
            len(teacher.tokenizer.encoder), networks.diffusion_model(SIZE, SIZE, MAX_LENGTH, CHANNELS)
        )
        self._batches = noisy_batches(self.scenes, mean, np.zeros_like(mean), teacher.tokenizer, BATCH, rng)
        with tempfile.TemporaryDirectory() as folder:  # nothing there to go on from
            self._run = Run(Path(folder), "lesson", self.model, DIFFUSION_EXAMPLE, warm_up=10)

    def draw(self, prompts: list[str], seed: int = 0) -> np.ndarray:
        """A picture of each prompt, as far as it has learned: uint8 (N, 128, 128, 3)."""
        start = np.random.default_rng(seed).standard_normal((len(prompts), *LATENT), np.float32)
        return draw(self.model, self.teacher.decoder, self.teacher.tokenizer, prompts, start, 3.0, 10)

    def watch(self, seconds: float) -> None:
        """Trains for so long, and shows in the notebook the loss and what is drawn, again every few seconds."""
        from IPython.display import HTML, display

        rng = np.random.default_rng(1)
        prompts = [scenes.caption(scene, rng) for scene in self.scenes[:6]]
        screen = display(HTML("Compiling; the first step takes longest."), display_id=True)
        next(self._run.steps(self._batches, 1, 0))
        begin = shown = time.monotonic()
        while (elapsed := time.monotonic() - begin) < seconds:
            # the learning rate falls in the second half, as the end comes nearer
            self._run.learning_rate = 3e-3 * min(1.0, 2 - 2 * elapsed / seconds)
            self.losses += self._run.steps(self._batches, self._run.step + 5, 0)
            if time.monotonic() - shown > seconds / 8:
                screen.update(HTML(self._report(prompts, seconds - elapsed)))
                shown = time.monotonic()
        screen.update(HTML(self._report(prompts, 0)))

    def _report(self, prompts: list[str], seconds_left: float) -> str:
        sheet = strip(self.draw(prompts), columns=6)
        now = np.mean(self.losses[-20:])
        left = f", {seconds_left:.0f} s left" if seconds_left > 0 else ""
        told = f"the loss of each step, {self.losses[0]:.2f} at first and {now:.2f} now"
        return (
            f"<p>step {self._run.step}, loss {now:.3f}{left}</p>"
            f'<img src="{data_uri(sheet)}" alt="{"; ".join(prompts)}" style="max-width: 100%"><br>'
            f'<img src="{data_uri(_curve(self.losses))}" alt="{told}">'
        )


def _curve(losses: list[float]) -> Image.Image:
    """The losses step for step, in grey, and their mean over 20 steps."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 2.2), dpi=110, layout="constrained")
    axes = figure.subplots()
    axes.semilogy(losses, color="0.8")
    if len(losses) >= 20:
        smooth = np.convolve(losses, np.full(20, 1 / 20), mode="valid")
        axes.semilogy(np.arange(len(smooth)) + 19, smooth, color="C0")
    axes.set(xlabel="step", ylabel="loss")
    buffer = io.BytesIO()
    figure.savefig(buffer)
    return Image.open(buffer).convert("RGB")
