"""Holes written down: strokes are drawn where their points say, and nowhere else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import Hole, Region, Stroke, make_ellipse_mask, make_mask
from helpers.pictures.masks import grow, shrink

points = st.lists(st.tuples(st.integers(-400, 1200), st.integers(-400, 1200)), min_size=1, max_size=5)
strokes = st.builds(
    lambda at, size, erase: Stroke([(x / 16, y / 16) for x, y in at], size / 16, erase),
    *(points, st.integers(16, 400), st.booleans()),
)
marks = st.lists(strokes | st.sampled_from(["invert", "grow 2", "shrink 3"]), max_size=6)


def passed(stroke, shape):
    """Pixel by pixel, in whole numbers (sixteenths, squared): is the middle near one of the lines?"""
    height, width = shape
    near = np.zeros(shape, bool)
    at = [(round(16 * x), round(16 * y)) for x, y in stroke.points]
    radius = max(round(16 * stroke.size) ** 2, 2 * 16**2)  # squared, of the diameter
    for row in range(height):
        for column in range(width):
            x, y = 16 * column + 8, 16 * (height - 1 - row) + 8
            for (ax, ay), (bx, by) in zip(at, at[1:] or at):
                dx, dy = bx - ax, by - ay
                length, along = dx * dx + dy * dy, (x - ax) * dx + (y - ay) * dy
                if length and 0 < along < length:
                    cross = (x - ax) * dy - (y - ay) * dx
                    inside = 4 * cross * cross <= radius * length
                else:
                    ex, ey = (ax, ay) if along <= 0 else (bx, by)
                    inside = 4 * ((x - ex) ** 2 + (y - ey) ** 2) <= radius
                near[row, column] |= inside
    return near


@given(strokes, st.tuples(st.integers(1, 20), st.integers(1, 20)))
def test_a_stroke_paints_what_is_near_it(stroke, shape):
    """Also of points outside, of which what lies outside is cut off."""
    before = np.random.default_rng(1).integers(0, 2, shape, np.uint8)
    after, near = stroke.drawn(before), passed(stroke, shape)
    assert after.dtype == np.uint8 and after is not before
    np.testing.assert_array_equal(after == before, ~near | (before == stroke.erase))
    assert (after[near] == stroke.erase).all()


def test_a_dot_and_a_line_count_from_the_bottom_left():
    mask = np.ones((6, 9), np.uint8)
    np.testing.assert_array_equal(np.argwhere(Stroke([(2.5, 0.5)], 1).drawn(mask) == 0), [[5, 2]])
    line = Stroke([(1.5, 4.5), (4.5, 4.5)], 1).drawn(mask)
    np.testing.assert_array_equal(np.argwhere(line == 0), [[1, 1], [1, 2], [1, 3], [1, 4]])
    assert (Stroke([(3, 3)], 1).drawn(mask) == 0).sum() == 4, "between four pixels it paints the four"
    assert Stroke([(-50, 3), (-9, 80)], 12).drawn(mask).all()


@given(marks, st.sampled_from(["rectangle", "ellipse", "none"]))
def test_a_hole_written_down_is_read_as_it_was(marks, shape):
    hole = Hole(Region(3, 5, 20, 10), shape, tuple(marks))
    again = Hole.read(str(hole))
    assert (again.region, again.shape, again.marks) == (hole.region, hole.shape, hole.marks)
    np.testing.assert_array_equal(again.mask((40, 30)), hole.mask((40, 30)))


def test_shape_file_and_brush_are_put_together():
    shape, elsewhere = (40, 60), make_ellipse_mask((40, 60), 30, 60, 10, 40)
    stroke, eraser = Stroke([(3, 3), (20, 30)], 5), Stroke([(40, 0), (40, 40)], 6, erase=True)
    mask = Hole(Region(10, 20, 30, 10), "rectangle", (stroke, eraser), elsewhere).mask(shape)
    hole = (make_mask(shape, 10, 40, 20, 30) == 0) | (elsewhere == 0) | passed(stroke, shape)
    np.testing.assert_array_equal(mask == 0, hole & ~passed(eraser, shape))
    whole = Hole(Region(10, 20, 30, 10), "rectangle", (stroke, "invert", "grow 2")).mask(shape)
    kept = shrink(Hole(Region(10, 20, 30, 10), "rectangle", (stroke,)).mask(shape), 2)
    np.testing.assert_array_equal(whole, 1 - kept)
    assert Hole(Region(10, 20, 30, 10), "none").mask(shape).all()


def test_growing_and_shrinking_by_pixels():
    mask = make_mask((20, 30), 10, 20, 5, 12)
    np.testing.assert_array_equal(grow(mask, 3), make_mask((20, 30), 7, 23, 2, 15))
    np.testing.assert_array_equal(shrink(grow(mask, 3), 3), mask)
    assert shrink(mask, 4).all() and not grow(mask, 30).any()
    edge = make_mask((20, 30), 0, 20, 0, 12)
    np.testing.assert_array_equal(shrink(edge, 2), make_mask((20, 30), 0, 18, 0, 10))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda: Stroke([], 3), "one or more points"),
        (lambda: Stroke([(1, float("nan"))], 3), "finite numbers"),
        (lambda: Stroke([(1, 2, 3)], 3), "one or more points"),
        (lambda: Stroke([(1, 2)], 0), "from 1, got 0"),
        (lambda: Hole(Region(0, 0, 1, 1), "star"), "one of 'rectangle', 'ellipse', 'none', got 'star'"),
        (lambda: Hole(Region(0, 0, 1, 1), marks=("grow",)), "got 'grow'"),
        (lambda: Hole.read("a cat"), "Expected a hole like 'rectangle 36"),
        (lambda: Hole.read("none 0 0 1 1; paint 3 at 1,x"), "Expected a stroke like"),
        (lambda: Hole.read("none 0 0 1 1; a mask from elsewhere"), "not written down"),
    ],
)
def test_bad_input(wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        wrong()
