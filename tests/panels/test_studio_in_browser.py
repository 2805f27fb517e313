"""The two panels in a real browser: all on one screen, stopped at the next step, by keyboard, with names."""

import re
import time

import pytest
from in_a_browser import ROOT, chromium, notebook_of, run_all, served, skip_without

skip_without("jupyterlab", "voila", "axe_playwright_python")

SETUP = """
import sys
sys.path[:0] = [p for p in ("../..",) if p not in sys.path]
import tempfile
from helpers import GenerationStudio, InpaintStudio, Region, StableDiffusion, load_image

model = StableDiffusion("pocket")
"""
INPAINT = """
studio = InpaintStudio(model, "../../assets/photos/beach.png", "a panda riding a skateboard at the beach")
studio.crop_picker.region = Region(200, 30, 320, 320)
studio.mask_picker.region = Region(36, 52, 64, 64)
studio.num_steps.value = 10
studio.folder = tempfile.mkdtemp()
studio
"""
GENERATE = """
studio = GenerationStudio(model, folder=tempfile.mkdtemp())
studio.num_steps.value = 10
studio
"""
CELLS = {"inpaint": SETUP + INPAINT, "generate": SETUP + GENERATE}
VERB = {"inpaint": "Repaint", "generate": "Generate"}


@pytest.fixture(scope="module", params=["inpaint-voila", "generate-voila", "inpaint-jupyterlab"])
def page(request):
    kind, by = request.param.split("-")
    with served(notebook_of(CELLS[kind]), by) as address, chromium(viewport={"width": 1280, "height": 800}) as page:
        page.goto(address, timeout=180_000)
        if by == "jupyterlab":
            page.evaluate("localStorage.clear()")
            run_all(page, 1)
            page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
            page.evaluate("document.querySelector('.jp-CodeCell .jp-Cell-inputWrapper').style.display = 'none'")
        page.wait_for_selector(f"button:has-text('{VERB[kind]}')", timeout=180_000)
        page.wait_for_timeout(1500)
        page.kind, page.by, page.verb = kind, by, VERB[kind]
        yield page


def result(page):
    return page.locator(".divider-stage, figure:visible").first


def draw(page):
    page.get_by_role("button", name=page.verb).click()
    page.wait_for_selector("button:has-text('Keep these settings')", timeout=180_000)
    page.wait_for_timeout(1000)


def steps_set_to(page, steps):
    readout = page.locator(".widget-readout:visible").filter(has_text=re.compile(r"^\d+$")).last
    steps_row = page.locator(".widget-hslider:has(label:text-is('Steps')) .widget-readout")
    (steps_row if steps_row.count() else readout).click()
    page.keyboard.press("Control+a")
    page.keyboard.type(str(steps))
    page.keyboard.press("Enter")
    page.wait_for_timeout(500)


def test_all_of_it_on_one_screen(page):
    draw(page)
    page.screenshot(path=ROOT / "outputs" / f"{page.kind}_{page.by}_1280.png")
    parts = [page.get_by_role("button", name=page.verb), result(page)]
    if page.kind == "inpaint":
        parts += [page.locator(".touchable-stage").nth(0), page.locator(".touchable-stage").nth(1)]
    for part in parts:
        box = part.bounding_box()
        assert box["x"] >= 0 and box["y"] >= 0, box
        assert box["x"] + box["width"] <= 1280 and box["y"] + box["height"] <= 800, box


def test_nothing_serious_for_axe(page, figure):
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, context=".studio").response["violations"]
    told = [(each["id"], each["impact"], [node["html"][:160] for node in each["nodes"]][:3]) for each in found]
    figure(f"axe, {page.kind} in {page.by}: {[each[:2] for each in told]}")
    assert not [each for each in told if each[1] in ("serious", "critical")], told


@pytest.mark.parametrize("how", ["button", "Escape"])
def test_stop_ends_within_a_step_and_all_is_usable_again(page, figure, how):
    steps_set_to(page, 100)
    page.get_by_role("button", name=page.verb).click()
    page.wait_for_selector("text=/Step [2-9]\\d? of/", timeout=60_000)
    begin = time.monotonic()
    if how == "button":
        page.get_by_role("button", name="Stop").click()
    else:
        page.locator(".studio-prompt textarea").press("Escape")
    page.wait_for_selector("text=/Stopped at step \\d+ of/", timeout=30_000)
    seconds = time.monotonic() - begin
    words = page.locator("text=/Stopped at step \\d+ of/").first.inner_text()
    figure(f"{how}, {page.kind} in {page.by}: {words} {1000 * seconds:.0f} ms from the press to the result")
    done, total = map(int, re.findall(r"\d+", words)[:2])
    assert done < total and seconds < 5
    steps_set_to(page, 4)
    page.locator(".studio-prompt textarea").press("Control+Enter")
    page.wait_for_function("!document.body.innerText.includes('Stopped at step')", timeout=60_000)
    page.wait_for_selector("button:has-text('Stop')[disabled]", timeout=60_000)
    page.wait_for_timeout(500)


def test_the_crop_may_leave_the_photo(page):
    if page.kind != "inpaint":
        pytest.skip("nothing is cropped there")
    page.locator("button:has-text('Beyond the edge')").click()
    room = page.locator(".widget-hslider:has(label:text-is('Room')) .noUi-handle")
    for _ in range(5):  # from 0 to 25 per cent of 540 × 405 pixels
        room.press("ArrowRight")
        page.wait_for_timeout(300)
    page.wait_for_timeout(1500)
    frame = page.locator(".touchable-frame").nth(0)
    assert "frame: x 101 to 708, y 0 to 607" in frame.get_attribute("aria-label"), "the largest square of 810 × 607"
    draw(page)
    page.screenshot(path=ROOT / "outputs" / f"beyond_{page.by}.png")
    room.press("Home")
    page.wait_for_timeout(1500)
    page.locator("button:has-text('Beyond the edge')").click()


def test_one_column_on_a_phone(page):
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(1200)
    if page.by == "voila":
        page.screenshot(path=ROOT / "outputs" / f"{page.kind}_{page.by}_390.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        for part in page.locator(".studio button:visible, .studio textarea, .touchable-stage").all():
            box = part.bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= 390, (part.inner_text(), box)
    page.set_viewport_size({"width": 1280, "height": 800})
