"""The inpainting notebook's widgets in JupyterLab, in a real browser that does not load what makes pictures touchable:
the sliders stand in, dragged, typed into, clicked.

Needs Chromium (on Debian: apt-get install chromium) and skips without it, unless REQUIRE_BROWSER is set.
"""

import base64
import io
import json
import re

import numpy as np
import pytest
from in_a_browser import ROOT, chromium, run_all, served, skip_without
from PIL import Image

CELLS = ("parameters", "setup", "photo", "crop", "cropped", "mask", "studio")
skip_without("jupyterlab")


@pytest.fixture(scope="module")
def page():
    """The notebook's cells of widgets in the browser, run."""
    notebook = json.loads((ROOT / "notebooks" / "2_inpainting.ipynb").read_text(encoding="utf-8"))
    cells = {cell["id"]: cell for cell in notebook["cells"]}
    notebook["cells"] = [cells[name] | {"outputs": [], "execution_count": None} for name in CELLS]
    source = "".join(notebook["cells"][CELLS.index("studio")]["source"])
    source = source.replace("region, hole", "crop_picker.region, mask_picker.region")
    notebook["cells"][-1]["source"] = source.removesuffix("studio") + "studio.num_steps.value = 3\nstudio"
    with served(notebook, "jupyterlab") as address, chromium(viewport={"width": 1500, "height": 4200}) as page:
        page.route("**/extensions/anywidget/**", lambda route: route.abort())
        try:
            page.goto(address)
            run_all(page, len(CELLS))
            page.wait_for_selector("button:has-text('Repaint')", timeout=120_000)
            for button in page.locator("button:has-text('Numbers')").all():
                button.click()
            page.wait_for_timeout(1000)
            yield page
        finally:
            page.screenshot(path=ROOT / "outputs" / "browser.png")


class Panel:
    """One picker on the page: the n-th preview of the crop or of the mask."""

    def __init__(self, page, what, number=0):
        self.page, self.what = page, what
        self.image = page.locator(f'.region-stand-in img[alt^="The {what} of"]').nth(number)
        self.box = self.image.locator("xpath=ancestor::div[contains(@class, 'widget-vbox')][3]")

    def region(self):
        """x_start, x_end, y_start, y_end, and the width and height of the picture."""
        numbers = [int(number) for number in re.findall(r"\d+", self.image.get_attribute("alt"))]
        return numbers[2:], numbers[:2]

    def pixels(self):
        data = self.image.get_attribute("src").partition("base64,")[2]
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))).astype(int)

    def handles(self, axis):
        kind = "widget-vslider" if axis == "y" else "widget-hslider"
        slider = self.box.locator(f".{kind}").first
        return slider.locator(".noUi-handle-lower"), slider.locator(".noUi-handle-upper")

    def drag(self, axis, end, pixels):
        """Drags the lower (0) or upper (1) handle by so many pixels: to the right, or up."""
        spot = self.handles(axis)[end].bounding_box()
        x, y = spot["x"] + spot["width"] / 2, spot["y"] + spot["height"] / 2
        before = self.image.get_attribute("src")
        mouse = self.page.mouse
        mouse.move(x, y)
        mouse.down()
        mouse.move(*((x + pixels, y) if axis == "x" else (x, y - pixels)), steps=8)
        mouse.up()
        self.settle(before)

    def settle(self, before):
        """Waits until the kernel has answered, and has nothing more to say."""
        last = before
        for _ in range(50):
            self.page.wait_for_timeout(150)
            now = self.image.get_attribute("src")
            if now == last != before:
                return
            last = now

    def check(self):
        """The outline is where the region is, the region is possible, and sliders and boxes say the same."""
        (x_start, x_end, y_start, y_end), (width, height) = self.region()
        assert 0 <= x_start < x_end <= width and 0 <= y_start < y_end <= height
        shown = self.pixels()
        scale = shown.shape[1] / width
        pink = (shown[..., 0] - shown[..., 1] > 120) & (shown[..., 2] - shown[..., 1] > 40)
        columns = np.flatnonzero(pink.sum(axis=0) > (y_end - y_start) * scale * 0.6)
        rows = np.flatnonzero(pink.sum(axis=1) > (x_end - x_start) * scale * 0.6)
        assert abs(columns[0] - x_start * scale) <= 3 and abs(columns[-1] - x_end * scale) <= 3
        assert abs(rows[0] - (height - y_end) * scale) <= 3 and abs(rows[-1] - (height - y_start) * scale) <= 3
        fields = self.box.locator("input[type=number]")
        assert [int(fields.nth(i).input_value()) for i in range(4)] == [x_start, x_end, y_start, y_end]
        # what one sees: each handle lies at its edge of the outline
        picture = self.image.bounding_box()
        for axis, values in (("x", (x_start, x_end)), ("y", (y_start, y_end))):
            for handle, value in zip(self.handles(axis), values):
                spot = handle.bounding_box()
                if axis == "x":
                    middle, edge = spot["x"] + spot["width"] / 2, picture["x"] + value * scale
                else:
                    middle, edge = spot["y"] + spot["height"] / 2, picture["y"] + (height - value) * scale
                assert abs(middle - edge) < 24, (axis, value, middle, edge)


@pytest.fixture(scope="module")
def crop_panel(page):
    return Panel(page, "photo")


@pytest.fixture(scope="module")
def mask_panel(page):
    return Panel(page, "crop")


def test_one_line_says_that_the_sliders_stand_in(page):
    assert page.locator(".touchable-stage").count() == 0
    line = page.locator("small:has-text('Where the picture cannot be touched')")
    assert line.count() == 4 and line.first.is_visible()
    assert page.locator("button:has-text('Paint')").first.is_hidden(), "a brush that would do nothing"


def test_the_notebooks_regions_are_shown(crop_panel, mask_panel):
    assert crop_panel.region() == ([200, 520, 30, 350], [540, 405])
    assert mask_panel.region() == ([36, 100, 52, 116], [128, 128])
    crop_panel.check()
    mask_panel.check()


def test_dragging_a_slider_moves_the_outline(mask_panel):
    mask_panel.drag("x", 0, 40)
    after, _ = mask_panel.region()
    assert after[0] > 40 and after[1:] == [100, 52, 116]
    mask_panel.check()
    mask_panel.drag("y", 1, -60)
    (x_start, x_end, y_start, y_end), _ = mask_panel.region()
    assert y_end < 110 and y_start == 52
    mask_panel.check()


def test_an_impossible_region_cannot_be_dragged_to(mask_panel):
    mask_panel.drag("y", 1, -400)
    mask_panel.check()
    mask_panel.drag("x", 0, 400)
    mask_panel.check()
    (x_start, x_end, y_start, y_end), _ = mask_panel.region()
    assert x_end - x_start >= 8 and y_end - y_start >= 8


def test_an_impossible_number_cannot_be_typed(mask_panel):
    before = mask_panel.image.get_attribute("src")
    field = mask_panel.box.locator("input[type=number]").nth(1)
    field.fill("99999")
    field.press("Enter")
    mask_panel.settle(before)
    mask_panel.check()
    assert mask_panel.region()[0][1] == 128


def test_reset(mask_panel):
    before = mask_panel.image.get_attribute("src")
    mask_panel.box.locator("button:has-text('Reset')").click()
    mask_panel.settle(before)
    mask_panel.check()
    assert mask_panel.region()[0] == [32, 96, 32, 96]


def test_the_crop_keeps_its_proportions(crop_panel):
    crop_panel.drag("y", 1, -80)
    crop_panel.check()
    (x_start, x_end, y_start, y_end), _ = crop_panel.region()
    assert abs((x_end - x_start) - (y_end - y_start)) <= 1 and y_end < 320


def test_repaint_changes_only_the_hole(page):
    crop, mask = Panel(page, "photo", 1), Panel(page, "crop", 1)
    crop.check()
    mask.check()
    page.locator("button:has-text('Repaint')").click()
    after = page.locator('figure img[alt*="seed"]').first
    after.wait_for(timeout=120_000)
    page.wait_for_selector("button:has-text('Save')", timeout=120_000)
    page.wait_for_timeout(1000)

    def pixels(image):
        data = image.get_attribute("src").partition("base64,")[2]
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))).astype(int)

    before = pixels(page.locator('figure img[alt="before"]').first)
    changed = np.abs(pixels(page.locator('figure img[alt*="seed"]').first) - before).mean(axis=2)
    x_start, x_end, y_start, y_end = mask.region()[0]
    hole = np.zeros((128, 128), bool)
    hole[128 - y_end : 128 - y_start, x_start:x_end] = True
    near = np.zeros((128, 128), bool)  # both were shown as JPEGs, whose blocks of 16 reach over the edge
    near[max(0, 112 - y_end) : 144 - y_start, max(0, x_start - 16) : x_end + 16] = True
    assert changed[hole].mean() > 5
    assert changed[~near].max() <= 2
