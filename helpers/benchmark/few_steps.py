"""How long a picture of a few-step model takes, ours and diffusers': `python -m helpers.benchmark.few_steps`, a table.

Weights are random, so nothing is downloaded. Pictures are drawn in turn, as guided steps are by `helpers.benchmark`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from helpers.benchmark.figures import table
from helpers.benchmark.machine import save
from helpers.benchmark.runs import configuration, fitting, run

# What is drawn, unguided: its model, and the options of a picture.
PICTURES = {
    "turbo, tiny decoder": ("sd-turbo", dict(num_steps=1, sampler="ddim_trailing", decoder="tiny")),
    "turbo": ("sd-turbo", dict(num_steps=1, sampler="ddim_trailing", decoder=None)),
    "lcm": ("sd-1.5", dict(num_steps=4, sampler="lcm", decoder=None)),
}
PEERS = ("diffusers", "diffusers compiled", "diffusers openvino")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m helpers.benchmark.few_steps", description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", nargs="+", choices=PICTURES, default=[*PICTURES])
    parser.add_argument("--size", type=int, default=512, help="pixels")
    parser.add_argument("--engine", default="openvino", help="ours")
    parser.add_argument("--precisions", nargs="+", default=["bfloat16", "float32"])
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS)
    parser.add_argument("--repeats", type=int, default=5, help="pictures of each")
    parser.add_argument("--at-once", type=int, help="configurations in memory at once; by default as many as fit")
    parser.add_argument("--json", type=Path, help="write the figures there")
    args = parser.parse_args()
    measured = []
    for name in args.pictures:
        model, options = PICTURES[name]
        sides = [dict(engine=args.engine), *(dict(peer=peer) for peer in args.peers)]
        rows = [
            configuration(**side, precision=precision, model=model, size=args.size)
            | options
            | dict(unconditional_guidance_scale=1.0, picture=name)
            for precision in args.precisions
            for side in sides
        ]
        rows = run(rows, args.repeats, at_once=args.at_once or fitting(model))
        print(f"\n{name}, steps: {options['num_steps']}")
        print(table(rows, "ms a picture"))
        measured += rows
    if args.json:
        save(measured, args.json)


if __name__ == "__main__":
    main()
