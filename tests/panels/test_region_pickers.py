"""The pickers without a browser: whatever is entered becomes a possible region, and all controls agree on it."""

import base64
import io
import re
import shlex
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from helpers import CropPicker, MaskPicker, Region
from helpers.panels.nearest_region import nearest_region
from helpers.panels.region_sliders import PREVIEW
from tests.panels.uploads import uploaded

numbers = st.integers(-50, 400)


def photo_of(height, width):
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)


@given(
    st.tuples(st.integers(1, 300), st.integers(1, 300)),
    st.lists(st.tuples(st.sampled_from("xy"), numbers, numbers), min_size=1, max_size=6),
    st.integers(1, 20),
    st.none() | st.sampled_from([1.0, 2.0, 0.5, 16 / 9]),
)
def test_every_drag_ends_in_a_possible_region(shape, drags, least, proportions):
    region = Region(0, 0, shape[1], shape[0])
    for axis, start, end in drags:
        region = nearest_region(region, shape, axis, start, end, least, proportions).inside(shape)
        if proportions is None:
            assert region.width >= min(least, shape[1]) and region.height >= min(least, shape[0])
        elif min(shape) > 40 and region.width < shape[1] and region.height < shape[0]:
            assert abs(region.width - region.height * proportions) <= max(1, proportions)


@given(st.integers(0, 90), st.integers(0, 90))
def test_a_possible_drag_is_taken_as_it_is(start, end):
    before = Region(10, 20, 30, 40)
    if end - start >= 8:
        after = nearest_region(before, (100, 90), "x", start, end, least=8)
        assert after == Region.between(start, end, 20, 60)


def test_the_end_that_was_not_moved_stays():
    before = Region(10, 20, 30, 40)
    assert nearest_region(before, (100, 100), "x", 38, 40, least=8) == Region(32, 20, 8, 40)
    assert nearest_region(before, (100, 100), "x", 10, 12, least=8) == Region(10, 20, 8, 40)
    assert nearest_region(before, (100, 100), "y", 20, 30, proportions=1.0) == Region(10, 20, 10, 10)


def agree(picker):
    """All controls say the region, and their limits let nothing else be entered."""
    region, (height, width) = picker.region, picker.picture.shape[:2]
    assert picker.x.value == (region.x_start, region.x_end) and picker.x.max == width
    assert picker.y.value == (region.y_start, region.y_end) and picker.y.max == height
    assert (picker.x.min, picker.y.min) == (0, 0)
    for name, box in picker.boxes.items():
        assert box.value == getattr(region, name)
    assert picker.boxes["x_end"].max == width and picker.boxes["y_end"].max == height
    assert picker.boxes["x_start"].max == region.x_end - picker.least
    assert f"x {region.x_start} to {region.x_end}, y {region.y_start} to {region.y_end}" in picker.preview.value


def test_sliders_boxes_and_region_agree():
    picker = CropPicker(photo_of(200, 300))
    agree(picker)
    assert picker.region == Region(0, 0, 300, 200)
    picker.x.value = (50, 250)
    agree(picker)
    picker.y.value = (20, 120)
    agree(picker)
    assert picker.region == Region(50, 20, 200, 100)
    picker.boxes["x_end"].value = 100
    agree(picker)
    picker.region = Region(7, 9, 100, 80)
    agree(picker)
    np.testing.assert_array_equal(picker.cropped, picker.picture[200 - 89 : 200 - 9, 7:107])
    picker.reset()
    agree(picker)
    assert picker.region == Region(0, 0, 300, 200)


def test_the_impossible_cannot_be_chosen():
    picker = CropPicker(photo_of(200, 300))
    picker.x.value = (120, 120)
    agree(picker)
    assert picker.region.width == picker.least
    picker.boxes["y_start"].value = 999
    agree(picker)
    picker.boxes["y_start"].value = -5
    agree(picker)
    assert picker.region.y_start == 0
    before = picker.region
    with pytest.raises(ValueError, match="leaves the picture, which is 300 wide"):
        picker.region = Region(250, 0, 100, 50)
    assert picker.region == before
    agree(picker)


def test_a_crop_for_a_model_keeps_its_proportions_and_size():
    picker = CropPicker(photo_of(200, 300), 128, 128)
    assert picker.region == Region(50, 0, 200, 200) and picker.cropped.shape == (128, 128, 3)
    picker.y.value = (100, 200)
    agree(picker)
    assert picker.region.width == picker.region.height == 100
    picker.x.value = (0, 300)
    agree(picker)
    assert picker.region.width == picker.region.height == 200
    picker.aspect_box.value = False
    picker.x.value = (0, 300)
    assert picker.region.width == 300 and picker.cropped.shape == (128, 128, 3)
    picker.aspect_box.value = True
    agree(picker)
    assert picker.region.width == picker.region.height


def test_a_small_photo_is_enlarged_and_says_so():
    with pytest.warns(UserWarning, match="enlarged to 192 × 128"):
        picker = CropPicker(photo_of(40, 60), 128, 128)
    assert picker.picture.shape == (128, 192, 3) and picker.cropped.shape == (128, 128, 3)


def test_a_mask_follows_its_region_shape_and_picture():
    picker = MaskPicker(photo_of(64, 128))
    agree(picker)
    assert picker.region == Region(32, 16, 64, 32)
    assert picker.mask.shape == (64, 128) and (picker.mask == 0).sum() == 64 * 32
    picker.shape_box.value = "ellipse"
    assert abs((picker.mask == 0).sum() - np.pi * 32 * 16) < 50
    picker.picture = photo_of(100, 100)
    agree(picker)
    assert picker.mask.shape == (100, 100)


def preview_of(picker):
    data = picker.preview.value.split("base64,")[1].split('"')[0]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))).astype(int)


def test_the_preview_outlines_the_region_and_dims_the_rest():
    picker = CropPicker(np.full((200, 300, 3), 240, np.uint8))
    picker.region = Region(60, 50, 90, 100)  # rows 50 to 150 from the top as well
    scale = PREVIEW / 300
    shown = preview_of(picker)
    assert shown.shape == (round(200 * scale), PREVIEW, 3)
    bright = shown.mean(axis=2) > 200
    assert bright[round(100 * scale), round(100 * scale)]
    for x, y in ((30, 100), (200, 100), (100, 30), (100, 170)):
        assert not bright[round(y * scale), round(x * scale)]
    pink = (shown[..., 0] > 180) & (shown[..., 1] < 120)
    rows, columns = np.flatnonzero(pink.any(axis=1)), np.flatnonzero(pink.any(axis=0))
    assert abs(columns[0] - 60 * scale) <= 2 and abs(columns[-1] - 150 * scale) <= 2
    assert abs(rows[0] - 50 * scale) <= 2 and abs(rows[-1] - 150 * scale) <= 2


def test_low_on_the_slider_is_low_in_the_picture():
    picker = CropPicker(np.full((200, 200, 3), 240, np.uint8))
    picker.y.value = (0, 40)
    bright = preview_of(picker).mean(axis=2) > 200
    assert bright[-20, 180] and not bright[20, 180]


def test_an_uploaded_photo_takes_the_place_of_the_old_one():
    picker = CropPicker(photo_of(200, 300))
    buffer = io.BytesIO()
    Image.fromarray(photo_of(90, 70)).save(buffer, "PNG")
    picker.upload.set_trait("value", uploaded(buffer.getvalue()))
    agree(picker)
    np.testing.assert_array_equal(picker.picture, photo_of(90, 70))
    assert picker.region == Region(0, 0, 70, 90)


def test_an_upload_that_is_no_picture_is_told_and_the_photo_stays():
    picker = CropPicker(photo_of(200, 300))
    picker.region = Region(5, 5, 50, 50)
    picker.upload.set_trait("value", uploaded(b"no picture"))
    assert "alert" in picker.message.value and "picture" in picker.message.value
    assert picker.region == Region(5, 5, 50, 50) and picker.picture.shape == (200, 300, 3)
    picker.address.value = "file:///etc/passwd"
    picker.fetch_button.click()
    assert "http" in picker.message.value


def test_a_photo_too_large_to_arrive_has_another_way(tmp_path):
    """What is uploaded in vain is not seen by the kernel: a line says so beforehand, and a file's name is taken."""
    picker = CropPicker(photo_of(200, 300))
    (hint,) = [child.value for child in picker.source.content.children if "large photo" in getattr(child, "value", "")]
    assert "10 MB" in hint and "Colab" in hint
    file = tmp_path / "large.bmp"
    Image.fromarray(photo_of(2000, 2100)).save(file)
    assert file.stat().st_size > 12 * 10**6
    picker.address.value = str(file)
    picker.fetch_button.click()
    assert picker.picture.shape == (2000, 2100, 3) and not picker.message.value


def test_the_lab_lets_large_photos_arrive():
    """The server's own reading of the option that `make lab` gives it."""
    serverapp = pytest.importorskip("jupyter_server.serverapp")
    makefile = Path(__file__).parents[2] / "Makefile"
    (option,) = re.findall(r"(--ServerApp\.tornado_settings='.*?')", makefile.read_text(encoding="utf-8"))
    app = serverapp.ServerApp()
    app.parse_command_line(shlex.split(option))
    # the name is tornado's, whose default is 10 MiB
    assert app.tornado_settings["websocket_max_message_size"] >= 50 * 10**6


def test_the_region_can_be_observed():
    picker, heard = CropPicker(photo_of(200, 300)), []
    picker.observe(lambda change: heard.append(change.new), "region")
    picker.x.value = (50, 250)
    picker.x.value = (50, 250)
    assert heard == [Region(50, 0, 200, 200)]


def test_a_redraw_of_a_large_photo(figure):
    picker = CropPicker(photo_of(3000, 4000))
    seconds = []
    for start in range(0, 1000, 50):
        begin = time.perf_counter()
        picker.x.value = (start, start + 1500)
        seconds.append(time.perf_counter() - begin)
    figure(f"redraw of a 12-megapixel photo: {1000 * np.median(seconds):.1f} ms")
    assert picker.region == Region(950, 0, 1500, 3000)


@pytest.mark.parametrize("shape", [(1, 1), (3, 400), (400, 3), (7, 7)])
def test_odd_photos(shape):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", DeprecationWarning)  # anywidget's, of traits in ipywidgets 7
        picker = CropPicker(photo_of(*shape))
        picker.x.value = (0, 0)
        picker.region.inside(shape)
        assert picker.cropped.size
