"""How a loss falls, drawn small."""

from __future__ import annotations

WIDTH, HEIGHT, MOST = 260, 60, 130  # pixels; points of the line
SMOOTH = 0.05  # what the newest loss counts: single ones jump with the strength of the noise


class LossCurve:
    """The running mean of losses; `html` shows it as a line."""

    def __init__(self):
        self.smooth: list[float] = []

    def add(self, loss: float) -> None:
        before = self.smooth[-1] if self.smooth else loss
        # a mean of all, as long as there are few
        self.smooth.append(before + max(SMOOTH, 1 / (1 + len(self.smooth))) * (loss - before))

    @property
    def html(self) -> str:
        if not self.smooth:
            return ""
        count = len(self.smooth)
        points = min(count, MOST)
        some = [self.smooth[i * (count - 1) // max(1, points - 1)] for i in range(points)]
        least, spread = min(some), (max(some) - min(some)) or 1
        line = " ".join(
            f"{i / max(1, points - 1) * WIDTH:.1f},{HEIGHT - (each - least) / spread * HEIGHT:.1f}"
            for i, each in enumerate(some)
        )
        told = f"Loss {self.smooth[0]:.3f} at first, {self.smooth[-1]:.3f} now, a running mean"
        return (
            f'<svg role="img" aria-label="{told}" width="{WIDTH}" height="{HEIGHT + 4}" viewBox="-2 -2 {WIDTH + 4} '
            f'{HEIGHT + 4}"><polyline points="{line}" fill="none" stroke="#1565c0" stroke-width="2"/></svg>'
            f"<div><small>{told}</small></div>"
        )
