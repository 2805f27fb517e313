"""A learning, watched in a notebook: its loss, and what it draws, again every few seconds."""

from __future__ import annotations

import time
from html import escape

import numpy as np

from helpers.pictures.curves import LossCurve
from helpers.pictures.show import data_uri
from helpers.teach.learning import Learning

LOOKS = 6


def watch(learning: Learning, seconds: float, prompt: str, seed: int = 0) -> np.ndarray:
    """Learns for so long, and shows how the loss falls and how the picture of a prompt changes.

    prompt, seed: as of `Learning.preview`. The seconds count from the end of the first step, which also compiles.
    Stopped by the kernel's Interrupt, it keeps what was learned and returns.
    Returns the pictures that were shown, uint8 (N, img_height, img_width, 3).
    """
    from IPython.display import HTML, display

    screen = display(HTML("Getting ready; the first step takes longest."), display_id=True)
    curve, looks, told = LossCurve(), [learning.preview(prompt, seed)[0]], [learning.number]
    began = None

    def show(left: float) -> None:
        figures = "".join(
            f'<figure style="display: inline-block; margin: 2px"><img src="{data_uri(picture)}" '
            f'alt="{escape(prompt)}, after {number} steps"><figcaption>step {number}</figcaption></figure>'
            for picture, number in zip(looks, told)
        )
        said = f", {left:.0f} s left" if left > 0 else ""
        screen.update(HTML(f"<p>step {learning.number}{said}</p>{figures}{curve.html}"))

    try:
        for step in learning.steps(1_000_000):
            now = time.monotonic()
            if began is None:
                began = looked = now
            curve.add(step.loss)
            if now - began >= seconds:
                break
            if now - looked >= seconds / LOOKS:
                looks.append(learning.preview(prompt, seed)[0])
                told.append(step.number)
                show(seconds - (now - began))
                looked = time.monotonic()
    except KeyboardInterrupt:
        pass
    looks.append(learning.preview(prompt, seed)[0])
    told.append(learning.number)
    show(0)
    return np.stack(looks)
