"""The inpainting notebook's widgets in JupyterLab, in a real browser: dragged, typed into, clicked.

Needs Chromium (on Debian: apt-get install chromium) and skips without it, unless REQUIRE_BROWSER is set.
"""

import base64
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CELLS = ("parameters", "setup", "photo", "crop", "cropped", "mask", "studio")

if not os.environ.get("REQUIRE_BROWSER"):
    pytest.importorskip("jupyterlab")
    pytest.importorskip("playwright")
    if not CHROMIUM:
        pytest.skip("no Chromium here", allow_module_level=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def lab():
    """The address of a JupyterLab with the notebook's cells of widgets in it."""
    notebook = json.loads((ROOT / "notebooks" / "2_inpainting.ipynb").read_text(encoding="utf-8"))
    cells = {cell["id"]: cell for cell in notebook["cells"]}
    notebook["cells"] = [cells[name] | {"outputs": [], "execution_count": None} for name in CELLS]
    source = "".join(notebook["cells"][CELLS.index("studio")]["source"])
    source = source.replace("region, hole", "crop_picker.region, mask_picker.region")
    notebook["cells"][-1]["source"] = source.removesuffix("studio") + "studio.num_steps.value = 3\nstudio"
    (ROOT / "outputs").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "outputs") as folder:
        (Path(folder) / "widgets.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
        port = free_port()
        settings = {
            "--ip": "127.0.0.1",
            "--port": port,
            "--IdentityProvider.token": "",
            "--ServerApp.root_dir": folder,
            "--LabApp.expose_app_in_browser": True,
        }
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
        environment = os.environ | {
            "JUPYTER_PREFER_ENV_PATH": "1",
            "JUPYTER_CONFIG_DIR": f"{folder}/.config",
            "JUPYTER_DATA_DIR": f"{folder}/.data",
            "IPYTHONDIR": f"{folder}/.ipython",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        server = subprocess.Popen(
            [*command, *(f"{name}={value}" for name, value in settings.items())],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            for _ in range(120):
                try:
                    urllib.request.urlopen(f"{address}/api", timeout=5).close()
                    break
                except OSError:
                    time.sleep(0.5)
            yield address
        finally:
            server.terminate()
            server.wait(30)


@pytest.fixture(scope="module")
def page(lab):
    """The notebook in the browser, its cells run."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1500, "height": 4200})
        try:
            page.goto(f"{lab}/lab/tree/widgets.ipynb")
            page.wait_for_function("window.jupyterapp && document.querySelectorAll('.jp-CodeCell').length == 7")
            page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]", timeout=60_000)
            page.wait_for_timeout(4000)  # a kernel just started may drop what is asked of it at once
            page.evaluate("jupyterapp.commands.execute('runmenu:run-all')")
            page.wait_for_selector("button:has-text('Repaint')", timeout=120_000)
            yield page
        finally:
            page.screenshot(path=ROOT / "outputs" / "browser.png")
            browser.close()


class Panel:
    """One picker on the page: the n-th preview of the crop or of the mask."""

    def __init__(self, page, what, number=0):
        self.page, self.what = page, what
        self.image = page.locator(f'img[alt^="The {what} of"]').nth(number)
        self.box = self.image.locator("xpath=ancestor::div[contains(@class, 'widget-vbox')][1]")

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
        pink = (shown[..., 0] - shown[..., 1] > 45) & (shown[..., 2] - shown[..., 1] > 5)
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

    before = pixels(page.locator('figure img[alt="the crop before"]').first)
    changed = np.abs(pixels(page.locator('figure img[alt*="seed"]').first) - before).mean(axis=2)
    x_start, x_end, y_start, y_end = mask.region()[0]
    hole = np.zeros((128, 128), bool)
    hole[128 - y_end : 128 - y_start, x_start:x_end] = True
    near = np.zeros((128, 128), bool)  # both were shown as JPEGs, whose blocks of 16 reach over the edge
    near[max(0, 112 - y_end) : 144 - y_start, max(0, x_start - 16) : x_end + 16] = True
    assert changed[hole].mean() > 5
    assert changed[~near].max() <= 2
