"""Teaching on the pages: only so many at once, and only while they learn."""

import contextlib
from types import SimpleNamespace

import numpy as np
import pytest

from helpers import TeachingStudio
from helpers.app import teaching
from helpers.app.shared_model import LEARNING, SharedModel, serve
from tests.app.stand_in import SlowPainter

PICTURES = [np.full((8, 8, 3), 60 * i, np.uint8) for i in range(3)]


class Pupil:
    number = 0

    def __init__(self, model, pictures, **options):
        pass

    def steps(self, count):
        for self.number in range(1, count + 1):
            yield SimpleNamespace(number=self.number, loss=0.5)

    def preview(self, prompt, seed):
        return np.zeros((1, 8, 8, 3), np.uint8)


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """The model of all pages, which says that it is the pocket model; a kernel's own is nothing."""
    monkeypatch.setattr(teaching, "lora", Pupil)
    monkeypatch.setattr(teaching, "StableDiffusion", lambda *arguments, **options: None)
    with serve(SlowPainter(), str(tmp_path / "model")):
        shared = SharedModel(str(tmp_path / "model"))
        shared.settings = {"model": "pocket"}
        yield shared


def test_only_so_many_learn_at_once_and_a_page_that_closes_gives_its_turn_back(shared):
    learn = teaching.learner(shared)
    first = learn(None, PICTURES)
    steps = first.steps(9)
    assert next(steps).number == 1  # it has a turn from here on
    with contextlib.ExitStack() as others:
        for _ in range(LEARNING - 1):
            others.enter_context(shared.turn())
        with pytest.raises(ValueError, match=f"{LEARNING} others are learning now"):
            learn(None, PICTURES)
        assert first.preview("a {}", 0).shape == (1, 8, 8, 3), "a look needs no turn"
        steps.close()
        second = learn(None, PICTURES)
        assert [step.number for step in second.steps(3)] == [1, 2, 3]


def test_whoever_has_to_wait_is_told_and_keeps_what_was_learned(shared):
    studio = TeachingStudio(shared, teaching.learner(shared), PICTURES, "<cat-toy>", "cat", folder=None)
    studio.seconds.value = 10
    studio._begin()
    with contextlib.ExitStack() as others:
        for _ in range(LEARNING):
            others.enter_context(shared.turn())
        studio.teach()
        assert "try again in a minute" in studio.message.value and studio.learning is not None
    assert not studio.teach_button.disabled


def test_only_the_pocket_model_is_taught(shared):
    shared.settings = {"model": "sd-1.4"}
    with pytest.raises(ValueError, match="the pocket model alone"):
        teaching.learner(shared)(None, PICTURES)
