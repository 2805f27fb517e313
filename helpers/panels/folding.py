"""What is rarely touched is folded away, behind a button that a keyboard reaches too."""

from __future__ import annotations

import ipywidgets as widgets


class Folding(widgets.VBox):
    """A button with a title; pressed, it shows the widgets under it, and pressed again it hides them."""

    def __init__(self, title: str, content: list[widgets.Widget]):
        self.title = title
        self.button = widgets.ToggleButton(layout={"width": "auto", "align_self": "flex-start"})
        self.content = widgets.VBox(content)
        self.button.observe(lambda change: self._turn(), "value")
        super().__init__([self.button, self.content])
        self._turn()

    def _turn(self) -> None:
        shown = self.button.value
        self.button.description = f"{'▾' if shown else '▸'} {self.title}"
        self.button.tooltip = f"{'Hides' if shown else 'Shows'}: {self.title}"
        self.content.layout.display = None if shown else "none"
