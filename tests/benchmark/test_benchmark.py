"""The benchmark's arithmetic, and the benchmark itself, short, on the pocket model."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers import benchmark
from helpers.benchmark import bounds, runs
from helpers.benchmark.plots import bars, break_evens

ROW = dict(benchmark.configuration("graph"), cold_s=10.0, first_picture_s=3.0, picture_s=2.0, host_gb=1.0)
ROW |= dict(ms=60.0, ms_least=50.0, ms_most=80.0, times_the_first=1.0)
LATER = ROW | dict(engine="xla", cold_s=30.0, picture_s=1.5)


def test_break_even():
    assert [benchmark.seconds(ROW, number) for number in (1, 2, 11)] == [13, 15, 33]
    number = benchmark.break_even(LATER, ROW)
    assert benchmark.seconds(LATER, number) <= benchmark.seconds(ROW, number)
    assert benchmark.seconds(LATER, number - 1) > benchmark.seconds(ROW, number - 1)
    assert benchmark.break_even(LATER | dict(picture_s=2.0), ROW) is None
    assert benchmark.break_even(LATER | dict(cold_s=1.0), ROW) == 1


def test_the_share_of_the_peak():
    row = dict(ROW)
    benchmark.share_of_peak([row], {"operations": 6e9, "peaks": {"float32": 2e11}})
    assert row["share_of_peak"] == pytest.approx(0.5)


def test_the_table_has_the_fastest_first_and_says_what_failed():
    failed = benchmark.configuration(peer="diffusers") | {"error": "ImportError: no such package"}
    lines = benchmark.table([failed, ROW, LATER | dict(ms=40.0)]).splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["xla", "graph", "diffusers"]
    assert "40.0" in lines[1] and "no such package" in lines[3]


class _Sides(list):
    """Stands in for the processes: notes what each is asked; each next side takes a millisecond longer."""

    def __call__(self, row):
        self.append(self.Side(row, 10 + len(self)))
        return self[-1]

    class Side:
        def __init__(self, row, ms):
            self.row, self.ms, self.milliseconds, self.asked = dict(row, cold_s=1.0), ms, [], []

        def ask(self, question, *options):
            self.asked.append(question)
            return {"step": {"ms": self.ms}, "picture": {"picture_s": 1.0}, "memory": {"host_gb": 1.0}}[question]

        def end(self):
            self.asked.append("end")


def test_heats_have_the_first_in_common(monkeypatch):
    sides = _Sides()
    monkeypatch.setattr(runs, "_Side", sides)
    rows = [benchmark.configuration(name) for name in "abcd"]
    rows.append(benchmark.configuration(peer="diffusers"))
    told = benchmark.run(rows, repeats=2, num_steps=3, at_once=3)
    assert [side.row["engine"] for side in sides] == ["a", "b", "c", "a", "d", ""]
    assert [row["engine"] for row in told] == ["a", "b", "c", "d", ""]
    assert [row["times_the_first"] for row in told] == pytest.approx([1, 11 / 10, 12 / 10, 14 / 13, 15 / 13])
    assert sides[0].asked == ["step", "step", "picture", "memory", "end"]
    assert sides[3].asked == ["step", "step", "end"], "measured once, then it only keeps pace"
    assert sides[5].asked == ["step", "step", "memory", "end"], "diffusers' network alone draws no picture"
    assert len(benchmark.run(rows[:1], repeats=1)) == 1


def test_how_many_fit(monkeypatch):
    assert benchmark.fitting("pocket") is None
    for memory, number in ((25 * 10**9, 3), (24 * 10**9, 2), (4 * 10**9, 2)):
        monkeypatch.setattr(runs, "memory_bytes", lambda memory=memory: memory)
        assert benchmark.fitting("sd-1.4") == number


def test_plots_are_pictures():
    for picture in (bars([ROW, LATER]), break_evens([ROW, LATER], 40)):
        assert picture.dtype == np.uint8 and picture.shape[1:] == (800, 3) and picture.std() > 10


def test_functions_are_called_in_turn():
    called = []
    first, again = benchmark.in_turn(lambda: called.append("a"), lambda: called.append("b"), repeats=3)
    assert "".join(called) == "abababab" and len(first) == len(again) == 2


def test_operations_are_counted_from_the_graph():
    one = bounds.operations(benchmark.configuration())
    assert bounds.operations(benchmark.configuration(batch=3)) == pytest.approx(3 * one)
    # the first convolution alone: 3 × 3 × 4 → 64 at 16 × 16, for both halves of the guidance
    assert one > 2 * 2 * 16 * 16 * 9 * 4 * 64


def test_the_command(tmp_path):
    """One engine, and one that does not exist: it is told, and the other is measured all the same."""
    command = [sys.executable, "-m", "helpers.benchmark", "--engines", "graph", "tpu", "--precisions", "float32"]
    command += ["--repeats", "3", "--steps", "2", "--sampler", "dpm_solver", "--json", str(tmp_path / "figures.json")]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    graph, wrong = json.loads((tmp_path / "figures.json").read_text())
    assert "Unknown engine 'tpu'" in wrong["error"] and "Unknown engine 'tpu'" in done.stdout
    assert {"engine", "precision", "size", "batch", "peer", "host_gb"} <= set(graph)
    assert 0 < graph["ms_least"] <= graph["ms"] <= graph["ms_most"]
    assert 0 < graph["share_of_peak"] < 1
    assert graph["picture_s"] > graph["unet_s"] > 0 and (graph["num_steps"], graph["sampler"]) == (2, "dpm_solver")
    assert graph["cold_s"] > graph["build_s"] + graph["first_step_s"]
    assert graph["decoder_s"] > 0 and graph["times_the_first"] == 1
    assert graph["machine"]["keras-cv"] == wrong["machine"]["keras-cv"] == "0.9.0"


def test_the_pocket_model_has_no_peers():
    command = [sys.executable, "-m", "helpers.benchmark", "--model", "pocket", "--peers"]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert done.returncode == 2 and "--model sd-1.4" in done.stderr


def test_the_peak_takes_the_large_products_only_where_they_are_quick(monkeypatch):
    asked = []

    def seconds(engine, precision, width, products):
        asked.append(width)
        return 2 * products * width**3 / {"slow": 1e9, "fast": 1e12}[precision]

    monkeypatch.setattr(bounds, "_seconds_of_products", seconds)
    assert bounds.matmul_peak("graph", "slow") == pytest.approx(1e9) and asked == [1024]
    assert bounds.matmul_peak("graph", "fast") == pytest.approx(1e12) and asked == [1024, 1024, 4096]
