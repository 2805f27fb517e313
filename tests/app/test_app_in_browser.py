"""The pages in a real browser: two people at once, by keyboard alone, on a phone, and gone without a word."""

import re
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

sys.path[:0] = [str(Path(__file__).parents[1] / "panels")]
from in_a_browser import ROOT, chromium, free_port, skip_without  # noqa: E402

from helpers import read_recipe  # noqa: E402
from tests.app.stand_in import COLOURS, pages  # noqa: E402

skip_without("voila", "axe_playwright_python")


pytestmark = pytest.mark.filterwarnings("ignore:.*does not reproduce:UserWarning")  # the painter's pictures


@pytest.fixture(scope="module")
def address():
    with pages(f"--port={free_port()}") as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    with chromium() as page:
        yield page.context.browser


def opened(browser, address, verb="Generate", **options):
    """The page, of somebody of their own, and the id of its kernel."""
    page = browser.new_context(**{"viewport": {"width": 1280, "height": 800}} | options).new_page()
    page.set_default_timeout(60_000)
    with page.expect_websocket(lambda socket: "/channels" in socket.url) as socket:
        page.goto(address)
    page.wait_for_selector(f"button:has-text('{verb}')")
    page.wait_for_timeout(1000)
    return page, re.search(r"/api/kernels/([\w-]+)/", socket.value.url)[1]


@pytest.fixture(scope="module")
def two(browser, address):
    (one, _), (other, _) = opened(browser, address), opened(browser, address)
    return one, other


def fill(page, prompt, steps):
    page.get_by_label("Prompt", exact=True).fill(prompt)
    row = page.locator(".widget-hslider:has(label:text-is('Steps')) .widget-readout")
    row.click()
    page.keyboard.press("Control+a")
    page.keyboard.type(str(steps))
    page.keyboard.press("Enter")


def press(page):
    page.get_by_role("button", name="Generate").click()


def downloaded(page, tmp_path):
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").first.press("Enter")
    download.value.save_as(tmp_path / download.value.suggested_filename)
    return tmp_path / download.value.suggested_filename


def test_two_draw_at_once_and_each_sees_only_their_own(two, tmp_path):
    for page, colour in zip(two, COLOURS):
        fill(page, f"something {colour}", 30)
    for page in two:
        press(page)
    two[1].wait_for_selector("text=/^Place 2 in the queue/")
    two[1].wait_for_selector("text=/^Place 2 in the queue, done in about \\d+ s$/")
    for page, (colour, pixel) in zip(two, COLOURS.items()):
        page.wait_for_selector("button:has-text('Download')")
        file = downloaded(page, tmp_path)
        assert Image.open(file).getpixel((5, 5)) == pixel
        assert read_recipe(file)["prompt"] == f"something {colour}"
        (other,) = {*COLOURS} - {colour}
        shown = page.locator(".studio").inner_html()
        assert f"something {colour}" in shown and f"something {other}" not in shown


def test_a_closed_tab_frees_its_place_and_its_kernel(browser, address, two, figure):
    gone, kernel = opened(browser, address)
    fill(gone, "something green", 100)
    fill(two[0], "something red", 100)
    press(gone)
    gone.wait_for_selector("text=/^Step \\d/")
    press(two[0])
    two[0].wait_for_selector("text=/^Place 2/")
    begin = time.monotonic()
    gone.close(run_before_unload=True)
    two[0].wait_for_selector("text=/^Step \\d/")
    figure(f"a closed tab's place is free after {time.monotonic() - begin:.1f} s")
    assert time.monotonic() - begin < 6, "with its 100 steps it would have taken 10 s"
    # by its own message: noticed by its lost connection, it would take 20 s
    while two[0].request.get(f"{address}api/kernels/{kernel}").status != 404:
        assert time.monotonic() - begin < 10, "its kernel is still there"
        time.sleep(0.2)
    figure(f"and its kernel has ended after {time.monotonic() - begin:.1f} s")
    two[0].get_by_role("button", name="Stop").click()
    two[0].wait_for_selector("text=/^Stopped at step/")


def test_by_keyboard_alone(two, tmp_path):
    page = two[1]
    page.locator("h1").click()  # from the top
    focused = "document.activeElement"
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate(f"{focused}.tagName") == "TEXTAREA":
            break
    page.keyboard.press("Control+a")
    page.keyboard.type("typed red")
    seen = []
    for _ in range(10):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(f"{focused}.innerText || {focused}.getAttribute('aria-label') || {focused}.type"))
        outline = page.evaluate(f"(s => s.outlineStyle + s.boxShadow + s.borderColor)(getComputedStyle({focused}))")
        assert outline != "nonenone", f"focus is not seen on {seen[-1]}"
        if "Generate" in seen[-1]:
            break
    assert "Generate" in seen[-1], seen
    page.keyboard.press("Enter")
    page.wait_for_selector("img[alt*='typed red']")
    page.wait_for_selector("button:has-text('Stop')[disabled]")
    assert read_recipe(downloaded(page, tmp_path))["prompt"] == "typed red"


def serious(page):
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        (each["id"], [node["html"][:160] for node in each["nodes"]][:3])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]


def test_nothing_serious_for_axe_and_nothing_wider_than_a_phone(browser, address, two):
    there = opened(browser, f"{address}voila/render/inpainting.ipynb", "Repaint")[0]
    teaching = opened(browser, f"{address}voila/render/teaching.ipynb", "Teach")[0]
    for page, name in ((two[1], "generation"), (there, "inpainting"), (teaching, "teaching")):
        assert serious(page) == []
        page.set_viewport_size({"width": 390, "height": 844})
        page.wait_for_timeout(800)
        page.screenshot(path=ROOT / "outputs" / f"app_{name}_390.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        for part in page.locator(".studio button:visible, .studio textarea, .touchable-stage").all():
            box = part.bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= 390, part.inner_text()


def test_teaching_is_told_what_it_cannot_do(browser, address):
    page = opened(browser, f"{address}voila/render/teaching.ipynb", "Teach")[0]
    assert page.locator(".studio img").count() == 5, "there is something to begin with"
    page.get_by_role("button", name="Teach").click()
    page.wait_for_selector("[role=alert]:has-text('the pocket model alone')")  # the painter is none
    assert page.get_by_role("button", name="Teach").is_enabled()


def test_files_too_large_for_a_message_are_refused_by_the_page(browser, address, tmp_path):
    halves, small = [tmp_path / f"{number}.png" for number in range(2)], tmp_path / "small.png"
    for half in halves:
        half.write_bytes(bytes(30_000_000))
    large = tmp_path / "large.png"
    large.write_bytes(bytes(60_000_000))
    Image.new("RGB", (80, 60), "green").save(small)
    told = []

    def choose(page, button, files):
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name=button).click()
        chooser.value.set_files(files)

    for name, verb, button, files, taken in (
        ("inpainting", "Another photo", "Your photo", [large], "The photo is 80 × 60 pixels"),
        ("teaching", "Teach", "Pictures of it", halves, "Pictures of it (1)"),
    ):
        page = opened(browser, f"{address}voila/render/{name}.ipynb", verb)[0]
        page.on("dialog", lambda dialog: (told.append(dialog.message), dialog.accept()))
        if verb == "Another photo":
            page.get_by_role("button", name=verb).click()
        choose(page, button, files)
        page.wait_for_timeout(500)
        assert told.pop().startswith("The choice has 60 MB; up to 50 MB"), name
        choose(page, button, [small])  # the connection is still there
        page.wait_for_selector(f"text={taken}")
        page.close()
