"""Configurations measured side by side: how long a guided step takes.

Each configuration has a process of its own. They are started one after the other, which gives the cold start, and
then take one step each in turn, again and again, so that what else the machine does meets them alike. Where memory
does not hold all of them at once there are several heats; the first configuration takes part in each, and the others
are compared with it. Weights are random, except the pocket model's: speed does not depend on them, and nothing is
downloaded.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tqdm.auto import tqdm

from helpers.benchmark.machine import memory_bytes
from helpers.models.checkpoints import checkpoint

PEERS = ("keras_cv", "diffusers", "diffusers compiled", "diffusers openvino")


def configuration(
    engine: str = "", precision: str = "float32", model: str = "pocket", size: int = 128, batch: int = 1, peer: str = ""
) -> dict:
    """What one process runs: an engine of this project, or one of the peers."""
    return dict(peer=peer, engine=engine, precision=precision, model=model, size=size, batch=batch)


class _Side:
    """A configuration in its process, which answers each line it is sent with a line of JSON."""

    def __init__(self, row: dict):
        self.row = dict(row)
        self.milliseconds: list[float] = []
        command = [sys.executable, "-m", "helpers.benchmark.one_process", json.dumps(row)]
        environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}
        if row.get("engine") != "openvino":  # TensorFlow computes: with its own memory, as usual
            environment["TF_ONEDNN_USE_SYSTEM_ALLOCATOR"] = "0"
        root = Path(__file__).parents[2]
        begin = time.perf_counter()
        pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
        self._process = subprocess.Popen(
            command, cwd=root, env=environment, stdin=pipe, stdout=pipe, stderr=nowhere, text=True
        )
        assert self._process.stdin and self._process.stdout
        self._questions, self._answers = self._process.stdin, self._process.stdout
        self.row |= self._answer()
        self.row["cold_s"] = time.perf_counter() - begin

    def ask(self, question: str, *options) -> dict:
        with contextlib.suppress(BrokenPipeError):  # the process has ended; it has no answer either
            print(question, *options, file=self._questions, flush=True)
        return self._answer()

    def _answer(self) -> dict:
        line = self._answers.readline()
        return (
            json.loads(line) if line else {"error": f"its process ended ({self._process.wait()}); too little memory?"}
        )

    def end(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._questions.close()
        self._process.wait()


def run(
    rows: list[dict],
    repeats: int = 5,
    num_steps: int | None = None,
    sampler: str = "dpm_solver",
    at_once: int | None = None,
) -> list[dict]:
    """Measures configurations: for each, its own keys and

    ms: the median, and ms_least and ms_most, over `repeats` guided steps taken in turn with the others, or over whole
        pictures where a configuration has `num_steps`;
    times_the_first: its median as a multiple of the first configuration's, of the same heat;
    cold_s: from the start of the process to the end of the first step; of it build_s, the network and its
        weights, and first_step_s, with the compilation in it;
    first_picture_s, picture_s: two pictures of `num_steps` steps after that, the first with the compilation of
        the other networks; of the second unet_s and decoder_s (num_steps None: no pictures). KerasCV's own is of
        the 50 steps that it takes by default, and of diffusers there is none;
    host_gb, and on a GPU device_gb: the most memory held. error: why there is nothing else.

    at_once: how many to keep in memory, from 2; None: all of them.
    """
    first, *others = rows
    size = max(1, (at_once or len(rows)) - 1)
    measured: list[dict] = []
    for start in range(0, max(1, len(others)), size):
        heat = _heat([first, *others[start : start + size]], repeats, num_steps, sampler, new=1 if measured else 0)
        measured += heat[1:] if measured else heat
    return measured


def _heat(rows: list[dict], repeats: int, num_steps: int | None, sampler: str, new: int) -> list[dict]:
    """Measures configurations that are in memory together; those before number `new` only keep pace."""
    sides = [_Side(row) for row in tqdm(rows, desc="starting")]
    for _ in tqdm(range(repeats), desc="in turn"):
        for side in sides:
            if "error" not in side.row:
                told = side.ask("step")
                if "error" in told:
                    side.row |= told
                else:
                    side.milliseconds.append(told["ms"])
    for side in sides:
        if "error" not in side.row:
            each = side.milliseconds
            side.row |= dict(ms=statistics.median(each), ms_least=min(each), ms_most=max(each))
            if pace := sides[0].row.get("ms"):
                side.row["times_the_first"] = side.row["ms"] / pace
    for side in sides[new:]:
        if "error" not in side.row:
            if num_steps and not side.row["peer"].startswith("diffusers"):
                side.row |= side.ask("picture", num_steps, sampler)
            side.row |= side.ask("memory")
    for side in sides:
        side.end()
    return [side.row for side in sides]


def fitting(model: str) -> int | None:
    """How many configurations of a model this machine's memory holds at once; None: any number."""
    if checkpoint(model).shipped:
        return None
    # the largest take 13 GB while they start, which they do one by one, and 6 while they run
    return max(2, int((memory_bytes() - 13e9) // 6e9) + 1)


def in_turn(*functions: Callable[[], object], repeats: int = 15) -> tuple[list[float], list[float]]:
    """Milliseconds of each function's first call, and the median of `repeats` later ones, in this process."""
    taken = []
    for _ in range(1 + repeats):
        for function in functions:
            begin = time.perf_counter()
            function()
            taken.append(1000 * (time.perf_counter() - begin))
    each = [taken[number :: len(functions)] for number in range(len(functions))]
    return [first for first, *_ in each], [statistics.median(again) for _, *again in each]


def limits(rows: list[dict]) -> dict:
    """Of the configurations' model: the operations of a guided step, and this machine's matmul peak by precision."""
    engines: dict[str, list[str]] = {}
    for row in rows:
        if not row["peer"]:
            engines.setdefault(row["precision"], []).append(row["engine"])
    side = _Side({"limits": engines, "of": rows[0]})
    side.end()
    return side.row
