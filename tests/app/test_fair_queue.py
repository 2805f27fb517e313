"""The queue with a stand-in's steps: who is drawn when, what they are told, what is left of those who go."""

import threading
import time

import pytest

from helpers.app import fair_queue
from helpers.app.fair_queue import FairQueue
from helpers.panels.waiting import Waiting


class Clock:
    """Steps that wait to be let go on, so that a test says what is there when they are done."""

    def __init__(self):
        self.line, self.log, self.done = FairQueue(), [], {}
        self.gate, self.begun = threading.Event(), threading.Event()
        self.threads = []

    def wish(self, name, count, cost=1, fails_at=None):
        """Somebody wishes for so many steps; is there when this returns."""

        def steps():
            for number in range(count):
                self.begun.set()
                self.gate.wait(10)
                if number == fails_at:
                    raise ValueError(f"{name} cannot be drawn")
                self.log.append(name)
                yield number

        drawing, is_there = self.line.draw(steps, count, cost), threading.Event()

        def draw():
            assert isinstance(next(drawing), Waiting)
            is_there.set()
            try:
                self.done[name] = [each for each in drawing if not isinstance(each, Waiting)]
            except ValueError as error:
                self.done[name] = error

        self.threads.append(threading.Thread(target=draw))
        self.threads[-1].start()
        assert is_there.wait(5)

    def run(self):
        self.gate.set()
        for thread in self.threads:
            thread.join(20)
        return self.log

    def finished(self):
        """The names in the order in which they were done, with the work done until then."""
        return {name: len(self.log) - self.log[::-1].index(name) for name in dict.fromkeys(self.log)}


def wait_for(true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "never"
        time.sleep(0.002)


def test_equal_wishes_are_drawn_one_by_one_as_they_came():
    clock = Clock()
    for name in "abcde":
        clock.wish(name, 4)
    assert "".join(clock.run()) == "aaaabbbbccccddddeeee"
    assert clock.done == dict.fromkeys("abcde", [0, 1, 2, 3])


def test_nobody_of_thirty_waits_twice_as_long_as_needed():
    """Whoever came as k-th needs what the k first take, however large the others' wishes are."""
    clock, counts = Clock(), [4 + 3 * (k % 5) for k in range(30)]
    for k, count in enumerate(counts):
        clock.wish(k, count)
    clock.run()
    for k, end in clock.finished().items():
        assert end <= sum(counts[: k + 1]) * 2, k


def test_a_short_wish_passes_a_long_one():
    clock = Clock()
    clock.wish("long", 100)
    clock.wish("short", 3)
    clock.run()
    assert clock.finished()["short"] <= 4  # a step of the other may be under way


def test_a_long_wish_is_done_though_short_ones_keep_coming():
    clock, sent = Clock(), 0
    clock.wish("long", 40)
    clock.gate.set()
    while "long" not in clock.done and sent < 60:
        before = len(clock.log)
        clock.wish(f"short {sent}", 4)
        sent += 1
        wait_for(lambda before=before: len(clock.log) >= before + 4)
    clock.run()
    assert clock.finished()["long"] <= 2 * 40


def test_a_large_batch_counts_as_its_pictures():
    clock = Clock()
    clock.wish("eight pictures", 4, cost=8)
    clock.wish("one picture", 12)
    clock.run()
    assert clock.finished()["one picture"] <= 13


def test_place_and_time_come_from_measured_steps():
    clock = Clock()

    def slow():
        for number in range(10):
            time.sleep(0.02)
            yield number

    list(clock.line.draw(slow, 10))
    clock.wish("first", 10)
    clock.wish("second", 20)
    third = clock.line.draw(slow, 15)
    told = next(third)
    assert told.before == 1, "it is shorter than the second"
    assert told.seconds == pytest.approx((10 + 15) * 0.02, rel=0.5)
    third.close()
    clock.run()


def test_those_who_wait_hear_so_until_it_is_their_turn(monkeypatch):
    monkeypatch.setattr(fair_queue, "TELL_EVERY", 0.01)
    clock = Clock()
    clock.wish("first", 2)
    mine = clock.line.draw(lambda: iter([7]), 5)
    assert [next(mine).before for _ in range(4)] == [1, 1, 1, 1]
    clock.gate.set()
    assert [each for each in mine if not isinstance(each, Waiting)] == [7]
    clock.run()


@pytest.mark.parametrize("begun", [False, True])
def test_a_closed_page_frees_its_place(begun):
    clock = Clock()
    if begun:
        gone = clock.line.draw(lambda: iter(range(1000)), 100_000)
        next(gone)
        assert not isinstance(next(gone), Waiting)
        gone.close()
    clock.wish("first", 5)
    if not begun:
        gone = clock.line.draw(lambda: iter(range(1000)), 5)
        next(gone)
    clock.wish("behind", 5)
    gone.close()
    assert len(clock.line) == 2
    assert clock.run() == ["first"] * 5 + ["behind"] * 5
    assert len(clock.line) == 0 and not clock.line._sharing and not clock.line._due


def test_an_error_of_one_is_only_theirs():
    clock = Clock()
    clock.wish("good", 3)
    clock.wish("bad", 3, fails_at=1)
    clock.wish("last", 3)
    clock.run()
    assert clock.done["good"] == clock.done["last"] == [0, 1, 2]
    assert str(clock.done["bad"]) == "bad cannot be drawn"
    with pytest.raises(ZeroDivisionError):
        clock.line.do(lambda: 1 / 0)
    assert clock.line.do(lambda: 5) == 5


def test_something_short_is_done_before_the_next_step():
    clock = Clock()
    clock.wish("long", 50)
    assert clock.begun.wait(60)  # or the worker would answer before its first step
    answers = []
    asking = threading.Thread(target=lambda: answers.append(clock.line.do(lambda: len(clock.log))))
    asking.start()
    wait_for(lambda: clock.line._calls)
    clock.run()
    asking.join(5)
    assert answers[0] <= 1
