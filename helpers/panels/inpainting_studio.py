"""A panel that repaints a part of a photo: crop, mask, prompt, options, and what came out."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import ipywidgets as widgets
import numpy as np
from PIL import Image

from helpers.diffusion.samplers import Step
from helpers.panels.crop_picker import CropPicker
from helpers.panels.generation_studio import GenerationStudio, Wish
from helpers.panels.mask_picker import MaskPicker
from helpers.panels.results import Action, Result
from helpers.pictures.holes import Hole
from helpers.pictures.regions import Region, paste
from helpers.pictures.show import with_picture
from helpers.recipes.recipe import Recipe

COLUMNS = {"grid_template_columns": "repeat(auto-fit, minmax(min(100%, 21.5em), 1fr))", "grid_gap": "0 12px"}


@dataclass(frozen=True)
class Repainting(Wish):
    """All that a repainting is made from, as it was when Repaint was pressed."""

    photo: np.ndarray
    room: int
    finished: Region
    region: Region
    crop: np.ndarray
    hole: Hole
    mask: np.ndarray


class InpaintStudio(GenerationStudio):
    """The panel; shows itself as the last line of a cell.

    model: repaints by its methods `encode_text`, `denoise_hole`, `decode` and `joined`, as `StableDiffusion` does.
    photo: what `load_image` takes; another can be uploaded or fetched in the panel.
    prompt: what is to be in the hole.
    folder: where Save and Save photo write; None as of `GenerationStudio`, and photos are then only uploaded. Their
        files say that they are repaintings: the recipe's arguments are those of `inpaint`, and the settings tell the
        crop, `x_start y_start width height`, the photo's size with the room around it, how much room that is, and the
        mask as a `Hole` is written; what lies beyond the photo's edge is repainted too.
    live: as of `GenerationStudio`; crop and mask count as changes too.

    `crop_picker` and `mask_picker` hold what is chosen, and can be set. `pictures` are the crops repainted,
    uint8 (N, H, W, 3), and `photos` the whole photos with these in their places, a list of uint8 (H, W, 3).
    """

    verb = "Repaint"

    def __init__(self, model, photo, prompt: str = "", *, folder: str | Path | None = "outputs", live: bool = False):
        super().__init__(model, folder=folder)
        self.photos: list[np.ndarray] = []
        self._earlier: list[np.ndarray] = []  # photos that others have taken the place of
        self.crop_picker = CropPicker(photo, model.img_width, model.img_height, shared=folder is None)
        self.mask_picker = MaskPicker(self.crop_picker.cropped, self.crop_picker.kept)
        self.crop_picker.observe(self._crop_again, ["region", "taken"])
        self.crop_picker.room.observe(self._room_again, "value")
        self.back_button = widgets.Button(
            description="Photo before", icon="arrow-left", tooltip="The photo that this one came from", disabled=True
        )
        self.back_button.on_click(self._back)
        self.crop_picker.children = [*self.crop_picker.children, self.back_button]
        self.num_resamples = widgets.IntSlider(
            2, 1, 10, description="Resamples", style={"description_width": "6em"}, layout={"width": "22em"}
        )
        if model.checkpoint.inpaints:  # it does not resample
            self.num_resamples.value, self.num_resamples.disabled = 1, True
        self.options.content.children = [*self.options.content.children, self.num_resamples]
        self.prompt.value = prompt
        self.prompt.placeholder = "What to put into the hole, and around it"
        titled = [
            widgets.VBox([widgets.HTML(f"<b>{title}</b>"), *parts])
            for title, parts in (
                ("1. Crop", [self.crop_picker]),
                ("2. Mask: what is under the veil is repainted", [self.mask_picker]),
                ("3. Repaint", [self.form, self.results]),
            )
        ]
        self.children = [widgets.GridBox(titled, layout=COLUMNS)]
        self.num_resamples.observe(self._changed, "value")
        self.crop_picker.observe(self._changed, ["region", "taken"])
        self.mask_picker.observe(self._changed, "changes")
        if live:
            self._go_live()

    @property
    def recipe(self) -> Recipe:
        return dataclasses.replace(super().recipe, num_resamples=self.num_resamples.value)

    def save_photo(self, _button=None, result: Result | None = None) -> list[Path]:
        """Writes the last result's whole photos, or those given, as `save` writes the crops; returns their paths."""
        result = result or self._last
        return self._write(result, result and result.photos, repainting="photo")

    def use_as_photo(self, result: Result, number: int = 0) -> None:
        """Goes on from a result: its whole photo becomes the one to work on, with the same crop and hole."""
        self._earlier.append(self.crop_picker.photo)
        self._photo(result.photos[number])
        self._tell("The next repainting starts from this one.")

    def keep(self, result: Result) -> None:
        """Puts a result's settings back, its crop and hole too where the photo holds them."""
        super().keep(result)
        self.crop_picker.room.value = result.wish.room
        if result.wish.photo.shape == self.crop_picker.picture.shape:
            self.crop_picker.region = result.wish.region
        self.mask_picker.hole = result.wish.hole
        self._tell("The form, crop and hole are again what made this.")

    def _repr_mimebundle_(self, **options):
        # on a page without widgets, crop, mask and what came out are seen
        images = [self.crop_picker.plain_picture(), self.mask_picker.plain_picture()]
        if self.pictures is not None:
            images.append(Image.fromarray(self.pictures[0]).resize(images[1].size))
        width, height = sum(each.width + 16 for each in images), max(each.height for each in images)
        sheet = Image.new("RGB", (width, height), "white")
        for number, each in enumerate(images):
            sheet.paste(each, (sum(before.width + 16 for before in images[:number]), 0))
        alt = "The panel: the photo with its crop; the crop with its hole under a veil; what came out"
        return with_picture(super()._repr_mimebundle_(**options), sheet, alt)

    # ------------------------------------------------------------------ crop and photo

    def _crop_again(self, _change) -> None:
        self.mask_picker.kept = self.crop_picker.kept
        self.mask_picker.picture = self.crop_picker.cropped

    def _room_again(self, change) -> None:
        if not change.old:  # the room is what is to be painted first
            self.mask_picker.clear()

    def _back(self, _button) -> None:
        self._photo(self._earlier.pop())

    def _photo(self, photo: np.ndarray) -> None:
        self.crop_picker.picture = photo
        self.back_button.disabled = not self._earlier

    # ------------------------------------------------------------------ drawing

    def _go_live(self) -> None:
        self.num_resamples.value = 1
        super()._go_live()

    @staticmethod
    def _defaults(model):
        return model.checkpoint.repainting

    def _take(self, recipe: Recipe) -> None:
        super()._take(recipe)
        self.num_resamples.value = recipe.num_resamples

    def _wish(self) -> Repainting:
        crop, mask = self.crop_picker, self.mask_picker
        wish = Repainting(
            self.recipe, crop.picture, crop.room.value, crop.finished, crop.region, crop.cropped, mask.hole, mask.mask
        )
        if wish.mask.all():
            raise ValueError("Nothing is to be repainted: choose a rectangle or ellipse, or paint over what should go.")
        if not wish.mask.any():
            raise ValueError("All is to be repainted: leave a part of the crop, or draw a new one by text_to_image.")
        return wish

    def _steps(self, context: np.ndarray, wish: Wish) -> Iterator[Step]:
        assert isinstance(wish, Repainting)
        return self.model.denoise_hole(context, wish.crop, wish.mask, wish.recipe)

    def _result(self, latent: np.ndarray, wish: Wish, recipes: list[dict]) -> Result:
        assert isinstance(wish, Repainting)
        pictures = self.model.joined(self.model.decode(latent), wish.crop, wish.mask)
        part = wish.finished.of(len(wish.photo))
        self.photos = [paste(wish.photo, picture, wish.region, wish.mask)[part] for picture in pictures]
        options = {name: getattr(wish.recipe, name) for name in ("strength", "num_resamples", "jump_length")}
        region = wish.region
        settings = {
            **self.model.settings,
            "repainting": "crop",
            "crop": f"{region.x_start} {region.y_start} {region.width} {region.height}",
            "photo": f"{wish.photo.shape[1]}x{wish.photo.shape[0]}",
            "room": f"{wish.room} %",
            "mask": str(wish.hole),
        }
        recipes = [{**options, **recipe} for recipe in recipes]
        return Result(pictures, recipes, settings, wish, wish.crop, wish.photo[part], self.photos)

    def _save_photo(self, result: Result, _number: int) -> None:
        self.save_photo(None, result)

    def _actions(self) -> list[Action]:
        save, keep = super()._actions()
        return [
            save,
            Action(f"{save.description} photo", save.icon, "The whole photo, repainted", self._save_photo),
            Action("Use as photo", "arrow-right", "The next repainting starts from it", self.use_as_photo),
            keep,
        ]
