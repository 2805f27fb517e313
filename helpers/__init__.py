"""Stable Diffusion in Keras: what the notebooks import.

Names are loaded when first used, so that `import helpers` does not wait for TensorFlow.
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

_HOMES = {
    "StableDiffusion": "helpers.stable_diffusion",
    "load_image": "helpers.images",
    "save_image": "helpers.images",
    "read_recipe": "helpers.images",
    "read_settings": "helpers.images",
    "strip": "helpers.images",
    "Region": "helpers.regions",
    "crop": "helpers.regions",
    "make_mask": "helpers.regions",
    "make_ellipse_mask": "helpers.regions",
    "read_mask": "helpers.regions",
    "union": "helpers.regions",
    "invert": "helpers.regions",
    "feather": "helpers.regions",
    "fit": "helpers.regions",
    "paste": "helpers.regions",
    "resize": "helpers.regions",
    "CropPicker": "helpers.widgets",
    "MaskPicker": "helpers.widgets",
    "GenerationStudio": "helpers.studio",
    "InpaintStudio": "helpers.inpaint_studio",
}
__all__ = [*_HOMES]


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module 'helpers' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__():
    return [*globals(), *_HOMES]
