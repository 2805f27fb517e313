"""The picture that can be touched, in a real browser: what mouse, finger and pen do is what the kernel has."""

import hashlib
import json
import math
import random
import statistics

import numpy as np
import pytest
from in_a_browser import Hand, chromium, notebook_of, run_all, served, skip_without

from helpers import Stroke

skip_without("jupyterlab", "voila")

SIZE = 128
SETUP = f"""
import sys
sys.path[:0] = [p for p in ("../..",) if p not in sys.path]
import hashlib, json
import ipywidgets as widgets
import numpy as np
from helpers import CropPicker, MaskPicker, Region

photo = np.random.default_rng(1).integers(0, 256, (240, 320, 3), dtype=np.uint8)
crop_picker = CropPicker(photo, {SIZE}, {SIZE})
mask_picker = MaskPicker(crop_picker.cropped)
report = widgets.HTML()

def tell(_=None):
    told = {{
        "crop": crop_picker.touch.frame, "frame": mask_picker.touch.frame, "hole": str(mask_picker.hole),
        "mask": hashlib.sha1(mask_picker.mask.tobytes()).hexdigest(), "brush": mask_picker.brush.value,
        "sliders": [*mask_picker.x.value, *mask_picker.y.value],
    }}
    report.value = "<pre class=report>" + json.dumps(told) + "</pre>"

mask_picker.touch.observe(tell, ["veil", "brush"])
mask_picker.observe(tell, "region"), crop_picker.observe(tell, "region")
tell()
widgets.VBox([widgets.HBox([crop_picker, mask_picker], layout={{"flex_flow": "row wrap"}}), report])
"""
RECORDER = """
() => {
  window.heard = [];
  const tell = (event) => {
    const all = event.type === 'pointermove' ? event.getCoalescedEvents() : [];
    for (const each of all.length ? all : [event])
      window.heard.push([event.type, each.clientX, each.clientY, event.pointerType]);
  };
  for (const kind of ['pointerdown', 'pointermove', 'pointerup']) document.addEventListener(kind, tell, true);
}
"""


@pytest.fixture(scope="module", params=["voila", "jupyterlab"])
def page(request):
    with served(notebook_of(SETUP), request.param) as address:
        with chromium(viewport={"width": 1280, "height": 1200}, has_touch=True) as page:
            page.goto(address)
            if request.param == "jupyterlab":
                run_all(page, 1)
            page.wait_for_selector(".report", timeout=120_000)
            page.wait_for_selector("button:has-text('Paint')", timeout=60_000)
            page.evaluate(RECORDER)
            page.server = request.param
            yield page


class Picker:
    """The mask picker on the page."""

    def __init__(self, page, number=1):
        self.page, self.stage = page, page.locator(".touchable-stage").nth(number)

    def report(self):
        return json.loads(self.page.locator(".report").inner_text())

    def box(self):
        rect = "e => { const b = e.getBoundingClientRect(); return [b.left, b.top, b.width, b.height, b.bottom] }"
        return self.stage.locator("img").evaluate(rect)

    def client(self, x, y):
        """Where the picture's (x, y), from the bottom left, is on the page, in whole pixels of it."""
        left, _, width, height, bottom = self.box()
        at = left + x * width / SIZE, bottom - y * height / SIZE
        # a browser hears nothing of a mouse outside its window
        return tuple(min(max(round(value), 2), most) for value, most in zip(at, (1270, 1190)))

    def heard(self):
        """The last gesture as the browser told it, in pixels of the picture."""
        left, _, width, height, bottom = self.box()
        self.page.wait_for_function("window.heard.length && window.heard.at(-1)[0] === 'pointerup'")
        events = self.page.evaluate("window.heard")
        start = max(i for i, event in enumerate(events) if event[0] == "pointerdown")
        points = [((x - left) * SIZE / width, (bottom - y) * SIZE / height) for _, x, y, _ in events[start:]]
        kinds = {event[3] for event in events[start:]}
        return points, [event[0] for event in events[start:]], kinds

    def corner(self, x, y):
        """Which corner (right, top) lies at a place of the page; None for none. On small frames they overlap."""
        name = self.page.evaluate("([x, y]) => document.elementFromPoint(x, y).className", [x, y])
        return (int("right" in name), int("top" in name)) if "corner" in name else None

    def tool(self, name):
        self.page.locator(f"button:has-text('{name}')").first.click()
        self.page.wait_for_timeout(120)

    def settles(self, expected, what):
        """Waits until the kernel has what is expected, and holds it to that."""
        for _ in range(100):
            if self.report()[what] == expected:
                return
            self.page.wait_for_timeout(30)
        assert self.report()[what] == expected


def anywhere(chance):
    return chance.uniform(-25, 155), chance.uniform(-25, 155)


def rounded(value):
    return math.floor(value + 0.5)  # as JavaScript does


def digest(mask):
    return hashlib.sha1(mask.tobytes()).hexdigest()


def dragged(frame, corner, points):
    """The frame after its inside (corner None) or corner (right, top) went from the first of the points to the last."""
    x, y, width, height = frame
    dx, dy = points[-1][0] - points[0][0], points[-1][1] - points[0][1]
    if corner is None:
        return [min(max(rounded(x + dx), 0), SIZE - width), min(max(rounded(y + dy), 0), SIZE - height), width, height]
    spans = []
    for start, length, by, far in ((x, width, dx, corner[0]), (y, height, dy, corner[1])):
        if far:
            new = min(max(rounded(length + by), 8), SIZE - start)
            spans.append((start, new))
        else:
            new = min(max(rounded(length - by), 8), start + length)
            spans.append((start + length - new, new))
    return [spans[0][0], spans[1][0], spans[0][1], spans[1][1]]


def with_frame(frame, strokes):
    mask = np.ones((SIZE, SIZE), np.uint8)
    x, y, width, height = frame
    mask[SIZE - y - height : SIZE - y, x : x + width] = 0
    for stroke in strokes:
        mask = stroke.drawn(mask)
    return mask


def test_200_frames_and_strokes_are_what_their_points_say(page, figure):
    """At three device pixel ratios and two zooms, by mouse, finger and pen: the masks agree to the pixel."""
    picker, chance = Picker(page), random.Random(7)
    devtools = page.context.new_cdp_session(page)
    hands = {kind: Hand(page, kind) for kind in ("mouse", "touch", "pen")}
    gestures = 0
    for ratio in (1, 1.5, 2):
        for zoom in (1, 1.25):
            screen = {"width": 1280, "height": 1200, "deviceScaleFactor": ratio, "mobile": False}
            devtools.send("Emulation.setDeviceMetricsOverride", screen)
            page.evaluate(f"document.body.style.zoom = {zoom}")
            page.locator("button:has-text('Reset')").nth(1).click()
            strokes, frame = [], [32, 32, 64, 64]
            picker.settles(digest(with_frame(frame, strokes)), "mask")
            assert page.evaluate("window.devicePixelRatio") == ratio
            for tool in ("Move", "Paint", "Erase"):
                picker.tool(tool)
                for _ in range(6 if page.server == "jupyterlab" else 12):
                    kind = chance.choice([*hands])
                    if tool == "Move":
                        x, y, width, height = frame
                        part = chance.choice([(0.5, 0.5), (0, 0), (0, 1), (1, 0), (1, 1)])
                        start = x + part[0] * width, y + part[1] * height
                        # beside the picture a finger moves the page
                        way = [tuple(min(max(at, 1), SIZE - 1) for at in start), anywhere(chance), anywhere(chance)]
                        corner = picker.corner(*picker.client(*way[0]))
                    else:
                        way = [(chance.uniform(2, 126), chance.uniform(2, 126))]
                        way += [anywhere(chance) for _ in range(chance.randint(0, 4))]
                    page.evaluate("window.heard = []")
                    hands[kind].drag([picker.client(*point) for point in way])
                    points, events, kinds = picker.heard()
                    assert kinds == {kind} and events[0] == "pointerdown" and events[-1] == "pointerup", (kind, events)
                    if tool == "Move":
                        moves = [point for point, event in zip(points, events) if event == "pointermove"]
                        frame = dragged(frame, corner, [points[0], *moves])
                        picker.settles(frame, "frame")
                        x, y, width, height = frame
                        picker.settles([x, x + width, y, y + height], "sliders")
                    else:
                        strokes.append(Stroke(points, picker.report()["brush"], tool == "Erase"))
                    picker.settles(digest(with_frame(frame, strokes)), "mask")
                    gestures += 1
    devtools.send("Emulation.clearDeviceMetricsOverride")
    page.evaluate("document.body.style.zoom = 1")
    figure(f"frames and strokes by hand in {page.server}, masks agree to the pixel: {gestures}")


def test_the_sliders_lead_and_the_frame_follows(page):
    picker = Picker(page)
    page.locator("button:has-text('Reset')").nth(1).click()
    picker.tool("Move")
    picker.settles([32, 32, 64, 64], "frame")
    handle = page.locator(".widget-hslider:visible .noUi-handle-lower").nth(1)
    handle.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    picker.settles([37, 32, 59, 64], "frame")
    left, _, width, _, _ = picker.box()
    spot = picker.stage.locator(".touchable-frame").bounding_box()
    assert abs(spot["x"] - (left + 37 * width / SIZE)) <= 1


def test_the_crop_keeps_its_proportions_under_the_hand(page):
    crop = Picker(page, 0)
    crop.stage.scroll_into_view_if_needed()
    left, top, width, height, bottom = crop.box()
    x, y, wide, high = crop.report()["crop"]
    scale = width / 320
    corner = left + (x + wide) * scale - 2, bottom - (y + high) * scale + 2  # a picture's edge may be cut off
    way = [corner, (corner[0] - 30, corner[1] + 10), (corner[0] - 60, corner[1] + 90)]
    Hand(page, "pen").drag(way)
    page.wait_for_timeout(600)
    after = crop.report()["crop"]
    assert after[:2] == [x, y] and after[2] == after[3] and 60 < wide - after[2] < 75
    shown = crop.stage.locator(".touchable-frame").get_attribute("aria-label")
    assert f"x {x} to {x + after[2]}, y {y} to {y + after[3]}" in shown


def test_everything_by_keyboard(page):
    """Frames by arrows, with Shift by tens; a stroke by Space and arrows; undo and redo."""
    picker = Picker(page)
    page.locator("button:has-text('Reset')").nth(1).click()
    picker.tool("Move")
    picker.settles([32, 32, 64, 64], "frame")
    picker.stage.locator(".touchable-frame").focus()
    for key in ("ArrowUp", "Shift+ArrowUp", "Shift+ArrowRight"):
        page.keyboard.press(key)
    picker.settles([42, 43, 64, 64], "frame")
    picker.stage.get_by_role("button", name="bottom left corner").focus()
    for key in ("ArrowRight", "Shift+ArrowDown"):
        page.keyboard.press(key)
    picker.settles([43, 33, 63, 74], "frame")
    picker.tool("Paint")
    picker.stage.focus()
    size = picker.report()["brush"]
    page.keyboard.press("-")
    page.wait_for_timeout(300)
    assert picker.report()["brush"] < size
    size = picker.report()["brush"]
    for key in (*["Shift+ArrowLeft"] * 5, " ", "ArrowUp", "Shift+ArrowLeft", " "):
        page.keyboard.press(key)
    stroke = Stroke([(14, 64), (14, 65), (4, 65)], size)
    picker.settles(digest(with_frame([43, 33, 63, 74], [stroke])), "mask")
    page.keyboard.press("Control+z")
    picker.settles(digest(with_frame([43, 33, 63, 74], [])), "mask")
    page.keyboard.press("Control+Shift+z")
    picker.settles(digest(with_frame([43, 33, 63, 74], [stroke])), "mask")


def test_the_wheel_changes_the_brush(page):
    picker = Picker(page)
    picker.tool("Paint")
    before, (left, top, width, height, _) = picker.report()["brush"], picker.box()
    page.mouse.move(left + width / 2, top + height / 2)
    page.mouse.wheel(0, -100)
    page.wait_for_timeout(400)
    larger = picker.report()["brush"]
    page.mouse.wheel(0, 100)
    page.mouse.wheel(0, 100)
    page.wait_for_timeout(400)
    assert before < larger > picker.report()["brush"]


def test_from_a_drag_to_its_veil(page, figure):
    """The frame on the screen moves at once; this is the way through the kernel and back, one move at a time."""
    picker = Picker(page)
    page.locator("button:has-text('Reset')").nth(1).click()
    picker.tool("Move")
    picker.settles([32, 32, 64, 64], "frame")
    script = """
    (stage) => {
      window.times = [];
      let moved = null;
      stage.addEventListener('pointermove', () => (moved = performance.now()), true);
      new MutationObserver(() => {
        if (moved !== null) window.times.push(performance.now() - moved);
        moved = null;
      }).observe(stage, { attributes: true, attributeFilter: ['data-answered'] });
    }
    """
    picker.stage.evaluate(script)
    x, y = picker.client(64, 64)
    page.mouse.move(x, y)
    page.mouse.down()
    for number in range(30):
        page.mouse.move(x + 3 * (number + 1), y)
        page.wait_for_timeout(150)
    page.mouse.up()
    times = page.evaluate("window.times")
    figure(f"drag to the veil from the kernel, {page.server}: median {statistics.median(times):.0f} ms of {len(times)}")
    assert len(times) > 10 and statistics.median(times) < 1000
