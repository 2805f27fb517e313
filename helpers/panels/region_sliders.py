"""A picture with sliders beside it and a region outlined in it: what all choosing of regions begins with."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import ipywidgets as widgets
import numpy as np
import traitlets
from PIL import Image, ImageDraw

from helpers.panels.nearest_region import nearest_region
from helpers.pictures.regions import Region
from helpers.pictures.show import data_uri

PREVIEW = 360  # pixels of the screen, of the longer side
SLIDER = 32  # and of a slider's shorter one


class RegionPicker(widgets.VBox):
    """A picture with a region outlined in it, and the rest dimmed.

    At its left and under it lie range sliders: the vertical one starts at the bottom, as `Region` does. Number
    boxes are tied to them, and whatever is entered becomes a possible region of at least `least` pixels a side.

    picture: uint8 (H, W, 3). Another one can be set; the region stays if it has the same size.
    region: the region chosen. It can be set as well (ValueError if it leaves the picture), and observed, as
        every trait: `picker.observe(function, "region")`.
    """

    children: Sequence[widgets.Widget]  # VBox's trait
    region = traitlets.Instance(Region)
    least = 8

    def __init__(self, picture: np.ndarray, what: str):
        self._picture, self._what, self._setting = picture, what, False
        self.x = widgets.IntRangeSlider(readout=False)
        self.y = widgets.IntRangeSlider(readout=False, orientation="vertical")
        self.preview = widgets.HTML()
        self.boxes = {
            name: widgets.BoundedIntText(description=name, layout={"width": "11em"}, style={"description_width": "4em"})
            for name in ("x_start", "x_end", "y_start", "y_end")
        }
        self.aspect_box = widgets.Checkbox(False, description="Keep proportions", indent=False)
        self.reset_button = widgets.Button(description="Reset", icon="undo", layout={"width": "8em"})
        self.message = widgets.HTML()
        self.reset_button.on_click(lambda _: self.reset())
        self.aspect_box.observe(lambda change: self._propose("x", *self.x.value), "value")
        self.x.observe(lambda change: self._propose("x", *change.new), "value")
        self.y.observe(lambda change: self._propose("y", *change.new), "value")
        for name, box in self.boxes.items():
            box.observe(lambda change, name=name: self._propose_number(name, change.new), "value")
        boxes = [widgets.HBox([self.boxes[f"{axis}_start"], self.boxes[f"{axis}_end"]]) for axis in "xy"]
        screen = [
            widgets.HBox([self.y, self.preview]),
            widgets.HBox([self.x], layout={"padding": f"0 0 0 {SLIDER}px"}),
            *boxes,
            widgets.HBox([self.aspect_box, self.reset_button]),
            self.message,
        ]
        super().__init__(screen)
        self._take(picture)

    # ------------------------------------------------------------------ the picture and its first region

    @property
    def picture(self) -> np.ndarray:
        return self._picture

    @picture.setter
    def picture(self, picture: np.ndarray) -> None:
        self._take(picture, same_size=picture.shape == self._picture.shape)

    def reset(self) -> None:
        """Chooses the region that there was at the beginning."""
        self.region = self._first_region()

    def _first_region(self) -> Region:
        raise NotImplementedError

    def _proportions(self) -> float:
        """Width by height, to be kept while the box says so."""
        return self.region.width / self.region.height

    def _take(self, picture: np.ndarray, same_size: bool = False) -> None:
        self._picture = picture
        height, width = picture.shape[:2]
        self._scale = PREVIEW / max(height, width)
        shown = max(1, round(width * self._scale)), max(1, round(height * self._scale))
        # made small once, so that a redraw costs the same for every photo
        self._small = np.asarray(Image.fromarray(picture).resize(shown, Image.Resampling.BICUBIC, reducing_gap=2.0))
        self._dim = (self._small // 3 + 16).astype(np.uint8)
        self.x.layout = {"width": f"{shown[0] + 16}px"}
        self.y.layout = {"height": f"{shown[1] + 16}px", "width": f"{SLIDER}px"}
        if not same_size:
            self.reset()
        self._show(self.region)

    def _repr_mimebundle_(self, **options):
        # on a page without widgets, say of a notebook on the web, the preview is seen
        return {**super()._repr_mimebundle_(**options), "text/html": self.preview.value}

    # ------------------------------------------------------------------ from the controls to the region

    def _propose_number(self, name: str, value: int) -> None:
        axis, side = name.split("_")
        start, end = getattr(self, axis).value
        self._propose(axis, *((value, end) if side == "start" else (start, value)))

    def _propose(self, axis: str, start: int, end: int) -> None:
        """Takes what a control says as nearly as a possible region can."""
        if self._setting:
            return
        proportions = self._proportions() if self.aspect_box.value else None
        region = nearest_region(self.region, self._picture.shape, axis, start, end, self.least, proportions)
        if region == self.region:
            self._show(region)  # puts back a control that asked for the impossible
        else:
            self.region = region

    @traitlets.validate("region")
    def _inside(self, proposal) -> Region:
        return proposal.value.inside(self._picture.shape)

    @traitlets.observe("region")
    def _follow(self, change) -> None:
        self._show(change.new)

    def _show(self, region: Region) -> None:
        """Brings the controls, their limits and the preview to the region."""
        height, width = self._picture.shape[:2]
        least_x, least_y = min(self.least, width), min(self.least, height)
        for control, low, value, high in (
            (self.x, 0, (region.x_start, region.x_end), width),
            (self.y, 0, (region.y_start, region.y_end), height),
            (self.boxes["x_start"], 0, region.x_start, region.x_end - least_x),
            (self.boxes["x_end"], region.x_start + least_x, region.x_end, width),
            (self.boxes["y_start"], 0, region.y_start, region.y_end - least_y),
            (self.boxes["y_end"], region.y_start + least_y, region.y_end, height),
        ):
            self._setting = True
            # all three at once, so that none of them is held to an old limit of the others
            with control.hold_sync(), control.hold_trait_notifications():
                control.min, control.max, control.value = low, high, value
            self._setting = False
        self._draw(region)

    def _draw(self, region: Region) -> None:
        rows, columns = region.of(self._picture.shape[0])
        left, right = (round(x * self._scale) for x in (columns.start, columns.stop))
        top, bottom = (round(y * self._scale) for y in (rows.start, rows.stop))
        shown = self._dim.copy()
        shown[top:bottom, left:right] = self._small[top:bottom, left:right]
        image = Image.fromarray(shown)
        ImageDraw.Draw(image).rectangle(
            (left, top, max(left, right - 1), max(top, bottom - 1)), outline="#ff2d95", width=3
        )
        alt = (
            f"{self._what} of {self._picture.shape[1]} × {self._picture.shape[0]} pixels; chosen is x {region.x_start} "
            f"to {region.x_end}, y {region.y_start} to {region.y_end}"
        )
        self.preview.value = f'<img src="{data_uri(image)}" alt="{escape(alt)}" style="max-width: none; margin: 8px 0">'
