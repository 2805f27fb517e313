"""Parts of a picture, measured in pixels from its bottom-left corner, and masks: 1 keeps, 0 is repainted.

This is the one place that knows that arrays count their rows from the top.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from helpers.checks import whole_number
from helpers.images import load_image


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


def make_mask(shape: tuple[int, ...], x_start: int, x_end: int, y_start: int, y_end: int) -> np.ndarray:
    """A mask uint8 (H, W) for a picture of this shape (H, W, …): 0 inside the rectangle, to be repainted; else 1.

    The rectangle goes from x_start up to x_end, pixels from the left, and from y_start up to y_end, from the bottom.
    Raises ValueError for one that is empty or leaves the picture.
    """
    mask = np.ones(shape[:2], np.uint8)
    mask[Region.between(x_start, x_end, y_start, y_end).inside(shape).of(shape[0])] = 0
    return mask


def make_ellipse_mask(shape: tuple[int, ...], x_start: int, x_end: int, y_start: int, y_end: int) -> np.ndarray:
    """As `make_mask`, with the ellipse that touches the rectangle's four sides."""
    region = Region.between(x_start, x_end, y_start, y_end).inside(shape)
    mask = Image.new("L", (shape[1], shape[0]), 1)
    rows, columns = region.of(shape[0])
    ImageDraw.Draw(mask).ellipse((columns.start, rows.start, columns.stop - 1, rows.stop - 1), fill=0)
    return np.array(mask)


def checked_mask(mask, shape: tuple[int, ...]) -> np.ndarray:
    """The mask as uint8 (H, W), 0 or 1; booleans and 0/255 are understood, and a leading axis of 1.

    Raises ValueError for a size other than the picture's shape (H, W, …), and for other values.
    """
    mask = np.asarray(mask)
    mask = mask[0] if mask.ndim == 3 and len(mask) == 1 else mask
    if mask.shape != tuple(shape[:2]):
        raise ValueError(
            f"The mask has the shape {mask.shape}, expected the picture's height and width, {tuple(shape[:2])}."
        )
    values = np.unique(mask)
    if not (np.isin(values, (0, 1)).all() or np.isin(values, (0, 255)).all()):
        raise ValueError(
            f"The mask holds values from {values[0]} to {values[-1]}; expected 1 (keep) and 0 (repaint): mask > 127."
        )
    return (mask > 0).astype(np.uint8)


def union(*masks: np.ndarray) -> np.ndarray:
    """The mask that repaints whatever one of the masks repaints."""
    return np.minimum.reduce(masks)


def invert(mask: np.ndarray) -> np.ndarray:
    """The mask (H, W) that keeps what this one repaints."""
    return 1 - mask


def feather(mask: np.ndarray, pixels: int) -> np.ndarray:
    """A mask (H, W) with a soft edge, float32: 1 where the mask keeps, falling to 0 over `pixels` inside the hole.

    A hole narrower than the edge gets a narrower edge, so that its middle is still 0.
    """
    hole = Image.fromarray(1 - mask.astype(np.uint8))
    depth = np.zeros(mask.shape, np.float32)
    for _ in range(whole_number("pixels", pixels, 0) + 1):
        depth += hole
        hole = hole.filter(ImageFilter.MinFilter(3))
    return 1 - depth / max(1, depth.max())


def read_mask(source, shape: tuple[int, ...], *, repaint: str) -> np.ndarray:
    """A mask uint8 (H, W) from a black and white picture, whatever `load_image` takes.

    shape: (H, W, …) of the picture that it is for.
    repaint: "black" or "white", what the mask's painter meant to be repainted; programs differ.

    Warns when nearly everything is kept or repainted. Raises ValueError for another size or another `repaint`.
    """
    if repaint not in ("black", "white"):
        raise ValueError(f"repaint must be 'black' or 'white', got {repaint!r}.")
    grey = load_image(source).mean(axis=2)
    if grey.shape != tuple(shape[:2]):
        raise ValueError(
            f"The mask is {grey.shape[1]} × {grey.shape[0]} pixels, the picture {shape[1]} × {shape[0]}; resize one."
        )
    mask = ((grey >= 128) == (repaint == "black")).astype(np.uint8)
    if not 0.02 < mask.mean() < 0.98:
        other = "white" if repaint == "black" else "black"
        warnings.warn(
            f"This mask {'keeps' if mask.mean() > 0.5 else 'repaints'} nearly everything; if it is the wrong way "
            f"round, say repaint={other!r}.",
            stacklevel=2,
        )
    return mask


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
            mask = Image.fromarray(mask.astype(np.float32)).resize((region.width, region.height), Image.BILINEAR)
            mask = np.asarray(mask)
    result = photo.copy()
    part = result[region.of(len(photo))]
    if mask is None:
        part[:] = picture
    else:
        keep = mask[:, :, None].astype(np.float32)
        mixed = np.rint(keep * part + (1 - keep) * picture).astype(np.uint8)
        part[:] = np.where(keep == 1, part, mixed)
    return result
