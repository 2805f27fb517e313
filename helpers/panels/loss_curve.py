"""How a loss falls, drawn small."""

from __future__ import annotations

import ipywidgets as widgets

WIDTH, HEIGHT, MOST = 260, 60, 130  # pixels; points
SMOOTH = 0.05  # what the newest loss counts in the line: single ones jump with the noise's strength


class LossCurve(widgets.HTML):
    """A line of the losses' running mean; `add` adds one, and what comes out of scale is drawn in scale again."""

    def __init__(self):
        super().__init__()
        self.clear()

    def clear(self) -> None:
        self.smooth: list[float] = []
        self.value = ""

    def add(self, loss: float) -> None:
        before = self.smooth[-1] if self.smooth else loss
        self.smooth.append(before + max(SMOOTH, 1 / (1 + len(self.smooth))) * (loss - before))
        count = len(self.smooth)
        some = [self.smooth[i * (count - 1) // max(1, min(count, MOST) - 1)] for i in range(min(count, MOST))]
        least, most = min(some), max(some)
        spread = (most - least) or 1
        points = " ".join(
            f"{i / max(1, len(some) - 1) * WIDTH:.1f},{HEIGHT - (each - least) / spread * HEIGHT:.1f}"
            for i, each in enumerate(some)
        )
        told = f"Loss {self.smooth[0]:.3f} at first, {self.smooth[-1]:.3f} now, a running mean"
        self.value = (
            f'<svg role="img" aria-label="{told}" width="{WIDTH}" height="{HEIGHT + 4}" viewBox="-2 -2 {WIDTH + 4} '
            f'{HEIGHT + 4}"><polyline points="{points}" fill="none" stroke="#1565c0" stroke-width="2"/></svg>'
            f"<div><small>{told}</small></div>"
        )
