"""Regions from the bottom-left corner, and pasting back: exact to the pixel."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import helpers
from helpers import Region, crop, feather, fit, make_mask, paste, read_mask, resize
from helpers.pictures.masks import checked_mask


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


@given(photo_and_region())
def test_crop_is_the_region_counted_from_the_bottom_left(case):
    photo, region = case
    part = crop(photo, region.x_start, region.y_start, region.width, region.height)
    assert part.shape == (region.height, region.width, 3)
    assert tuple(part[-1, 0, :2]) == (region.x_start, region.y_start), "bottom left"
    assert tuple(part[0, -1, :2]) == (region.x_end - 1, region.y_end - 1), "top right"


@given(photo_and_region())
def test_crop_then_paste_is_the_identity(case):
    photo, region = case
    part = crop(photo, region.x_start, region.y_start, region.width, region.height)
    np.testing.assert_array_equal(paste(photo, part, region), photo)
    changed = paste(photo, 255 - part, region) != photo
    outside = np.ones(photo.shape[:2], bool)
    outside[region.of(len(photo))] = False
    assert not changed[outside].any() and changed[~outside].any(axis=-1).all()


@given(photo_and_region())
def test_a_mask_repaints_the_region_and_nothing_else(case):
    photo, region = case
    mask = make_mask(photo.shape, region.x_start, region.x_end, region.y_start, region.y_end)
    assert mask.dtype == np.uint8 and (mask == 0).sum() == region.width * region.height
    x, y = photo[..., 0].astype(int), photo[..., 1].astype(int)
    inside = (region.x_start <= x) & (x < region.x_end) & (region.y_start <= y) & (y < region.y_end)
    np.testing.assert_array_equal(mask == 0, inside)


@given(photo_and_region())
def test_top_left_and_bottom_left_agree(case):
    photo, region = case
    rows, columns = region.of(len(photo))
    again = Region.from_top_left(columns.start, rows.start, region.width, region.height, len(photo))
    assert again == region == Region.between(region.x_start, region.x_end, region.y_start, region.y_end)


whole = st.integers(-5, 70)


@given(whole, whole, whole, whole)
def test_any_numbers_give_a_region_inside_or_a_sentence(x_start, y_start, width, height):
    photo = photo_of(40, 50)
    try:
        part = crop(photo, x_start, y_start, width, height)
    except ValueError as error:
        assert str(error).endswith(".")
        assert min(x_start, y_start) < 0 or min(width, height) < 1 or x_start + width > 50 or y_start + height > 40
    else:
        assert part.shape == (height, width, 3)


def test_the_tutorials_numbers():
    """Its crop and its mask's rows, H - y_start - y_end : H - y_start, are right only from the bottom."""
    photo = photo_of(600, 700)
    np.testing.assert_array_equal(crop(photo, 80, 0, 512, 512), photo[600 - 512 - 0 : 600 - 0, 80 : 80 + 512])

    mask = make_mask((512, 512), 134, 374, 0, 369)
    theirs = np.ones((512, 512))
    theirs[512 - 0 - 369 : 512 - 0, 134:374] = 0
    np.testing.assert_array_equal(mask, theirs)

    mask = make_mask((512, 512), 112, 400, 100, 360)  # there their formula repaints 360 rows instead of 260
    assert (mask == 0).any(axis=1).sum() == 260
    assert mask[512 - 360 : 512 - 100, 112:400].max() == 0 and mask.sum() == 512 * 512 - 260 * 288


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: make_mask((50, 60), 10, 10, 0, 5), "x_end=10 is not past x_start=10"),
        (lambda: make_mask((50, 60), 0, 5, 9, 3), "y_end=3 is not past y_start=9"),
        (lambda: make_mask((50, 60), 0, 61, 0, 5), "leaves the picture, which is 60 wide and 50 high"),
        (lambda: crop(photo_of(50, 60), 0, 20, 5, 31), "y 20 to 51 leaves the picture"),
        (lambda: crop(photo_of(50, 60), 0.5, 0, 5, 5), "x_start must be a whole number"),
        (lambda: Region(0, 0, 0, 5), "width must be a whole number of at least 1"),
        (lambda: checked_mask(np.ones((4, 5)), (5, 4, 3)), r"shape \(4, 5\), expected .* \(5, 4\)"),
        (lambda: checked_mask(np.full((4, 5), 0.5), (4, 5)), "from 0.5 to 0.5; expected 1"),
        (lambda: checked_mask(np.array([[0, 128, 255]]), (1, 3)), "from 0 to 255; expected 1"),
        (
            lambda: read_mask(np.zeros((4, 5), np.uint8), (4, 5), repaint="grey"),
            "must be 'black', 'white' or",
        ),
        (lambda: read_mask(np.zeros((4, 5), np.uint8), (4, 6), repaint="black"), "5 × 4 pixels, the picture 6 × 4"),
        (lambda: paste(photo_of(50, 60), photo_of(5, 5), Region(58, 0, 5, 5)), "leaves the picture"),
        (
            lambda: paste(photo_of(50, 60), photo_of(5, 5), Region(0, 0, 5, 5), np.ones((4, 4))),
            r"mask has the shape \(4, 4\), the picture \(5, 5\)",
        ),
    ],
)
def test_bad_input(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


@given(photo_and_region(), st.floats(0.3, 3), st.integers(0, 3))
def test_pasting_at_another_size_keeps_kept_pixels(case, scale, pixels):
    """A crop made smaller or larger for a model comes back at the region's size; far from the hole nothing changes."""
    photo, region = case
    width, height = max(4, round(region.width * scale)), max(4, round(region.height * scale))
    mask = make_mask((height, width), 0, width // 2, 0, height // 2)
    result = paste(photo, np.zeros((height, width, 3), np.uint8), region, feather(mask, pixels))
    outside = np.ones(photo.shape[:2], bool)
    outside[region.of(len(photo))] = False
    np.testing.assert_array_equal(result[outside], photo[outside])
    part, before = result[region.of(len(photo))], photo[region.of(len(photo))]
    far = -(-region.width // 2) + 2 + 2 * region.width // width
    np.testing.assert_array_equal(part[:, far:], before[:, far:])


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 64), st.integers(1, 64))
def test_fit_finds_the_largest_region_of_the_proportions(photo_width, photo_height, width, height):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        photo, region = fit(photo_of(photo_height, photo_width), width, height)
    region.inside(photo.shape)
    assert region.width >= width and region.height >= height
    assert region.width in (photo.shape[1], int(region.height * width / height), photo.shape[1] - 1) or (
        region.height in (photo.shape[0], photo.shape[0] - 1)
    )
    assert abs(region.width / width - region.height / height) <= 1 / min(width, height) + 1e-9
    assert abs(2 * region.x_start + region.width - photo.shape[1]) <= 1, "in the middle"


def test_fit_enlarges_a_small_photo_and_says_so():
    with pytest.warns(UserWarning, match="60 × 40 pixels, less than the 128 × 128 of the crop; enlarged to 192 × 128"):
        photo, region = fit(photo_of(40, 60), 128, 128)
    assert photo.shape == (128, 192, 3) and region == Region(32, 0, 128, 128)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        photo, region = fit(photo_of(200, 300), 128, 128)
    assert photo.shape == (200, 300, 3) and region == Region(50, 0, 200, 200)


def test_resize_keeps_the_bottom_at_the_bottom():
    small = resize(photo_of(200, 100), 50, 100)
    assert small.shape == (100, 50, 3) and small[-1, 0, 1] < 5 and small[0, 0, 1] > 190


def test_helpers_exports_them_all():
    for name in ("Region", "crop", "make_mask", "make_ellipse_mask", "read_mask", "union", "invert", "feather", "fit"):
        assert name in helpers.__all__ and callable(getattr(helpers, name))
