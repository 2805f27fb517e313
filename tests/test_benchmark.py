"""The benchmark's arithmetic, and the benchmark itself, short, on the pocket model."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers import benchmark, benchmarked
from helpers.benchmark_plots import bars, break_evens

ROW = dict(benchmark.configuration("graph"), cold_s=10.0, first_picture_s=3.0, picture_s=2.0, host_gb=1.0)
ROW |= dict(ms_per_guided_step=60.0, ms_least=50.0, ms_most=80.0)
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
    lines = benchmark.table([failed, ROW, LATER | dict(ms_per_guided_step=40.0)]).splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["xla", "graph", "diffusers"]
    assert "40.0" in lines[1] and "no such package" in lines[3]


def test_plots_are_pictures():
    for picture in (bars([ROW, LATER]), break_evens([ROW, LATER], 40)):
        assert picture.dtype == np.uint8 and picture.shape[1:] == (800, 3) and picture.std() > 10


def test_functions_are_called_in_turn():
    called = []
    first, again = benchmark.in_turn(lambda: called.append("a"), lambda: called.append("b"), repeats=3)
    assert "".join(called) == "abababab" and len(first) == len(again) == 2


def test_operations_are_counted_from_the_graph():
    one = benchmarked.operations(benchmark.configuration())
    assert benchmarked.operations(benchmark.configuration(batch=3)) == pytest.approx(3 * one)
    # the first convolution alone: 3 × 3 × 4 → 64 at 16 × 16, for both halves of the guidance
    assert one > 2 * 2 * 16 * 16 * 9 * 4 * 64


def test_the_command(tmp_path):
    """One engine, and one that does not exist: it is told, and the other is measured all the same."""
    command = [sys.executable, "-m", "helpers.benchmark", "--engines", "graph", "tpu", "--precisions", "float32"]
    command += ["--repeats", "3", "--steps", "2", "--sampler", "dpm_solver", "--json", str(tmp_path / "figures.json")]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "figures.json").read_text())
    graph, wrong = told["rows"]
    assert "Unknown engine 'tpu'" in wrong["error"] and "Unknown engine 'tpu'" in done.stdout
    assert {"engine", "precision", "size", "batch", "peer", "host_gb"} <= set(graph)
    assert 0 < graph["ms_least"] <= graph["ms_per_guided_step"] <= graph["ms_most"]
    assert 0 < graph["share_of_peak"] < 1
    assert graph["picture_s"] > graph["unet_s"] > 0 and (graph["num_steps"], graph["sampler"]) == (2, "dpm_solver")
    assert graph["cold_s"] > graph["build_s"] + graph["first_step_s"]
    assert told["machine"]["keras-cv"] == "0.9.0"


def test_the_pocket_model_has_no_peers():
    command = [sys.executable, "-m", "helpers.benchmark", "--peers"]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True)
    assert done.returncode == 2 and "--model sd-1.4" in done.stderr
