"""A learning watched; the learning and the notebook's screen are stand-ins."""

from types import SimpleNamespace

import IPython.display
import numpy as np
import pytest

from helpers.teach import watching


class Learning:
    number = 0

    def __init__(self, ends_at=None):
        self.ends_at = ends_at

    def steps(self, count):
        for _ in range(count):
            if self.number == self.ends_at:
                raise KeyboardInterrupt
            self.number += 1
            yield SimpleNamespace(number=self.number, loss=1 / self.number)

    def preview(self, prompt, seed):
        return np.full((1, 4, 4, 3), self.number, np.uint8)


@pytest.fixture
def screen(monkeypatch):
    """What was shown, newest last; and a clock on which each look takes a second."""
    shown, now = [], iter(range(1000))
    monkeypatch.setattr(watching.time, "monotonic", lambda: next(now))
    handle = SimpleNamespace(update=lambda html: shown.append(html.data))
    monkeypatch.setattr(IPython.display, "display", lambda html, display_id: handle)
    return shown


def test_it_learns_for_its_time_and_shows_what_came_of_it(screen):
    learning = Learning()
    looks = watching.watch(learning, 30, "a <cat-toy>", seed=3)
    assert 20 <= learning.number <= 31
    assert looks[0].max() == 0 and looks[-1].max() == learning.number and len(looks) >= 5
    assert (np.diff(looks[:, 0, 0, 0].astype(int)) >= 0).all()
    assert screen[-1].count("<img") == len(looks) and "s left" not in screen[-1] and " s left" in screen[0]
    assert 'alt="a &lt;cat-toy&gt;, after 0 steps"' in screen[-1] and "Loss 1.000 at first" in screen[-1]


def test_interrupted_it_keeps_what_was_learned(screen):
    learning = Learning(ends_at=7)
    looks = watching.watch(learning, 30, "a {}")
    assert looks[-1].max() == 7 and "step 7" in screen[-1]
