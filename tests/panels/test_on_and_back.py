"""On from a result and back, in a real browser: a hole painted by hand, before and after, the next photo, the last."""

import json

import pytest
from in_a_browser import Hand, chromium, notebook_of, served, skip_without

skip_without("voila")

SETUP = """
import sys
sys.path[:0] = [p for p in ("../..",) if p not in sys.path]
import json
import ipywidgets as widgets
import numpy as np
from helpers import InpaintStudio, Region, StableDiffusion, crop

photo = np.random.default_rng(1).integers(0, 256, (200, 240, 3), dtype=np.uint8)
studio = InpaintStudio(StableDiffusion("pocket"), photo, "a panda")
studio.crop_picker.region = Region(40, 30, 128, 128)
studio.mask_picker.shape_box.value = "none"
studio.num_steps.value = 4
report = widgets.HTML()

def tell(_=None):
    told = {"photo is the first": bool((studio.crop_picker.picture == photo).all()), "earlier": len(studio._earlier)}
    told["hole"] = int((studio.mask_picker.mask == 0).sum())
    told["strokes"] = len(studio.mask_picker.hole.marks)
    if studio.pictures is not None:
        wish = studio._last.wish
        kept = wish.mask == 1
        told["kept"] = bool((studio.pictures[0][kept] == wish.crop[kept]).all())
        told["repainted"] = float((studio.pictures[0][~kept] != wish.crop[~kept]).mean())
        inside = np.zeros(photo.shape[:2], bool)
        inside[200 - 30 - 128 : 200 - 30, 40 : 40 + 128] = ~kept
        told["whole photo kept"] = bool((studio.photos[0][~inside] == wish.photo[~inside]).all())
        told["whole photo repainted"] = float((studio.photos[0][inside] != wish.photo[inside]).mean())
        told["photo is the result"] = bool((studio.crop_picker.picture == studio.photos[0]).all())
    report.value = "<pre class=report>" + json.dumps(told) + "</pre>"

studio.mask_picker.touch.observe(tell, "veil")
studio.message.observe(tell, "value"), studio.gallery.observe(tell, "children")
studio.crop_picker.observe(tell, "picture"), studio.back_button.observe(tell, "disabled")
tell()
widgets.VBox([studio, report])
"""


@pytest.fixture(scope="module")
def page():
    with served(notebook_of(SETUP), "voila") as address, chromium(viewport={"width": 1280, "height": 800}) as page:
        page.goto(address, timeout=180_000)
        page.wait_for_selector("button:has-text('Paint')", timeout=120_000)
        page.wait_for_timeout(1000)
        yield page


def told(page):
    return json.loads(page.locator(".report").text_content())


def settles(page, **expected):
    """Waits until the kernel tells what is expected, and holds it to that."""
    for _ in range(600):
        if expected.items() <= told(page).items():
            break
        page.wait_for_timeout(50)
    assert expected.items() <= told(page).items()
    return told(page)


def button(page, name):
    return page.locator(f"button:visible:has-text('{name}')").first


def test_a_hole_painted_by_hand_and_nothing_else_is_repainted(page):
    button(page, "Paint").click()
    page.wait_for_selector(".touchable-stage.painting", timeout=60_000)  # the kernel has answered
    box = page.locator(".touchable-stage").nth(1).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    Hand(page, "mouse").drag([(x - 40, y - 20), (x, y), (x + 40, y + 30)])
    assert settles(page, strokes=1)["hole"] > 100
    button(page, "Repaint").click()
    page.wait_for_selector(".divider-stage", timeout=120_000)
    now = settles(page, kept=True, **{"whole photo kept": True})
    assert now["repainted"] > 0.9 and now["whole photo repainted"] > 0.9


def test_the_divider_is_dragged_between_before_and_after(page):
    stage = page.locator(".divider-stage").first
    box = stage.bounding_box()
    seen = "e => [getComputedStyle(e).clipPath, e.closest('.divider-stage').querySelector('.divider-line').style.left]"
    before = stage.locator(".divider-before")
    assert before.evaluate(seen)[1] == "0%"
    middle = box["y"] + box["height"] / 2
    Hand(page, "mouse").drag([(box["x"] + 2, middle), (box["x"] + 30, middle), (box["x"] + box["width"] / 2, middle)])
    clip, left = before.evaluate(seen)
    assert 45 <= float(left.rstrip("%")) <= 55 and clip.startswith("inset(0px") and "%" in clip, (clip, left)
    stage.locator("input").focus()
    page.keyboard.press("ArrowRight")
    assert float(before.evaluate(seen)[1].rstrip("%")) == float(left.rstrip("%")) + 1


def test_the_whole_photo_is_shown_and_the_crop_again(page):
    def proportions():
        after = page.locator(".divider-after").first
        after.evaluate("e => e.decode()")
        return after.evaluate("e => [e.naturalWidth, e.naturalHeight]")

    assert proportions() == [128, 128]
    button(page, "Into the photo").click()
    page.wait_for_function("document.querySelector('.divider-after')?.naturalWidth == 240", timeout=10_000)
    assert proportions() == [240, 200]
    button(page, "Into the photo").click()
    page.wait_for_function("document.querySelector('.divider-after')?.naturalWidth == 128", timeout=10_000)


def test_a_result_becomes_the_photo_and_the_photo_before_comes_back(page):
    assert button(page, "Photo before").is_disabled()
    shown = page.locator(".touchable-picture").first
    first = shown.get_attribute("src")
    button(page, "Use as photo").click()
    settles(page, **{"photo is the result": True, "photo is the first": False, "earlier": 1, "strokes": 1})
    assert button(page, "Photo before").is_enabled()
    page.wait_for_function("src => document.querySelector('.touchable-picture').src != src", arg=first, timeout=10_000)
    button(page, "Photo before").click()
    settles(page, **{"photo is the result": False, "photo is the first": True, "earlier": 0, "strokes": 1})
    page.wait_for_function("src => document.querySelector('.touchable-picture').src == src", arg=first, timeout=10_000)
    assert button(page, "Photo before").is_disabled()
