"""Rows drawn by several workers at once, on several GPUs or machines: by Ray Data, which replaces one that ended."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from helpers.many.drawing import Drawer, Result
from helpers.recipes.recipe import Recipe


class _Worker(Drawer):
    def __call__(self, row: dict) -> dict:
        return self.draw(int(row["number"]))._asdict()


def results(workers: int, folder: Path, recipes: Mapping[int, Recipe], options: Mapping[str, Any]) -> Iterator[Result]:
    """What came of each row, as it comes, in any order.

    Ray is started on this machine, unless the environment variable RAY_ADDRESS names a cluster; there, all machines
    need the project and the folder at the same paths. Each worker holds the model, and has a GPU to itself if there
    are any, else a processor core. Raises ValueError without Ray, and for more workers than there are GPUs or cores.
    """
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ValueError(
            f"Several workers need Ray ({error}); pip install 'ray[data]', or leave workers at 1."
        ) from None
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # a worker that ends is no error: another follows
    if not ray.is_initialized():
        paths = os.pathsep.join(filter(None, (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH"))))
        environment = {"env_vars": {"PYTHONPATH": paths}}
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR, runtime_env=environment)
    there = ray.cluster_resources()
    gpus = bool(there.get("GPU"))
    places = there["GPU" if gpus else "CPU"]
    if workers > places:
        kind = "GPUs" if gpus else "cores"
        raise ValueError(f"workers={workers} are too many: there are {places:g} {kind}, one for each.")
    ray.data.DataContext.get_current().enable_progress_bars = False  # the table has its own
    # one row a block: a worker that ends takes no other's row with it
    table = ray.data.from_items([{"number": number} for number in recipes], override_num_blocks=len(recipes))
    drawn = table.map(
        _Worker,  # type: ignore[arg-type]  # Ray's types know no class with more than one argument
        fn_constructor_args=(folder.resolve(), dict(recipes), dict(options)),
        compute=ray.data.ActorPoolStrategy(size=min(workers, len(recipes))),
        num_gpus=1 if gpus else None,
        num_cpus=None if gpus else 1,
    )
    for row in drawn.iter_rows():
        yield Result(**row)
