"""Pictures of a table's rows: `python -m helpers.many prompts.csv outputs/`; the same again goes on where it ended."""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

from tqdm.auto import tqdm

from helpers.many.table import COLUMNS
from helpers.models.checkpoints import CHECKPOINTS


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m helpers.many",
        description=__doc__.splitlines()[0],
        epilog=f"The first line of a .csv names its columns, of {', '.join(COLUMNS)}; a .txt has a prompt a line.",
        argument_default=argparse.SUPPRESS,  # what is left out is StableDiffusion's to choose
    )
    parser.add_argument("source", type=Path, metavar="prompts.csv")
    parser.add_argument("folder", type=Path, metavar="outputs/", help="row 7 becomes 0007.png there")
    parser.add_argument("--workers", type=int, help="more than this process: by Ray, each with a GPU if there are any")
    parser.add_argument("--model", help=f"of {', '.join(CHECKPOINTS)}, an id of the hub, a folder, a .safetensors file")
    parser.add_argument("--lora", nargs=2, action="append", metavar=("FILE", "SCALE"), help="added; once for each")
    parser.add_argument("--vae", metavar="FILE", help="an autoencoder in place of the model's own")
    parser.add_argument("--decoder", help="tiny: TAESD's, with 1.2 million weights instead of 50")
    parser.add_argument("--weights", help="keras: the files that KerasCV published")
    parser.add_argument("--prediction", help="noise or velocity, for a single file of the 2.x kind")
    parser.add_argument("--img-height", type=int, metavar="PIXELS")
    parser.add_argument("--img-width", type=int, metavar="PIXELS")
    parser.add_argument("--engine")
    parser.add_argument("--precision")
    parser.add_argument("--guidance-interval", type=int, nargs=2, metavar=("LOWEST", "HIGHEST"))
    parser.add_argument("--reuse-every", type=int, metavar="STEPS")
    parser.add_argument("--token-downsampling", type=int, metavar="ROWS")
    for name, told in {
        "truncate": "cut prompts that are too long",
        "long-prompts": "read them to the end",
        "weighting": "read (words:1.3) as web UIs do",
    }.items():
        parser.add_argument(f"--{name}", action="store_true", help=told)
    arguments = vars(parser.parse_args())
    if "lora" in arguments:
        try:
            arguments["loras"] = {file: float(scale) for file, scale in arguments.pop("lora")}
        except ValueError as error:
            parser.error(f"--lora takes a file and a number: {error}.")
    warnings.showwarning = lambda message, *_: tqdm.write(f"Note: {message}")
    try:
        from helpers.many.drawing import ERRORS, draw_many  # takes seconds, which --help does not need

        outcome = draw_many(**arguments)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped; the same command goes on from here.", file=sys.stderr)
        return 130
    print(f"{outcome.drawn} drawn, {outcome.there} were there, in {arguments['folder']}.")
    if outcome.errors:
        print(f"{len(outcome.errors)} not drawn; {arguments['folder'] / ERRORS} says why.", file=sys.stderr)
    return 1 if outcome.errors else 0


if __name__ == "__main__":
    sys.exit(main())
