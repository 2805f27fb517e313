"""Stable Diffusion in Keras: what the notebooks import.

Names are loaded when first used, so that `import helpers` does not wait for TensorFlow.
"""

from __future__ import annotations

import importlib
import importlib.util
import os

if importlib.util.find_spec("openvino"):
    # Read by TensorFlow when it is imported. Where OpenVINO draws, TensorFlow learns, in batches, which oneDNN does a
    # quarter faster; a single picture it draws a tenth slower. Unasked, only newer processors use it.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

__version__ = "0.1.0"

_HOMES = {
    "StableDiffusion": "helpers.stable_diffusion",
    "load_image": "helpers.pictures.loading",
    "save_image": "helpers.recipes.files",
    "read_recipe": "helpers.recipes.files",
    "read_settings": "helpers.recipes.files",
    "strip": "helpers.pictures.strips",
    "Region": "helpers.pictures.regions",
    "crop": "helpers.pictures.regions",
    "make_mask": "helpers.pictures.masks",
    "make_ellipse_mask": "helpers.pictures.masks",
    "read_mask": "helpers.pictures.masks",
    "union": "helpers.pictures.masks",
    "invert": "helpers.pictures.masks",
    "feather": "helpers.pictures.masks",
    "Stroke": "helpers.pictures.holes",
    "Hole": "helpers.pictures.holes",
    "fit": "helpers.pictures.regions",
    "paste": "helpers.pictures.regions",
    "expand": "helpers.pictures.outpainting",
    "resize": "helpers.pictures.regions",
    "CropPicker": "helpers.panels.crop_picker",
    "MaskPicker": "helpers.panels.mask_picker",
    "GenerationStudio": "helpers.panels.generation_studio",
    "InpaintStudio": "helpers.panels.inpainting_studio",
    "TeachingStudio": "helpers.panels.teaching_studio",
}
__all__ = [*_HOMES]


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module 'helpers' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__():
    return [*globals(), *_HOMES]
