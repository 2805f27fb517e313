"""Masks: rectangles, ellipses, soft edges, and those painted elsewhere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from helpers import Region, feather, invert, make_ellipse_mask, make_mask, read_mask, union
from helpers.pictures.masks import checked_mask, checked_masks


def photo_of(height, width):
    """A photo of which every pixel says where it is, counted from the bottom-left corner."""
    y, x = np.mgrid[height - 1 : -1 : -1, 0:width]
    return np.stack([x, y, (x * 7 + y * 13) % 256], axis=-1).astype(np.uint8)


@st.composite
def photo_and_region(draw):
    width, height = draw(st.integers(1, 60)), draw(st.integers(1, 60))
    x_start, y_start = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    region = Region(x_start, y_start, draw(st.integers(1, width - x_start)), draw(st.integers(1, height - y_start)))
    return photo_of(height, width), region


def test_masks_are_understood_in_every_usual_form(tmp_path):
    mask = make_mask((6, 8), 2, 5, 1, 3)
    picture = Image.fromarray(mask * 255)
    picture.save(tmp_path / "mask.png")
    Image.fromarray(mask).save(tmp_path / "as_it_is.png")
    forms = [mask, mask.astype(bool), mask * 255, mask.astype(float), mask[None], mask.tolist()]
    forms += [mask[..., None], mask[None, ..., None], np.dstack([mask * 255] * 3), mask.astype("u2"), -mask + 2 * mask]
    forms += [picture, picture.convert("1"), picture.convert("RGB"), Image.fromarray(mask)]
    forms += [tmp_path / "mask.png", str(tmp_path / "mask.png"), tmp_path / "as_it_is.png"]
    for form in forms:
        again = checked_mask(form, (6, 8, 3))
        np.testing.assert_array_equal(again, mask)
        assert again.dtype == np.uint8


def test_a_batch_of_masks():
    masks = np.stack([make_mask((6, 8), 2, 5, 1, 3), make_mask((6, 8), 0, 1, 0, 1)])
    for form in (masks, masks[..., None], list(masks), masks * 255.0):
        np.testing.assert_array_equal(checked_masks(form, (6, 8, 3)), masks)
    with pytest.raises(ValueError, match="2 masks were given for one picture"):
        checked_mask(masks, (6, 8, 3))
    coloured = np.stack([masks[0], masks[1], masks[0]], axis=-1)
    for wrong in (coloured, masks[:0], masks[..., :7], np.ones((2, 2, 6, 8))):
        with pytest.raises(ValueError, match=r"The mask has the shape .*, expected .*\(6, 8\)"):
            checked_masks(wrong, (6, 8, 3))


def test_what_was_erased_is_repainted(tmp_path):
    """A sky brighter than the threshold beside the hole, as in a photo with a part erased."""
    photo = np.full((40, 60, 4), 230, np.uint8)
    photo[..., 3] = 255
    photo[10:20, 5:25] = 0
    Image.fromarray(photo).save(tmp_path / "erased.png")
    hole = photo[..., 3] == 0
    for source in (tmp_path / "erased.png", photo, photo / 255, Image.fromarray(photo)):
        mask = read_mask(source, photo.shape, repaint="transparent")
        np.testing.assert_array_equal(mask == 0, hole)
    with pytest.warns(UserWarning, match="transparent part, which counts as white.*repaint='transparent'"):
        read_mask(tmp_path / "erased.png", photo.shape, repaint="white")
    with pytest.raises(ValueError, match="no transparent part"):
        read_mask(photo[..., :3], photo.shape, repaint="transparent")
    with pytest.raises(ValueError, match="'black', 'white' or 'transparent', got 'clear'"):
        read_mask(photo, photo.shape, repaint="clear")


def test_ellipse_touches_its_four_sides():
    mask = make_ellipse_mask((40, 60), 10, 50, 5, 25)
    hole = mask == 0
    np.testing.assert_array_equal(np.flatnonzero(hole.any(axis=0))[[0, -1]], [10, 49])
    np.testing.assert_array_equal(np.flatnonzero(hole.any(axis=1))[[0, -1]], [40 - 25, 40 - 5 - 1])
    assert abs(hole.sum() - np.pi * 20 * 10) < 0.05 * np.pi * 200
    assert not hole[40 - 25, 10], "its corners are kept"


def test_union_and_inversion():
    left, right = make_mask((6, 8), 0, 3, 0, 6), make_mask((6, 8), 2, 8, 0, 2)
    both = union(left, right)
    assert ((both == 0) == ((left == 0) | (right == 0))).all()
    np.testing.assert_array_equal(invert(invert(both)), both)
    assert (invert(both) + both == 1).all()


@given(photo_and_region(), st.integers(0, 9))
def test_a_feathered_edge_lies_inside_the_hole(case, pixels):
    photo, region = case
    mask = make_mask(photo.shape, region.x_start, region.x_end, region.y_start, region.y_end)
    soft = feather(mask, pixels)
    assert soft.dtype == np.float32 and soft.min() == 0
    assert (soft[mask == 1] == 1).all() and (soft[mask == 0] < 1).all()


def test_feather_is_as_wide_as_asked():
    soft = feather(make_mask((40, 40), 10, 40, 0, 40), 4)
    np.testing.assert_allclose(soft[20, 9:16], [1, 0.8, 0.6, 0.4, 0.2, 0, 0], atol=1e-6)
    assert soft[0, 30] == 0, "the picture's own edge is no seam"


def test_a_mask_from_a_file(tmp_path):
    path = tmp_path / "mask.png"
    painted = np.zeros((40, 60), np.uint8)
    painted[10:20, 5:25] = 255  # painted white on black
    Image.fromarray(painted).save(path)
    mask = read_mask(path, (40, 60, 3), repaint="white")
    np.testing.assert_array_equal(mask == 0, painted == 255)
    np.testing.assert_array_equal(read_mask(path, (40, 60, 3), repaint="black"), invert(mask))
    painted[10:20, 5:25] = 0
    painted[0, 0] = 255
    Image.fromarray(painted).save(path)
    with pytest.warns(UserWarning, match="repaints nearly everything; .* say repaint=.white."):
        read_mask(path, (40, 60, 3), repaint="black")
    with pytest.warns(UserWarning, match="keeps nearly everything.* repaint='black'"):
        read_mask(path, (40, 60, 3), repaint="white")
