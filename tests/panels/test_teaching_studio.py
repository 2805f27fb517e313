"""The teaching panel, driven as a browser drives it; the learning is a stand-in."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from helpers import TeachingStudio
from helpers.panels import teaching_studio
from helpers.pictures.curves import LossCurve
from tests.panels.uploads import uploaded


class Pupil:
    """Learns at once how often it was asked to; what it was begun with is kept in `begun`."""

    begun: list[dict] = []

    def __init__(self, model, pictures, **options):
        if len(pictures) < 3:
            raise ValueError(f"Learning takes 3 to 10 pictures, got {len(pictures)}.")
        self.begun.append({"pictures": len(pictures), **options})
        self.word, self.number, self.asked = options["word"], 0, []

    def steps(self, count):
        for _ in range(count):
            self.number += 1
            self.at_step(self.number)
            yield SimpleNamespace(number=self.number, loss=1 / self.number)

    def at_step(self, number):
        pass

    def preview(self, prompt, seed):
        self.asked.append((prompt, seed))
        return np.full((1, 8, 8, 3), seed, np.uint8)

    def save(self, folder):
        path = folder / "cat-toy.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"learned")
        return {"embeddings": {self.word: path}}


PICTURES = [np.full((8, 8, 3), 60 * i, np.uint8) for i in range(4)]


@pytest.fixture
def clock(monkeypatch):
    """A second a look at it."""
    now = iter(range(10_000))
    monkeypatch.setattr(teaching_studio.time, "monotonic", lambda: next(now))


@pytest.fixture
def studio(tmp_path, clock):
    Pupil.begun.clear()
    studio = TeachingStudio(
        "model", Pupil, PICTURES, "<cat-toy>", "cat", ["a {} here", "b {}"], folder=tmp_path / "out"
    )
    studio.seconds.value = 20
    return studio


def test_it_learns_for_its_time_and_then_draws_and_saves(studio, tmp_path):
    assert studio.draw_button.disabled and studio.save_button.disabled and studio.stop_button.disabled
    assert studio.examples.value.count("<img") == 4
    studio.teach_button.click()
    assert Pupil.begun == [{"pictures": 4, "prompts": ["a {} here", "b {}"], "word": "<cat-toy>", "like": "cat"}]
    taken = studio.learning.number
    assert 15 <= taken <= 21 and f"Learned for {taken} steps" in studio.message.value
    assert studio.looks.value.count("<img") == 2  # after 10 s, and at the end
    assert f"step {taken}" in studio.looks.value and "Loss 1.000 at first" in studio.curve.value
    assert not studio.draw_button.disabled and studio.stop_button.disabled and not studio.status.value

    studio.prompt.value, studio.seed.value = "a {} at sea", 7
    studio.draw_button.click()
    studio.draw_button.click()
    assert studio.learning.asked[-2:] == [("a {} at sea", 7), ("a {} at sea", 8)]
    assert "a &lt;cat-toy&gt; at sea, seed 8" in studio.tries.value.split("<figure")[1]
    path = tmp_path / "out" / "cat-toy.safetensors"
    assert studio.save() == {"embeddings": {"<cat-toy>": path}} and path.read_bytes() == b"learned"
    assert "cat-toy.safetensors" in studio.message.value


def test_teach_goes_on_and_begins_anew_only_after_a_change(studio):
    studio.teach()
    first, taken = studio.learning, studio.learning.number
    studio.prompt.value = "tried only"
    studio.teach()
    assert studio.learning is first and first.number > taken and len(Pupil.begun) == 1
    studio.word.value = "<other>"
    studio.teach()
    assert studio.learning is not first and Pupil.begun[-1]["word"] == "<other>"
    assert studio.looks.value.count("<img") == 2 and len(studio.losses.smooth) == studio.learning.number


def test_stop_ends_at_the_next_step_and_keeps_what_was_learned(studio, monkeypatch):
    monkeypatch.setattr(Pupil, "at_step", lambda self, number: number == 5 and studio.stop_button.click())
    studio.teach_button.click()
    assert studio.learning.number == 5 and not studio.save_button.disabled
    assert "Learned for 5 steps" in studio.message.value


def test_while_it_learns_nothing_else_begins(studio, monkeypatch):
    seen = []

    def press(self, number):
        seen.append((studio.teach_button.disabled, studio.draw_button.disabled, studio.stop_button.disabled))
        studio.teach()
        studio.draw()
        assert studio.save() == {}

    monkeypatch.setattr(Pupil, "at_step", press)
    studio.teach()
    assert set(seen) == {(True, True, False)} and len(Pupil.begun) == 1 and not studio.tries.value


def test_what_is_wrong_is_told_and_what_was_learned_stays(studio):
    studio.teach()
    learned = studio.learning
    studio._take(PICTURES[:2])
    studio.teach()
    assert "got 2" in studio.message.value and 'role="alert"' in studio.message.value
    assert studio.learning is learned and not studio.save_button.disabled


def test_uploads_take_the_place_of_the_pictures(studio):
    def upload(*contents):
        studio.upload.set_trait("value", uploaded(*contents))

    def file(picture):
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "PNG")
        return buffer.getvalue()

    upload(*map(file, PICTURES[:3]))
    assert studio.examples.value.count("<img") == 3
    np.testing.assert_array_equal(studio.pictures[1], PICTURES[1])
    upload(file(PICTURES[0]), b"no picture")
    assert 'role="alert"' in studio.message.value and len(studio.pictures) == 3


def test_without_a_folder_files_are_downloaded(clock):
    studio = TeachingStudio("model", Pupil, PICTURES, "<cat-toy>", "cat", folder=None)
    studio.seconds.value = 10
    sent = []
    for each in studio.browser:
        each.send = lambda said, buffers: sent.append((said["name"], buffers[0]))
    studio.teach()
    assert studio.save_button.description == "Download"
    studio.save_button.click()
    assert sent == [("cat-toy.safetensors", b"learned")] * len(studio.browser)
    assert "Downloaded" in studio.message.value


def test_a_long_curve_stays_small_and_in_its_frame():
    curve = LossCurve()
    for number in range(5000):
        curve.add(2 / (1 + number) + (number % 7))
    points = curve.html.split('points="')[1].split('"')[0].split()
    assert len(points) == 130
    x, y = np.array([point.split(",") for point in points], float).T
    assert (np.diff(x) > 0).all() and x[-1] == 260 and y.min() >= 0 and y.max() <= 60
    assert y[0] > y[-1] or curve.smooth[0] > curve.smooth[-1]
