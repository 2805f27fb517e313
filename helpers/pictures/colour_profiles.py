"""Colours as their profile means them: a photo's embedded ICC profile is taken into account, and sRGB comes out."""

from __future__ import annotations

import functools
import io
import warnings

import numpy as np
from PIL import Image, ImageCms

# A profile's colour space, and the modes of pictures that it can be for.
MODES = {"RGB": ("RGB", "L"), "GRAY": ("L",), "CMYK": ("CMYK",)}
# Relative colorimetric with black point compensation, as image editors convert: white becomes white, black black.
INTENT, FLAGS = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION


def to_srgb(image: Image.Image, name: str) -> Image.Image:
    """The picture in sRGB, RGB or RGBA, if it has a profile of another colour space; else the picture itself.

    A profile that is damaged, or for another kind of picture, is ignored with a warning, in which the picture is
    called by its name.
    """
    profile = image.info.get("icc_profile")
    if not profile:
        return image
    alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    colours = _without_transparency(image)
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = source.profile.xcolor_space.strip()
        if colours.mode not in MODES.get(space, ()):
            raise ValueError(f"it is for {space or 'no known'} colours, the picture has {colours.mode}")
        if space == "RGB":
            colours = colours.convert("RGB")
            if _is_srgb(profile):
                return image
        converted = _transform(source, colours.mode).apply(colours)
    except (OSError, TypeError, ValueError, ImageCms.PyCMSError) as error:
        warnings.warn(
            f"{name} has a colour profile that cannot be used ({error}); its colours are taken as sRGB.", stacklevel=5
        )
        return image
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


def _without_transparency(image: Image.Image) -> Image.Image:
    """The picture's colours alone, 8 bits a channel, as a profile speaks of them."""
    if image.mode.startswith("I"):  # 16 bits of grey; `load_image` makes 8 of them anyway
        return Image.fromarray(np.rint(np.clip(np.asarray(image), 0, 65535) / 257).astype(np.uint8))
    if image.mode in ("L", "LA", "La", "1"):
        return image.convert("LA").getchannel("L")
    return image if image.mode in ("CMYK", "F") else image.convert("RGB")


def _transform(profile: ImageCms.ImageCmsProfile, mode: str) -> ImageCms.ImageCmsTransform:
    srgb = ImageCms.createProfile("sRGB")
    return ImageCms.buildTransform(profile, srgb, mode, "RGB", INTENT, FLAGS)


@functools.lru_cache(maxsize=16)
def _is_srgb(profile: bytes) -> bool:
    """Whether an RGB profile is sRGB by whatever name: colours from all over the cube stay to 1 of 255."""
    steps = np.arange(0, 256, 17, dtype=np.uint8)
    cube = Image.fromarray(np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(16, 256, 3))
    converted = _transform(ImageCms.ImageCmsProfile(io.BytesIO(profile)), "RGB").apply(cube)
    return int(np.abs(np.asarray(converted, np.int16) - np.asarray(cube)).max()) <= 1
