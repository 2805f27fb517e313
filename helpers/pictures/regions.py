"""Parts of a picture, measured in pixels from its bottom-left corner.

This is the one place that knows that arrays count their rows from the top.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image

from helpers.validation import whole_number


@dataclass(frozen=True)
class Region:
    """A rectangle of `width` × `height` pixels whose bottom-left corner is `x_start` from the left, `y_start` up.

    Raises ValueError for a number that is not whole, a start below 0, a width or height below 1.
    """

    x_start: int
    y_start: int
    width: int
    height: int

    def __post_init__(self):
        for name, least in (("x_start", 0), ("y_start", 0), ("width", 1), ("height", 1)):
            object.__setattr__(self, name, whole_number(name, getattr(self, name), least))

    @classmethod
    def between(cls, x_start: int, x_end: int, y_start: int, y_end: int) -> Region:
        """From x_start up to, without, x_end, and so for y; raises ValueError for an end not past its start."""
        for name, start, end in (("x", x_start, x_end), ("y", y_start, y_end)):
            whole_number(f"{name}_start", start, 0)
            if whole_number(f"{name}_end", end, 0) <= start:
                raise ValueError(
                    f"{name}_end={end} is not past {name}_start={start}, so the region is empty; swap or move them."
                )
        return cls(x_start, y_start, x_end - x_start, y_end - y_start)

    @classmethod
    def from_top_left(cls, left: int, top: int, width: int, height: int, picture_height: int) -> Region:
        """The region whose top-left corner is `left`, `top` in a picture counted from above, as in other programs."""
        return cls(left, picture_height - top - height, width, height)

    @property
    def x_end(self) -> int:
        return self.x_start + self.width

    @property
    def y_end(self) -> int:
        return self.y_start + self.height

    def of(self, picture_height: int) -> tuple[slice, slice]:
        """Its rows and columns: `picture[region.of(len(picture))]`."""
        return slice(picture_height - self.y_end, picture_height - self.y_start), slice(self.x_start, self.x_end)

    def inside(self, shape: tuple[int, ...]) -> Region:
        """The region itself; raises ValueError unless a picture of this shape (H, W, …) holds all of it."""
        height, width = shape[:2]
        if self.x_end > width or self.y_end > height:
            raise ValueError(
                f"The region x {self.x_start} to {self.x_end}, y {self.y_start} to {self.y_end} leaves the picture, "
                f"which is {width} wide and {height} high; make it smaller or move it."
            )
        return self


def crop(picture: np.ndarray, x_start: int, y_start: int, width: int, height: int) -> np.ndarray:
    """A copy of the part of a picture (H, W, …): (height, width, …).

    x_start, y_start: its bottom-left corner, in pixels from the picture's bottom-left corner.
    Raises ValueError for a region that is empty or leaves the picture.
    """
    region = Region(x_start, y_start, width, height).inside(picture.shape)
    return picture[region.of(len(picture))].copy()


def resize(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """The picture uint8 (H, W, 3) at another size, with Lanczos's filter."""
    return np.array(Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS))


def fit(photo: np.ndarray, width: int, height: int) -> tuple[np.ndarray, Region]:
    """The photo, and the largest region in its middle that has the proportions width : height.

    A photo uint8 (H, W, 3) that is smaller than width × height is enlarged until it holds that, with a warning.
    """
    whole_number("width", width, 1), whole_number("height", height, 1)
    enlarge = max(width / photo.shape[1], height / photo.shape[0])
    if enlarge > 1:
        size = max(width, round(photo.shape[1] * enlarge)), max(height, round(photo.shape[0] * enlarge))
        warnings.warn(
            f"The photo is {photo.shape[1]} × {photo.shape[0]} pixels, less than the {width} × {height} of the crop; "
            f"enlarged to {size[0]} × {size[1]}.",
            stacklevel=2,
        )
        photo = resize(photo, *size)
    scale = min(photo.shape[1] / width, photo.shape[0] / height)
    wide, high = int(width * scale), int(height * scale)
    return photo, Region((photo.shape[1] - wide) // 2, (photo.shape[0] - high) // 2, wide, high)


def paste(photo: np.ndarray, picture: np.ndarray, region: Region, mask: np.ndarray | None = None) -> np.ndarray:
    """A copy of the photo uint8 (H, W, 3) with the picture put where the region is, at the region's size.

    mask: (h, w) of the picture; where it is 1 the photo stays as it is, where it is 0 the picture comes, and
        between the two (`feather`) they are mixed. None: the picture comes everywhere.
    Raises ValueError for a region that leaves the photo, or a mask of another size than the picture's.
    """
    region.inside(photo.shape)
    if mask is not None and mask.shape != picture.shape[:2]:
        raise ValueError(f"The mask has the shape {mask.shape}, the picture {picture.shape[:2]}; they must agree.")
    if picture.shape[:2] != (region.height, region.width):
        picture = resize(picture, region.width, region.height)
        if mask is not None:
            # linear, because other filters would make waves on the kept side of a sharp edge
            soft = Image.fromarray(mask.astype(np.float32))
            mask = np.asarray(soft.resize((region.width, region.height), Image.Resampling.BILINEAR))
    result = photo.copy()
    part = result[region.of(len(photo))]
    if mask is None:
        part[:] = picture
    else:
        keep = mask[:, :, None].astype(np.float32)
        mixed = np.rint(keep * part + (1 - keep) * picture).astype(np.uint8)
        part[:] = np.where(keep == 1, part, mixed)
    return result
