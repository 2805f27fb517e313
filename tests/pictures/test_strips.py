"""Several pictures in one."""

import numpy as np
import pytest

from helpers.pictures.strips import strip

PICTURE = np.random.default_rng(7).integers(0, 256, (6, 9, 3), dtype=np.uint8)


def test_strip_puts_pictures_side_by_side():
    a, b, c = (np.full((2, 3, 3), value, np.uint8) for value in (1, 2, 3))
    sheet = strip([a, b, c], gap=2)
    assert sheet.shape == (2, 13, 3) and sheet.dtype == np.uint8
    np.testing.assert_array_equal(sheet[0, :, 0], [1, 1, 1, 255, 255, 2, 2, 2, 255, 255, 3, 3, 3])
    np.testing.assert_array_equal(strip(np.stack([a, b, c]), gap=2), sheet)
    np.testing.assert_array_equal(strip((p for p in (a, b, c)), columns=9, gap=2), sheet)
    np.testing.assert_array_equal(strip([a]), a)


def test_strip_in_rows_ends_in_white():
    a, b, c = (np.full((2, 3, 3), value, np.uint8) for value in (1, 2, 3))
    sheet = strip([a, b, c], columns=2, gap=1)
    assert sheet.shape == (5, 7, 3)
    expected = [[1, 1, 1, 255, 2, 2, 2]] * 2 + [[255] * 7] + [[3, 3, 3] + [255] * 4] * 2
    np.testing.assert_array_equal(sheet[:, :, 2], expected)
    np.testing.assert_array_equal(strip([a, b], columns=1, gap=0), np.concatenate([a, b]))
    assert strip([a, b]).shape == (2, 10, 3)


@pytest.mark.parametrize(
    "pictures", [[], PICTURE, [PICTURE, PICTURE[1:]], [PICTURE / 255], [PICTURE, PICTURE / 255], [PICTURE[:, :, 0]]]
)
def test_strip_refuses_other_pictures(pictures):
    with pytest.raises(ValueError):
        strip(pictures)
