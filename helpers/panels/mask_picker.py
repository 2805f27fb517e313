"""Choosing the hole in a crop: by a frame, by a brush, from a file, or by all of them."""

from __future__ import annotations

import dataclasses

import ipywidgets as widgets
import numpy as np
import traitlets
from PIL import Image

from helpers.panels.folding import Folding
from helpers.panels.history import History
from helpers.panels.messages import complaint, notice
from helpers.panels.region_sliders import RegionPicker
from helpers.panels.uploads import uploaded
from helpers.pictures.holes import SHAPES, Hole, Stroke, marked
from helpers.pictures.masks import read_mask, union
from helpers.pictures.regions import Region
from helpers.pictures.veils import veil_uri, veiled

ACTIONS = ("undo", "redo", "clear", "invert", "grow", "shrink")


class MaskPicker(RegionPicker):
    """Chooses the hole in a crop, which is to be repainted, and shows it under a veil.

    crop: uint8 (H, W, 3), for instance a `CropPicker`'s `cropped`.
    kept: uint8 (H, W), 0 for what is repainted whatever the hole is, such as what lies beyond a photo's edge, a
        `CropPicker`'s `kept`. Another can be set, before a crop of its size.

    `mask` is uint8 (H, W), 0 in the hole and 1 elsewhere. `hole` is the same written down: the shape in `region`, what
    the brush did, and a mask from a file; it can be set. `undo` and `redo` go through its changes.
    """

    changes = traitlets.Int(0)  # how often the hole has become another, to be observed

    def __init__(self, crop: np.ndarray, kept: np.ndarray | None = None):
        height, width = crop.shape[:2]
        self.kept = kept
        self._history = History(Hole(self._middle(crop)))
        self._drawn = self.hole, self.hole.mask(crop.shape)  # the mask that was drawn last, and of which hole
        self._told = self.hole  # at the last of the `changes`
        self._strokes = 0  # the number of the last one that came from the browser
        self.shape_box = widgets.ToggleButtons(options=SHAPES, style={"button_width": "7em"})
        self.tool_box = widgets.ToggleButtons(
            options=[("Move", "frame"), ("Paint", "paint"), ("Erase", "erase")], style={"button_width": "7em"}
        )
        self.brush = widgets.IntSlider(
            max(1, max(height, width) // 8), 1, max(height, width), description="Brush", layout={"width": "20em"}
        )
        self.buttons = {
            name: widgets.Button(description=name.capitalize(), layout={"width": "5.6em"}) for name in ACTIONS
        }
        self.repaint_box = widgets.Dropdown(options=["black", "white", "transparent"], description="Its hole is")
        self.upload = widgets.FileUpload(accept="image/*", multiple=False, description="Mask file")
        super().__init__(crop, "The crop")
        wrap = {"flex_flow": "row wrap"}
        self.hand = widgets.VBox([self.tool_box, self.brush])
        row = widgets.HBox([*self.buttons.values(), self.reset_button], layout=wrap)
        file = Folding("A mask from a file", [self.repaint_box, self.upload])
        self.children = [self.stage, self.shape_box, self.hand, row, self.message, self.numbers, file]
        for name, button in self.buttons.items():
            button.on_click(lambda _, name=name: getattr(self, name)())
        self.shape_box.observe(lambda change: self._change(shape=change.new), "value")
        self.upload.observe(lambda change: self._take_file(), "value")
        self._hand_if_ready()
        if self.touch:
            self.touch.brush = self.brush.value
            self.touch.on_heard(self._hear)
            self.touch.observe(lambda change: self._hand_if_ready(), "ready")
            self.touch.observe(lambda change: setattr(self.brush, "value", change.new), "brush")
            self.brush.observe(lambda change: setattr(self.touch, "brush", change.new), "value")
            self.tool_box.observe(lambda change: setattr(self.touch, "tool", change.new), "value")

    # ------------------------------------------------------------------ the hole

    @property
    def hole(self) -> Hole:
        return self._history.now

    @hole.setter
    def hole(self, hole: Hole) -> None:
        hole.region.inside(self._picture.shape)
        self._history.put(hole)
        self._bring_back()

    @property
    def mask(self) -> np.ndarray:
        hole, (before, mask) = self.hole, self._drawn
        if hole is not before:
            # one more mark on what was drawn last needs not begin anew
            more = hole.marks and _one_more(before, hole)
            mask = marked(mask, hole.marks[-1]) if more else hole.mask(self._picture.shape)
            self._drawn = hole, mask
        return mask.copy() if self.kept is None else union(mask, self.kept)

    def undo(self) -> None:
        """Takes the last change of the hole back."""
        self._history.undo()
        self._bring_back()

    def redo(self) -> None:
        """Makes the change again that was taken back last."""
        self._history.redo()
        self._bring_back()

    def reset(self) -> None:
        """A rectangle in the middle, as at the beginning."""
        self.hole = Hole(self._first_region())

    def clear(self) -> None:
        """No hole at all."""
        self.hole = Hole(self.region, "none")

    def invert(self) -> None:
        """What was kept becomes the hole, and the other way round."""
        self._change("invert")

    def grow(self) -> None:
        """A hole wider on all sides, by a 64th of the crop."""
        self._change(f"grow {self._step}")

    def shrink(self) -> None:
        """A hole narrower on all sides, by a 64th of the crop."""
        self._change(f"shrink {self._step}")

    def add_file(self, source, repaint: str = "black") -> None:
        """Adds a mask painted elsewhere to the hole; takes and raises as `read_mask` does."""
        self._change(elsewhere=read_mask(source, self._picture.shape, repaint=repaint))

    @property
    def _step(self) -> int:
        return max(1, max(self._picture.shape[:2]) // 64)

    def _change(self, *marks: Stroke | str, kind: str | None = None, **change) -> None:
        if not self._setting:
            hole = self.hole
            self._history.put(dataclasses.replace(hole, marks=(*hole.marks, *marks), **change), kind)
            self._bring_back()

    def _bring_back(self) -> None:
        """Brings all controls to the present hole."""
        self._setting = True
        self.shape_box.value = self.hole.shape
        self._setting = False
        if self.region != self.hole.region:
            self.region = self.hole.region
        else:
            self._draw(self.region)

    # ------------------------------------------------------------------ what the hand does

    def _hear(self, said: dict) -> None:
        what = said.get("what")
        if what in ("undo", "redo"):
            getattr(self, what)()
        elif what == "stroke":
            self._strokes = said["number"]
            self._change(Stroke(said["points"], said["size"], said["erase"]))

    def _hand_if_ready(self) -> None:
        self.hand.layout.display = None if self.touch and self.touch.ready else "none"

    def _take_file(self) -> None:
        for content in uploaded(self.upload):
            try:
                self.message.value = ""
                self.add_file(content, self.repaint_box.value)
            except (ValueError, OSError) as error:
                self.message.value = complaint(str(error))

    # ------------------------------------------------------------------ the picture

    def _take(self, picture: np.ndarray, same_size: bool = False) -> None:
        dropped = not same_size and (self.hole.marks or self.hole.elsewhere is not None)
        if not same_size:
            self._history = History(Hole(self._middle(picture)))
        super()._take(picture, same_size)
        self._bring_back()
        if dropped:
            self.message.value = notice("The crop has another size: the painted hole is dropped.")

    def _draw(self, region: Region) -> None:
        if region != self.hole.region:
            self._history.put(dataclasses.replace(self.hole, region=region), "region")
        for name, states in (("undo", self._history.past), ("redo", self._history.future)):
            self.buttons[name].disabled = not states
        if self.touch:
            self.touch.outline, self.touch.veil = self.hole.shape, f"{veil_uri(self.mask)}#{self._strokes}"
        super()._draw(region)
        if self.hole is not self._told:
            self._told, self.changes = self.hole, self.changes + 1

    def _shaded(self, region: Region) -> Image.Image:
        mask = Image.fromarray(self.mask).resize(self._small.shape[1::-1], Image.Resampling.NEAREST)
        return veiled(self._small, np.asarray(mask))

    def _first_region(self) -> Region:
        return self._middle(self._picture)

    @staticmethod
    def _middle(picture: np.ndarray) -> Region:
        """The middle, half as wide and high as the crop."""
        height, width = picture.shape[:2]
        return Region(width // 4, height // 4, max(1, width // 2), max(1, height // 2))


def _one_more(before: Hole, hole: Hole) -> bool:
    """Whether a hole is the one before and one mark more."""
    return hole.elsewhere is before.elsewhere and before == dataclasses.replace(hole, marks=hole.marks[:-1])
