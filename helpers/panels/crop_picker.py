"""Choosing the part of a photo to work on."""

from __future__ import annotations

import warnings
from html import escape

import ipywidgets as widgets
import numpy as np
from PIL import Image

from helpers.panels.folding import Folding
from helpers.panels.messages import complaint
from helpers.panels.region_sliders import RegionPicker
from helpers.panels.uploads import SHARED_LIMIT, uploaded
from helpers.pictures.loading import load_image
from helpers.pictures.outpainting import surrounded
from helpers.pictures.regions import Region, fit, resize

# The kernel sees nothing of an upload that is too large, so it can only be told beforehand. Jupyter's servers drop
# messages over 10 MB (tornado's limit; `make lab` raises it), Colab's those over 1 MB (ipywidgets' issue 3452).
UPLOAD_HINT = (
    "A large photo can get lost on its way, without a word: over 10 MB, in Colab over 1 MB. "
    "Put the file beside the notebook, in Colab into Files at the left, and enter its name here."
)


class CropPicker(RegionPicker):
    """Chooses the part of a photo to work on.

    photo: what `load_image` takes. Another can be uploaded, or fetched from its path or address in the panel.
    width, height: of the crop that a model wants. The region then keeps these proportions, unless their box is
        unchecked, and `cropped` has this size; a photo smaller than this is enlarged, with a warning. Without
        them `cropped` has the region's own size.
    shared: the panel is a page on a machine that many share, whose files, and what else it can reach, are not
        everybody's: photos are uploaded, up to 50 MB, and nothing is fetched.

    `cropped` is the crop, uint8 (height, width, 3); `picture` the photo; `region` where it lies in it. With `room`
    above 0, per cent of the photo's sides, `picture` is a canvas that goes so far beyond each of the photo's edges;
    `photo` is the photo alone, and `kept` the mask uint8 (height, width) that is 0 where the crop leaves it.
    """

    def __init__(self, photo, width: int | None = None, height: int | None = None, *, shared: bool = False):
        self._most = SHARED_LIMIT if shared else None
        self._size = (width, height) if width and height else None
        self.room = widgets.IntSlider(
            0, 0, 50, 5, description="Room", continuous_update=False, layout={"width": "20em"}
        )
        super().__init__(self._enlarged(load_image(photo)), "The photo")
        self.room.observe(lambda change: self._surround(), "value")
        self.upload = widgets.FileUpload(accept="image/*", multiple=False, description="Your photo")
        self.address = widgets.Text(placeholder="its name, or https://…", layout={"width": "16em"})
        self.fetch_button = widgets.Button(description="Fetch", icon="download", layout={"width": "7em"})
        self.upload.observe(lambda change: self._uploaded(), "value")
        self.fetch_button.on_click(lambda _: self._load(self.address.value.strip()))
        source = [self.upload] if shared else [self.upload, self.address, self.fetch_button]
        hint = f"Up to {SHARED_LIMIT // 1_000_000} MB; it is not kept." if shared else UPLOAD_HINT
        row = widgets.HBox(source, layout={"flex_flow": "row wrap"})
        self.source = Folding("Another photo", [row, widgets.HTML(f"<small>{hint}</small>")])
        told = "Per cent of the photo's sides, to paint on all around it. Then the crop may leave the photo."
        self.beyond = Folding("Beyond the edge", [self.room, widgets.HTML(f"<small>{told}</small>")])
        self.children = [*self.children, self.beyond, self.source]
        self.aspect_box.value = self._size is not None
        if self.touch:
            self.touch.dims = True

    @property
    def cropped(self) -> np.ndarray:
        part = self._picture[self.region.of(len(self._picture))]
        if self._size and part.shape[1::-1] != self._size:
            return resize(np.ascontiguousarray(part), *self._size)
        return part.copy()

    @property
    def kept(self) -> np.ndarray:
        part = self._keep[self.region.of(len(self._keep))]
        if self._size and part.shape[::-1] != self._size:
            # a pixel that is partly beyond the edge is painted
            return np.asarray(Image.fromarray(part * 255).resize(self._size, Image.Resampling.BOX)) // 255
        return part.copy()

    @property
    def finished(self) -> Region:
        """The part of `picture` that holds the photo and the crop, without what room is left around both."""
        keep, region = self._photo_region(), self.region
        x_start, y_start = min(keep.x_start, region.x_start), min(keep.y_start, region.y_start)
        return Region.between(x_start, max(keep.x_end, region.x_end), y_start, max(keep.y_end, region.y_end))

    def _photo_region(self) -> Region:
        height, width = self.photo.shape[:2]
        return Region((self._picture.shape[1] - width) // 2, (len(self._picture) - height) // 2, width, height)

    def _take(self, picture: np.ndarray, same_size: bool = False) -> None:
        self.photo, self._keep = picture, np.ones(picture.shape[:2], np.uint8)
        if self.room.value:
            self.room.value = 0  # which takes the photo
        else:
            super()._take(picture, same_size)

    def _surround(self) -> None:
        """Takes the photo with as much room around it as the slider says."""
        rows, columns = (round(side * self.room.value / 100) for side in self.photo.shape[:2])
        canvas, self._keep = surrounded(self.photo, (rows, rows), (columns, columns))
        super()._take(canvas, same_size=canvas.shape == self._picture.shape)

    def _enlarged(self, photo: np.ndarray) -> np.ndarray:
        return fit(photo, *self._size)[0] if self._size else photo

    def _first_region(self) -> Region:
        height, width = self._picture.shape[:2]
        return fit(self._picture, *self._size)[1] if self._size else Region(0, 0, width, height)

    def _proportions(self) -> float:
        return self._size[0] / self._size[1] if self._size else super()._proportions()

    def _uploaded(self) -> None:
        try:
            files = uploaded(self.upload, self._most)
        except ValueError as error:
            self.message.value = complaint(str(error))
            return
        if files:
            self._load(files[0])

    def _load(self, source) -> None:
        """Takes another photo; what is wrong with it is told in the panel, and the old one stays."""
        self.message.value = ""
        try:
            with warnings.catch_warnings(record=True) as heard:
                warnings.simplefilter("always", UserWarning)
                photo = self._enlarged(load_image(source))
        except (ValueError, OSError) as error:
            self.message.value = complaint(str(error))
            return
        self.message.value = escape(" ".join(str(w.message) for w in heard))
        self.picture = photo
