"""A picture with a region in it, to be dragged, and sliders beside it: what all choosing of regions begins with."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from html import escape

import ipywidgets as widgets
import numpy as np
import traitlets
from PIL import Image, ImageDraw

from helpers.panels.folding import Folding
from helpers.panels.nearest_region import nearest_region
from helpers.panels.touchable import touchable
from helpers.pictures.regions import Region
from helpers.pictures.show import data_uri, with_picture

PREVIEW = 300  # pixels of the screen, of the longer side
SLIDER = 32  # and of a slider's shorter one
STAND_IN = "Where the picture cannot be touched, the sliders do the same."


class RegionPicker(widgets.VBox):
    """A picture with a region outlined in it, which can be dragged by its inside and its corners.

    At its left and under it lie range sliders: the vertical one starts at the bottom, as `Region` does. Number
    boxes are tied to them, and whatever is entered becomes a possible region of at least `least` pixels a side.
    Where a browser does not load what makes the picture touchable, a plain one stands in.

    picture: uint8 (H, W, 3). Another one can be set; the region stays if it has the same size.
    region: the region chosen. It can be set as well (ValueError if it leaves the picture), and observed, as
        every trait: `picker.observe(function, "region")`.
    """

    children: Sequence[widgets.Widget]  # VBox's trait
    region = traitlets.Instance(Region)
    taken = traitlets.Int(0)  # how many pictures were set, to be observed
    least = 8

    def __init__(self, picture: np.ndarray, what: str):
        self._picture, self._what, self._setting = picture, what, False
        self.touch = touchable(what, longest=PREVIEW, least=self.least)
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
        self.preview.add_class("region-stand-in")
        self.screen = widgets.VBox([self.preview])
        self.screen.add_class("region-screen")
        if self.touch:
            self.screen.children = [self.preview, self.touch]
            self.touch.observe(lambda change: self._dragged(change.new), "frame")
        self.numbers = Folding("Numbers", [*boxes, self.aspect_box])
        self.stage = widgets.VBox(
            [
                widgets.HBox([self.y, self.screen]),
                widgets.HBox([self.x], layout={"padding": f"0 0 0 {SLIDER}px"}),
            ]
        )
        super().__init__([self.stage, self.reset_button, self.message, self.numbers])
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
        if self.touch:  # twice as fine, for screens that show it
            image = Image.fromarray(picture)
            image.thumbnail((2 * PREVIEW, 2 * PREVIEW), reducing_gap=2.0)
            self.touch.size, self.touch.picture = [width, height], data_uri(image)
        self.x.layout = {"width": f"{shown[0] + 16}px"}
        self.y.layout = {"height": f"{shown[1] + 16}px", "width": f"{SLIDER}px"}
        if not same_size:
            self.region = self._first_region()
        self._show(self.region)
        self.taken += 1

    def _repr_mimebundle_(self, **options):
        # on a page without widgets, say of a notebook on the web, the preview is seen
        return with_picture(super()._repr_mimebundle_(**options), self.plain_picture(), self._alt(self.region))

    def plain_picture(self) -> Image.Image:
        """The picture as it is seen where it cannot be touched."""
        image, (rows, columns) = self._shaded(self.region), self._on_screen(self.region)
        ImageDraw.Draw(image).rectangle(
            (columns.start, rows.start, max(columns.start, columns.stop - 1), max(rows.start, rows.stop - 1)),
            outline="#ff2d95",
            width=3,
        )
        return image

    # ------------------------------------------------------------------ from the controls to the region

    def _dragged(self, frame: list[int]) -> None:
        """Takes the frame as somebody has dragged it, or puts it back where it cannot be."""
        if self._setting:
            return
        with contextlib.suppress(TypeError, ValueError):  # TypeError: not four numbers
            self.region = Region(*frame)
        self._show(self.region)

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
        """Brings the preview, then the controls and their limits, to the region: the hand waits for the preview."""
        self._draw(region)
        height, width = self._picture.shape[:2]
        least_x, least_y = min(self.least, width), min(self.least, height)
        self._setting = True
        for slider, ends, length in (
            (self.x, (region.x_start, region.x_end), width),
            (self.y, (region.y_start, region.y_end), height),
        ):
            # one after the other: a browser that is told both at once may hold the ends to the old length, and say so
            slider.max = max(slider.max, length)
            slider.value = ends
            slider.max = length
        self._setting = False
        for control, low, value, high in (
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

    def _draw(self, region: Region) -> None:
        if self.touch:
            self._setting = True
            with self.touch.hold_sync():
                self.touch.frame = [region.x_start, region.y_start, region.width, region.height]
                self.touch.ratio = self._proportions() if self.aspect_box.value else 0
            self._setting = False
            if self.touch.ready:
                return
        image = f'<img src="{data_uri(self.plain_picture())}" alt="{escape(self._alt(region))}"'
        self.preview.value = f'{image} style="max-width: none; margin: 8px 0"><br><small>{STAND_IN}</small>'

    def _alt(self, region: Region) -> str:
        return (
            f"{self._what} of {self._picture.shape[1]} × {self._picture.shape[0]} pixels; chosen is x {region.x_start} "
            f"to {region.x_end}, y {region.y_start} to {region.y_end}"
        )

    def _on_screen(self, region: Region) -> tuple[slice, slice]:
        """The region's rows and columns in the small picture."""
        spans = region.of(self._picture.shape[0])
        rows, columns = (slice(round(each.start * self._scale), round(each.stop * self._scale)) for each in spans)
        return rows, columns

    def _shaded(self, region: Region) -> Image.Image:
        """The small picture, dimmed outside the region."""
        spot = self._on_screen(region)
        shown = (self._small // 3 + 16).astype(np.uint8)
        shown[spot] = self._small[spot]
        return Image.fromarray(shown)
