"""The canvas around a photo, and its mask."""

import numpy as np
import pytest

from helpers import expand

PHOTO = np.random.default_rng(0).integers(0, 256, (100, 120, 3), np.uint8)


def test_the_photo_lies_in_the_canvas_where_the_mask_keeps():
    canvas, mask = expand(PHOTO, left=3, right=5, top=21, bottom=7)
    assert canvas.shape == (128, 128, 3) and canvas.dtype == mask.dtype == np.uint8
    np.testing.assert_array_equal(canvas[21:121, 3:123], PHOTO)
    expected = np.zeros((128, 128))
    expected[21:121, 3:123] = 1
    np.testing.assert_array_equal(mask, expected)
    np.testing.assert_array_equal(canvas[0, 3:123], PHOTO[0])
    np.testing.assert_array_equal(canvas[21:121, -1], PHOTO[:, -1])


def test_a_canvas_that_models_draw_is_repainted(pocket):
    canvas, mask = expand(PHOTO, right=8, top=28)
    picture = pocket.inpaint("a cat", canvas, mask, num_steps=1, seed=1, verbose=False)[0]
    np.testing.assert_array_equal(picture[28:, :120], PHOTO)
    assert (picture != canvas)[mask == 0].any(axis=-1).mean() > 0.9


@pytest.mark.parametrize(
    "asked, told",
    [
        ({}, "Nothing is added at any side"),
        ({"left": -1}, "left must be a whole number of at least 0, got -1"),
        ({"left": 8}, "would be 100 pixels high, and models draw multiples of 128; add 28 more at top or bottom"),
        ({"top": 28}, "would be 120 pixels wide, and models draw multiples of 128; add 8 more at left or right"),
    ],
)
def test_bad_input(asked, told):
    with pytest.raises(ValueError, match=told):
        expand(PHOTO, **asked)
