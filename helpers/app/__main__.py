"""The panels as web pages: `python -m helpers.app`, and open the address that it prints."""

from __future__ import annotations

import argparse
import sys


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m helpers.app", description=__doc__.splitlines()[0])
    parser.add_argument("--host", default="localhost", help="this machine's address, for others to come")
    parser.add_argument("--port", type=int, default=8866)
    parser.add_argument("--model", help="as of StableDiffusion")
    arguments = parser.parse_args()

    from helpers.app.server import run  # with the networks it takes seconds, which --help does not need
    from helpers.stable_diffusion import StableDiffusion

    try:
        model = StableDiffusion(arguments.model)
        model.text_to_image("a cat", num_steps=1, seed=0, verbose=False)  # compiles, so that nobody waits for it later
        run(model, arguments.host, arguments.port)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
