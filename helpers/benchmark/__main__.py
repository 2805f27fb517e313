"""How long a guided step takes, side by side: `python -m helpers.benchmark`, a table."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from helpers.benchmark.figures import share_of_peak, table
from helpers.benchmark.machine import save
from helpers.benchmark.runs import PEERS, configuration, fitting, limits, run
from helpers.models.checkpoints import CHECKPOINTS, checkpoint


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m helpers.benchmark", description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=tuple(CHECKPOINTS), help="by default pocket, and sd-1.4 with --peers")
    parser.add_argument("--size", type=int, help="pixels; by default the model's own")
    parser.add_argument("--batch", type=int, default=1, help="pictures at once")
    # asked of the system: TensorFlow, asked for GPUs, would take them away from the sides
    gpu = shutil.which("nvidia-smi") is not None
    parser.add_argument("--engines", nargs="+", help="of openvino, xla, graph")
    parser.add_argument("--precisions", nargs="+", default=["float16" if gpu else "bfloat16", "float32"])
    parser.add_argument("--peers", nargs="*", choices=PEERS, help=f"others too: {', '.join(PEERS)}; by default all")
    parser.add_argument("--repeats", type=int, default=5, help="guided steps of each")
    parser.add_argument("--steps", type=int, help="measure whole pictures too, of so many steps")
    parser.add_argument("--sampler", default="dpm_solver", help="of the pictures")
    parser.add_argument("--at-once", type=int, help="configurations in memory at once; by default as many as fit")
    parser.add_argument("--json", type=Path, help="write the figures there")
    args = parser.parse_args()
    model = args.model or ("pocket" if args.peers is None else "sd-1.4")
    if args.peers is not None and model != "sd-1.4":
        parser.error("the peers are measured on one network: leave --model out, or make it --model sd-1.4.")
    size = args.size or checkpoint(model).native_size
    about = dict(model=model, size=size, batch=args.batch)
    engines = args.engines or ["xla" if gpu else "openvino"] + ["graph"] * (args.peers is None)
    rows = [configuration(engine, precision, **about) for engine in engines for precision in args.precisions]
    if args.peers is not None:
        for peer in args.peers or PEERS:
            # KerasCV's class at the setting that is best on a CPU
            settings = [("graph", "float32")] if peer == "keras_cv" else [("", each) for each in args.precisions]
            rows += [configuration(engine, each, peer=peer, **about) for engine, each in settings]
    told = limits(rows)
    rows = run(rows, args.repeats, args.steps, args.sampler, args.at_once or fitting(model))
    share_of_peak(rows, told)
    if "error" not in told:
        print(f"A guided step: {told['operations'] / 1e12:.3g} TFLOP. ", end="")
        print("Matmul peak: " + ", ".join(f"{p} {v / 1e9:.0f} GFLOP/s" for p, v in told["peaks"].items()))
    print(table(rows))
    if args.json:
        save(rows, args.json)


if __name__ == "__main__":
    main()
