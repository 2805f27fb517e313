"""The hole in a crop, as a browser changes it: by frame, brush and file, there and back."""

import io
import json
import subprocess
import sys
from pathlib import Path

import ipywidgets
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from helpers import CropPicker, Hole, MaskPicker, Region, Stroke, make_ellipse_mask, make_mask, union
from helpers.panels.history import KEPT, History
from helpers.pictures.veils import veil, veiled

ROOT = Path(__file__).resolve().parents[2]


def crop_of(height=64, width=96):
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)


def paint(picker, points, size=5, erase=False, number=1):
    """As the browser tells a stroke."""
    picker._hear({"what": "stroke", "number": number, "points": points, "size": size, "erase": erase})


# ---------------------------------------------------------------------- undo and redo


@given(st.lists(st.sampled_from(["undo", "redo", "put", "drag"]) | st.integers(0, 99), max_size=60))
def test_history_is_the_list_of_what_was(actions):
    """Against a list of all states and a place in it."""
    history, states, at, dragging = History("start"), ["start"], 0, False
    for number, action in enumerate(actions):
        if action in ("undo", "redo"):
            at = max(0, at - 1) if action == "undo" else min(len(states) - 1, at + 1)
            moved = states[at] != history.now
            assert getattr(history, action)() == states[at]
            dragging = dragging and not moved
        elif action == "drag":
            if dragging:
                states[at:] = [number]
            else:
                states[at + 1 :] = [number]
                at += 1
            history.put(number, "drag")
            dragging = True
        else:
            states[at + 1 :] = [number]
            at, dragging = at + 1, False
            history.put(number)
        assert history.now == states[at]
        assert (bool(history.past), bool(history.future)) == (at > 0, at < len(states) - 1)


def test_the_oldest_is_forgotten():
    history = History(0)
    for number in range(1, KEPT + 10):
        history.put(number)
    while history.past:
        history.undo()
    assert history.now == 9


moves = st.tuples(st.integers(0, 40), st.integers(0, 30), st.integers(8, 50), st.integers(8, 30))
ways = st.lists(st.tuples(st.integers(-20, 120), st.integers(-20, 90)), min_size=1, max_size=4)
changes = st.one_of(
    st.tuples(st.just("frame"), moves),
    st.tuples(
        st.just("stroke"), st.lists(st.tuples(st.integers(-20, 120), st.integers(-20, 90)), min_size=1, max_size=4)
    ),
    st.tuples(st.just("rub"), ways),
    st.tuples(st.just("shape"), st.sampled_from(["rectangle", "ellipse", "none"])),
    st.tuples(st.sampled_from(["invert", "grow", "shrink", "clear", "reset"]), st.none()),
)


@settings(deadline=None, max_examples=40)
@given(st.lists(changes, max_size=8))
def test_every_change_of_the_hole_can_be_taken_back_and_made_again(changes):
    picker = MaskPicker(crop_of())
    masks = [picker.mask]
    for what, value in changes:
        depth = len(picker._history.past)
        if what == "frame":
            picker.touch.frame = list(value)
        elif what in ("stroke", "rub"):
            paint(picker, value, erase=what == "rub")
        elif what == "shape":
            picker.shape_box.value = value
        else:
            picker.buttons.get(what, picker.reset_button).click()
        assert picker.shape_box.value == picker.hole.shape and picker.region == picker.hole.region
        np.testing.assert_array_equal(picker.mask, picker.hole.mask((64, 96)))  # however it was come by
        if len(picker._history.past) > depth:
            masks.append(picker.mask)
        else:
            masks[-1] = picker.mask  # a frame that is dragged on is one change
    for mask in masks[-2::-1]:
        picker.buttons["undo"].click()
        np.testing.assert_array_equal(picker.mask, mask)
    assert picker.buttons["undo"].disabled
    for mask in masks[1:]:
        picker._hear({"what": "redo"})
        np.testing.assert_array_equal(picker.mask, mask)
    assert picker.buttons["redo"].disabled


# ---------------------------------------------------------------------- the mask


def test_shape_brush_and_file_are_one_mask():
    picker = MaskPicker(crop_of())
    picker.region = Region(10, 10, 30, 20)
    picker.shape_box.value = "ellipse"
    paint(picker, [(60, 40), (80, 50)], 7)
    buffer = io.BytesIO()
    elsewhere = make_mask((64, 96), 70, 90, 5, 15)
    Image.fromarray(elsewhere * 255).save(buffer, "PNG")
    picker.add_file(buffer.getvalue(), "black")
    shape = make_ellipse_mask((64, 96), 10, 40, 10, 30)
    brush = Stroke([(60, 40), (80, 50)], 7).drawn(np.ones((64, 96), np.uint8))
    np.testing.assert_array_equal(picker.mask, union(shape, brush, elsewhere))
    assert picker.mask.dtype == np.uint8
    picker.mask[:] = 7
    assert picker.mask.max() == 1, "what is given away is a copy"


def test_a_file_of_another_size_is_told():
    picker = MaskPicker(crop_of())
    with pytest.raises(ValueError, match="9 × 9 pixels, the picture 96 × 64"):
        picker.add_file(np.zeros((9, 9), np.uint8))


def test_a_hole_can_be_given_as_a_handout():
    picker = MaskPicker(crop_of())
    picker.hole = Hole.read("ellipse 5 6 40 30; paint 8 at 10,10 50,50; invert; grow 2; erase 3 at 1,1")
    assert picker.shape_box.value == "ellipse" and picker.region == Region(5, 6, 40, 30)
    assert str(MaskPicker(crop_of()).hole) == "rectangle 24 16 48 32"
    np.testing.assert_array_equal(picker.mask, picker.hole.mask((64, 96)))
    with pytest.raises(ValueError, match="leaves the picture"):
        picker.hole = Hole(Region(90, 0, 50, 10))


def test_a_dragged_frame_is_taken_if_it_can_be():
    picker = CropPicker(crop_of())
    picker.touch.frame = [3, 4, 50, 40]
    assert picker.region == Region(3, 4, 50, 40) and picker.x.value == (3, 53) and picker.boxes["y_end"].value == 44
    for wrong in ([90, 0, 50, 10], [-1, 0, 5, 5], [1, 2, 3], [0, 0, 0, 9]):
        picker.touch.frame = wrong
        assert picker.region == Region(3, 4, 50, 40) and picker.touch.frame == [3, 4, 50, 40]
    picker.x.value = (10, 60)
    assert picker.touch.frame == [10, 4, 50, 40]


def test_a_hole_is_kept_for_a_crop_of_its_size_and_else_dropped_and_told():
    picker = MaskPicker(crop_of())
    paint(picker, [(60, 40), (80, 50)], 7)
    before = picker.mask
    picker.picture = crop_of()[::-1].copy()
    np.testing.assert_array_equal(picker.mask, before)
    assert picker.message.value == ""
    picker.picture = crop_of(30, 40)
    assert "painted hole is dropped" in picker.message.value and picker.mask.shape == (30, 40)
    assert str(picker.hole) == "rectangle 10 7 20 15"
    picker.undo()
    assert picker.mask.shape == (30, 40), "there is no way back to a hole of another size"


@pytest.mark.parametrize(
    "colour", [(0, 0, 0), (255, 255, 255), (255, 45, 149), (110, 0, 62), (128, 128, 128), (0, 200, 0)]
)
def test_the_veil_is_seen_on_every_photo(colour):
    """A part of it is far from the photo's colour in light, and only the hole is covered."""
    mask = make_mask((64, 96), 20, 80, 10, 50)
    picture = np.zeros((64, 96, 3), np.uint8) + np.uint8(colour)
    shown = np.asarray(veiled(picture, mask)).astype(int)
    np.testing.assert_array_equal(shown[mask == 1], picture[mask == 1])
    light = np.abs(shown - picture) @ (0.2126, 0.7152, 0.0722)
    assert (light[mask == 0] > 30).mean() > 0.35
    assert veil(mask).size == (96, 64)


# ---------------------------------------------------------------------- where the picture cannot be touched


def test_without_anywidget_the_sliders_stand_in_and_a_line_says_so():
    code = """
import sys, json
sys.modules["anywidget"] = None
import numpy as np
from helpers import CropPicker, MaskPicker, GenerationStudio
picker = MaskPicker(np.zeros((64, 96, 3), np.uint8))
picker.x.value = (8, 40)
picker.grow()
crop = CropPicker(np.zeros((64, 96, 3), np.uint8))
print(json.dumps([picker.touch, int((picker.mask == 0).sum()), picker.hand.layout.display, picker.preview.value[-90:]]))
"""
    told = json.loads(subprocess.check_output([sys.executable, "-c", code], cwd=ROOT))
    assert told[:3] == [None, 34 * 34, "none"]
    assert "cannot be touched, the sliders do the same" in told[3]


def test_until_a_browser_has_answered_the_plain_picture_is_there():
    picker = MaskPicker(crop_of())
    assert picker.hand.layout.display == "none" and "<img" in picker.preview.value
    picker.touch.ready = True
    assert picker.hand.layout.display is None
    before = picker.preview.value
    picker.region = Region(0, 0, 20, 20)
    assert picker.preview.value == before, "what is not seen is not drawn"
    if hasattr(ipywidgets.VBox, "_repr_mimebundle_"):  # before version 8 widgets show themselves, without other forms
        assert "x 0 to 20, y 0 to 20" in picker._repr_mimebundle_()["text/html"]
