"""Runs of `python -m helpers.many` that are killed half-way: `python -m tests.many.killing`, a table.

Each run is killed at a random moment after its first new picture, with SIGKILL, which lets it clean up nothing. With
--workers it is one run of two workers, which are killed; Ray starts others. What was finished must stay to the bit.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]


class Killed(NamedTuple):
    """Of the time around a kill: pictures before and after, pictures lost or changed, and drawings begun."""

    before: int
    after: int
    lost: int
    begun: int


def command(table: Path, folder: Path, *options: str, seconds: float = 0.02) -> subprocess.Popen:
    environment = os.environ | {
        "PYTHONPATH": str(Path(__file__).parent / "stand_in"),
        "DRAWN": str(folder.with_suffix(".txt")),
        "SECONDS": str(seconds),
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    line = [sys.executable, "-m", "helpers.many", str(table), str(folder), *options]
    return subprocess.Popen(
        line, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def pictures(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.png")}


def begun(folder: Path) -> list[str]:
    """The seeds of the drawings that were begun, as often as they were."""
    path = folder.with_suffix(".txt")
    return path.read_text().split() if path.exists() else []


def worker(driver: int) -> int | None:
    """The process of one worker of a run on this machine."""
    found = subprocess.run(["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True).stdout.splitlines()[1:]
    parents = {int(pid): int(parent) for pid, parent, *_ in map(str.split, found)}

    def below(pid: int) -> bool:
        return pid == driver or (pid in parents and below(parents[pid]))

    workers = [int(line.split()[0]) for line in found if "ray::" in line and "_Worker" in line]
    return next(filter(below, workers), None)


def kill_run(table: Path, folder: Path, after: float) -> Killed:
    """A run, killed `after` seconds after its first new picture."""
    old, drawings = pictures(folder), len(begun(folder))
    run = command(table, folder)
    while len(list(folder.glob("*.png"))) == len(old) and run.poll() is None:
        time.sleep(0.005)
    time.sleep(after)
    now = pictures(folder)
    run.kill()
    run.communicate()
    left = pictures(folder)
    lost = sum(left.get(name) != content for name, content in {**now, **old}.items())
    return Killed(len(old), len(left), lost, len(begun(folder)) - drawings)


def kill_workers(table: Path, folder: Path, kills: int) -> Iterator[Killed]:
    """One run of two workers; whenever there are new pictures a worker is killed. The last is what came in the end."""
    run, old, drawings = command(table, folder, "--workers", "2", seconds=0.3), {}, 0
    for number in range(kills + 1):
        while len(list(folder.glob("*.png"))) == len(old) and run.poll() is None:
            time.sleep(0.005)
        now = pictures(folder)
        if number < kills and (victim := worker(run.pid)):
            os.kill(victim, signal.SIGKILL)
            time.sleep(0.5)
        else:
            run.communicate()
        left = pictures(folder)
        lost = sum(left.get(name) != content for name, content in {**now, **old}.items())
        yield Killed(len(old), len(left), lost, len(begun(folder)) - drawings)
        old, drawings = left, len(begun(folder))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.many.killing", description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--workers", action="store_true", help="kill workers of a run, not the run")
    args = parser.parse_args()
    moments = random.Random(1)
    with tempfile.TemporaryDirectory() as name:
        table, folder = Path(name) / "prompts.txt", Path(name) / "pictures"
        table.write_text("a cat\n" * args.rows)
        runs = (kill_run(table, folder, moments.uniform(0, 0.2)) for _ in range(args.kills))
        print("| kill | pictures before | after | lost or changed | drawings begun | not finished |\n|" + " ---: |" * 6)
        for number, told in enumerate(kill_workers(table, folder, args.kills) if args.workers else runs, 1):
            unfinished = told.begun - (told.after - told.before)
            print("|", " | ".join(map(str, (number, *told, unfinished))), "|", flush=True)
        command(table, folder).communicate()
        print(f"At the end {len(pictures(folder))} of {args.rows} pictures, after {len(begun(folder))} drawings.")


if __name__ == "__main__":
    main()
