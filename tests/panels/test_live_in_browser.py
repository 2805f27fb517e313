"""A live form in a real browser: a burst of changes ends in one picture of the last state, and each is seen at once."""

import pytest
from in_a_browser import chromium, notebook_of, served, skip_without

skip_without("voila")

CELL = """
import sys
sys.path[:0] = [p for p in ("../..",) if p not in sys.path]
from helpers import GenerationStudio, StableDiffusion

model = StableDiffusion("pocket")
model.text_to_image("a cat", num_steps=5, seed=0, verbose=False)
studio = GenerationStudio(model, live=True)
studio
"""
# Of every picture that comes onto the screen: when, and its words.
WATCH = """
window.seen = [];
new MutationObserver(() => {
    const image = document.querySelector("figure img");
    const last = window.seen.at(-1);
    if (image && !(last && last.alt === image.alt)) window.seen.push({alt: image.alt, at: performance.now()});
}).observe(document.body, {subtree: true, childList: true, attributes: true});
document.addEventListener("keydown", () => { window.pressed = performance.now(); }, true);
"""


@pytest.fixture(scope="module")
def page():
    with served(notebook_of(CELL), "voila") as address, chromium(viewport={"width": 1280, "height": 800}) as page:
        page.goto(address, timeout=180_000)
        page.wait_for_selector("button:has-text('Generate')", timeout=180_000)
        page.wait_for_timeout(1500)
        page.evaluate(WATCH)
        yield page


def seed_up(page):
    page.locator(".widget-text:has(label:text-is('Seed')) input").press("ArrowUp")


def wait_for(page, seed):
    page.wait_for_function(f"window.seen.length && window.seen.at(-1).alt.endsWith('seed {seed}')", timeout=60_000)


def test_a_burst_of_100_changes_ends_in_one_picture_of_the_last(page, figure):
    assert page.locator("figure").count() == 0
    for _ in range(100):
        seed_up(page)
    wait_for(page, 100)
    page.wait_for_timeout(1500)
    alts = page.evaluate("window.seen.map(each => each.alt)")
    figure(f"live, 100 changes in a browser: {len(alts)} pictures seen, the last of seed 100")
    assert alts[-1].endswith("seed 100") and page.locator("figure").count() == 1
    assert len(alts) < 50, "most were dropped"


def test_a_change_is_seen_at_once(page, figure):
    took = []
    for seed in range(101, 109):
        page.wait_for_timeout(300)
        seed_up(page)
        wait_for(page, seed)
        took.append(page.evaluate("window.seen.at(-1).at - window.pressed"))
    took.sort()
    figure(f"live, from a key to its picture in a browser: {took[4]:.0f} ms ({took[0]:.0f} to {took[-1]:.0f})")
    assert took[4] < 5000
