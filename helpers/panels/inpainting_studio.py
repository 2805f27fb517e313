"""A panel that repaints a part of a photo: crop, mask, prompt, options, and what came out."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import ipywidgets as widgets
import numpy as np

from helpers.diffusion.samplers import Step
from helpers.panels.crop_picker import CropPicker
from helpers.panels.generation_studio import GenerationStudio
from helpers.panels.mask_picker import MaskPicker
from helpers.pictures.regions import Region, paste
from helpers.pictures.show import data_uri
from helpers.recipe import Recipe


class InpaintStudio(GenerationStudio):
    """The panel; shows itself as the last line of a cell.

    model: repaints by its methods `encode_text`, `denoise_hole`, `decode` and `joined`, as `StableDiffusion` does.
    photo: what `load_image` takes; another can be uploaded or fetched in the panel.
    prompt: what is to be in the hole.
    folder: where Save and Save photo write. Their files say that they are repaintings: the recipe's arguments are those
        of `inpaint`, and the settings tell the crop and the mask, `x_start y_start width height`, and the photo's size.

    `crop_picker` and `mask_picker` hold what is chosen, and can be set. `pictures` are the crops repainted,
    uint8 (N, H, W, 3), and `photos` the whole photos with these in their places, a list of uint8 (H, W, 3).
    """

    def __init__(self, model, photo, prompt: str = "", *, folder: str | Path = "outputs"):
        super().__init__(model, folder=folder)
        self.photos: list[np.ndarray] = []
        self.crop_picker = CropPicker(photo, model.img_width, model.img_height)
        self.mask_picker = MaskPicker(self.crop_picker.cropped)
        self.crop_picker.observe(self._crop_again, "region")
        self.num_resamples = widgets.IntSlider(
            2, 1, 10, description="Resamples", style={"description_width": "6em"}, layout={"width": "24em"}
        )
        self.prompt.value = prompt
        self.prompt.placeholder = "What to put into the hole, and around it"
        self.generate_button.description = "Repaint"
        titled = [
            widgets.VBox([widgets.HTML(f"<b>{title}</b>"), picker])
            for title, picker in (("1. Crop", self.crop_picker), ("2. Mask: the bright part", self.mask_picker))
        ]
        pickers = widgets.HBox(titled, layout={"flex_flow": "row wrap"})
        form = list(self.children)
        form.insert(form.index(self.message) - 1, self.num_resamples)
        self.children = [pickers, widgets.HTML("<b>3. Repaint</b>"), *form]

    def _crop_again(self, _change) -> None:
        self.mask_picker.picture = self.crop_picker.cropped

    @property
    def recipe(self) -> Recipe:
        return dataclasses.replace(super().recipe, num_resamples=self.num_resamples.value)

    @staticmethod
    def _defaults(model):
        return model.checkpoint.repainting

    def _steps(self, context: np.ndarray, recipe: Recipe) -> Iterator[Step]:
        # as they are now: the sliders can be moved while it paints
        self._photo, self._region = self.crop_picker.picture, self.crop_picker.region
        self._crop, self._mask = self.crop_picker.cropped, self.mask_picker.mask
        shape, region, photo = self.mask_picker.shape_box.value, self.mask_picker.region, self._photo
        self._where = {
            "repainting": "crop",
            "crop": _numbers(self._region),
            "photo": f"{photo.shape[1]}x{photo.shape[0]}",
            "mask": f"{shape} {_numbers(region)}",
        }
        self._repainting = {name: getattr(recipe, name) for name in ("strength", "num_resamples", "jump_length")}
        return self.model.denoise_hole(context, self._crop, self._mask, recipe)

    def _finished(self, latent: np.ndarray) -> np.ndarray:
        pictures = self.model.joined(self.model.decode(latent), self._crop, self._mask)
        self.photos = [paste(self._photo, picture, self._region, self._mask) for picture in pictures]
        return pictures

    def save_photo(self, _button=None, photos=None, recipes=None, settings=None) -> list[Path]:
        """Writes the last result's whole photos, or those given, as `save` writes the crops; returns their paths."""
        if photos is None:
            photos, recipes, settings = self.photos or None, self.recipes, self._settings
        return self.save(None, photos, recipes, settings and {**settings, "repainting": "photo"})

    def _hang(self, pictures: np.ndarray) -> None:
        self.recipes = [{**self._repainting, **recipe} for recipe in self.recipes]
        self._settings = {**self._settings, **self._where}
        super()._hang(pictures)
        photos, recipes, settings = self.photos, self.recipes, self._settings
        button = widgets.Button(description="Save photo", icon="save", tooltip="The whole photo, repainted")
        button.on_click(lambda button: self.save_photo(button, photos, recipes, settings))
        row = self.gallery.children[0]
        row.children[0].layout.width = "100%"
        row.layout.flex_flow = "row wrap"
        row.children = (*row.children, button)
        before = (
            '<figure style="display: inline-block; width: 220px; margin: 4px; vertical-align: top">'
            f'<img src="{data_uri(self._crop)}" alt="the crop before" style="width: 100%">'
            "<figcaption>before</figcaption></figure>"
        )
        newest = self.gallery.children[0].children[0]
        newest.value = before + newest.value


def _numbers(region: Region) -> str:
    return f"{region.x_start} {region.y_start} {region.width} {region.height}"
