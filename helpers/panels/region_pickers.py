"""Choosing a part of a photo: what to crop, what to mask."""

from __future__ import annotations

import warnings
from html import escape

import ipywidgets as widgets
import numpy as np

from helpers.panels.region_sliders import RegionPicker
from helpers.pictures.loading import load_image
from helpers.pictures.masks import make_ellipse_mask, make_mask
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

    `cropped` is the crop, uint8 (height, width, 3); `picture` the photo; `region` where it lies in it.
    """

    def __init__(self, photo, width: int | None = None, height: int | None = None):
        self._size = (width, height) if width and height else None
        super().__init__(self._enlarged(load_image(photo)), "The photo")
        self.upload = widgets.FileUpload(accept="image/*", multiple=False, description="Your photo")
        self.address = widgets.Text(placeholder="its name, or https://…", layout={"width": "16em"})
        self.fetch_button = widgets.Button(description="Fetch", icon="download", layout={"width": "7em"})
        self.upload.observe(lambda change: self._uploaded(), "value")
        self.fetch_button.on_click(lambda _: self._load(self.address.value.strip()))
        source = widgets.HBox([self.upload, self.address, self.fetch_button])
        self.children = [source, widgets.HTML(f"<small>{UPLOAD_HINT}</small>"), *self.children]
        self.aspect_box.value = self._size is not None

    @property
    def cropped(self) -> np.ndarray:
        part = self._picture[self.region.of(len(self._picture))]
        if self._size and part.shape[1::-1] != self._size:
            return resize(np.ascontiguousarray(part), *self._size)
        return part.copy()

    def _enlarged(self, photo: np.ndarray) -> np.ndarray:
        return fit(photo, *self._size)[0] if self._size else photo

    def _first_region(self) -> Region:
        height, width = self._picture.shape[:2]
        return fit(self._picture, *self._size)[1] if self._size else Region(0, 0, width, height)

    def _proportions(self) -> float:
        return self._size[0] / self._size[1] if self._size else super()._proportions()

    def _uploaded(self) -> None:
        files = self.upload.value
        if files:
            # a dict by name in ipywidgets 7, a tuple in 8
            file = next(iter(files.values())) if isinstance(files, dict) else files[0]
            self._load(bytes(file["content"]))

    def _load(self, source) -> None:
        """Takes another photo; what is wrong with it is told in the panel, and the old one stays."""
        self.message.value = ""
        try:
            with warnings.catch_warnings(record=True) as heard:
                warnings.simplefilter("always", UserWarning)
                photo = self._enlarged(load_image(source))
        except (ValueError, OSError) as error:
            self.message.value = f'<b role="alert" style="color: #b00020">{escape(str(error))}</b>'
            return
        self.message.value = escape(" ".join(str(w.message) for w in heard))
        self.picture = photo


class MaskPicker(RegionPicker):
    """Chooses the hole in a crop, which is to be repainted.

    crop: uint8 (H, W, 3), for instance a `CropPicker`'s `cropped`.

    `mask` is uint8 (H, W), 0 in the hole and 1 elsewhere; `region` the hole's rectangle, in which it is an
    ellipse where that is chosen.
    """

    def __init__(self, crop: np.ndarray):
        self.shape_box = widgets.ToggleButtons(options=["rectangle", "ellipse"], style={"button_width": "7em"})
        super().__init__(crop, "The crop")
        self.children = [*self.children, self.shape_box]
        self.shape_box.observe(lambda change: self._draw(self.region), "value")

    @property
    def mask(self) -> np.ndarray:
        region = self.region
        make = make_mask if self.shape_box.value == "rectangle" else make_ellipse_mask
        return make(self._picture.shape, region.x_start, region.x_end, region.y_start, region.y_end)

    def _first_region(self) -> Region:
        """The middle, half as wide and high as the crop."""
        height, width = self._picture.shape[:2]
        return Region(width // 4, height // 4, max(1, width // 2), max(1, height // 2))
