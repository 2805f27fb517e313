"""Joining a repainted picture to its photo: kept pixels to the bit, colours that meet."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.pictures.masks import feather, make_mask
from helpers.pictures.seams import finish, match_colours

CELL = 8  # pixels of a latent's cell
RNG = np.random.default_rng(0)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 100), st.integers(1, 28), st.integers(0, 100), st.integers(1, 28), st.integers(0, 999))
def test_kept_pixels_are_the_photos_own(x, width, y, height, seed):
    rng = np.random.default_rng(seed)
    photo, picture = rng.integers(0, 256, (2, 128, 128, 3), dtype=np.uint8)
    mask = make_mask(photo.shape, x, x + width, y, y + height)
    result = finish(picture, photo, mask, CELL)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result[mask == 1], photo[mask == 1])


def ramp(slope_x, slope_y, base):
    y, x = np.mgrid[0:128, 0:128]
    return np.repeat((base + slope_x * x + slope_y * y)[..., None], 3, axis=2)


@pytest.mark.parametrize("mask", [(32, 96, 32, 96), (0, 64, 0, 64), (10, 51, 90, 128)])
def test_a_shift_of_colours_is_taken_back_smoothly(mask):
    """A decoder that is too dark on one side and too bright on the other: inside the hole that is evened out."""
    photo = np.full((128, 128, 3), 120, np.uint8)
    picture = (120 + ramp(0.2, -0.1, -10)).astype(np.uint8)
    mask = make_mask(photo.shape, *mask)
    error = np.abs(match_colours(picture, photo, mask, CELL).astype(int) - photo)
    hole, seam = mask == 0, (mask == 0) & (feather(mask, 4) > 0)
    before = np.abs(picture.astype(int) - photo)
    assert error[seam].max() <= 4 and error[hole].mean() < 0.6 * before[hole].mean()


def test_a_thing_in_the_hole_keeps_its_contrast():
    photo = np.full((128, 128, 3), 120, np.uint8)
    picture = np.full((128, 128, 3), 130, np.uint8)
    picture[56:72, 56:72] = (250, 20, 20)
    result = finish(picture, photo, make_mask(photo.shape, 32, 96, 32, 96), CELL)
    assert np.abs(result[64, 64].astype(int) - (240, 10, 10)).max() <= 2
    assert np.abs(result[40, 40].astype(int) - 120).max() <= 1


def test_the_seam_is_no_step_even_where_the_decoder_errs_from_pixel_to_pixel():
    """Stripes that decoding has lost go on right inside the edge; further in the picture is left as painted."""
    photo = np.full((128, 128, 3), 120, np.uint8)
    photo[:, np.arange(128) // 8 % 2 == 0] = 150
    picture = np.full((128, 128, 3), 135, np.uint8)
    mask = make_mask(photo.shape, 32, 96, 32, 96)
    matched = match_colours(picture, photo, mask, CELL).astype(int)
    before = np.abs(np.diff(np.where(mask[..., None], photo, picture).astype(int), axis=0))[31]
    step = np.abs(np.diff(np.where(mask[..., None], photo, matched).astype(int), axis=0))[31]
    assert step[32:96].mean() < 0.7 * before[32:96].mean()
    assert np.abs(matched[64, 44:84] - 135).max() <= 8


def test_the_edge_is_soft_on_its_inner_side():
    photo, picture = np.zeros((128, 128, 3), np.uint8), np.zeros((128, 128, 3), np.uint8)
    photo[60:68] = 255  # a line through the hole's edges, which the picture does not go on with
    result = finish(picture, photo, make_mask(photo.shape, 32, 96, 32, 96), CELL)
    row = result[64, 28:40, 0].astype(int)
    assert (row[:4] == 255).all() and 255 > row[4] > row[5] > row[6]
