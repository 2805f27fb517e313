"""Train the second edition: `python -m helpers.pocket.second.train autoencoder`, then `… latents`, then `… diffusion`.

Runs on any of Keras's backends (set KERAS_BACKEND). A run goes on from its last checkpoint in the folder `--run`;
`--steps` counts from the run's beginning, and over the last `--decay` of them the learning rate falls to zero.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import keras
import numpy as np
from tqdm.auto import tqdm

from helpers.images import save_image, strip
from helpers.pocket.data import psnr, to_float, to_uint8
from helpers.pocket.judge import judge, sharpness, summary
from helpers.pocket.run import Run
from helpers.pocket.second.data import draw_scenes
from helpers.pocket.second.objectives import CHANNELS, PICTURE_EXAMPLE, SIZE, Autoencoder


def restored(model: Autoencoder, pictures: np.ndarray) -> np.ndarray:
    """Pictures uint8 (N, H, W, 3) after a way through the autoencoder."""
    parts = np.array_split(pictures, -(-len(pictures) // 8))
    return np.concatenate([to_uint8(model.decoder(model.moments(to_float(each))[..., :CHANNELS])) for each in parts])


def train_autoencoder(args) -> None:
    model = Autoencoder()
    run = Run(args.run, "autoencoder", model, np.repeat(PICTURE_EXAMPLE, 4, axis=0))
    _, pictures = draw_scenes(args.scenes, seed=1)
    described, unseen = draw_scenes(64, seed=2)
    real = summary(judge(unseen, described))
    rng = np.random.default_rng(run.step)

    def batches():
        while True:
            chosen, corners = rng.integers(len(pictures), size=args.batch), rng.integers(SIZE - args.crop + 1, size=2)
            x, y = corners
            picture = to_float(pictures[chosen, y : y + args.crop, x : x + args.crop])
            yield {"x": picture, "y": picture}

    def look():
        again = restored(model, unseen)
        told = summary(judge(again, described))
        crisp = sharpness(again) / sharpness(unseen)
        tqdm.write(f"step {run.step}  PSNR {psnr(again, unseen):.2f} dB, sharpness {crisp:.2f}, {told}, real {real}")
        rows = [np.concatenate([a, b]) for a, b in zip(unseen[:12], again[:12])]
        save_image(strip(rows, columns=6), args.run / "autoencoder.png")

    run.train(batches(), args.steps, args.decay, look)


STAGES = {"autoencoder": (train_autoencoder, 16)}  # what each does, and how many pictures it takes a step


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m helpers.pocket.second.train", description=__doc__)
    parser.add_argument("stage", choices=[*STAGES])
    parser.add_argument("--run", type=Path, default=Path("runs/second"), help="folder of checkpoints and sheets")
    parser.add_argument("--steps", type=int, default=10_000, help="counted from the run's beginning")
    parser.add_argument("--decay", type=int, default=2_000, help="last steps, with a falling learning rate")
    parser.add_argument("--batch", type=int, help="pictures a step; each stage has its own default")
    parser.add_argument("--crop", type=int, default=SIZE, help="pixels of the parts that the autoencoder learns from")
    parser.add_argument("--scenes", type=int, default=24_000, help="scenes drawn to train on")
    parser.add_argument("--precision", default="float32", help="Keras's dtype policy; mixed_bfloat16 where it is fast")
    args = parser.parse_args()
    stage, batch = STAGES[args.stage]
    args.batch = args.batch or batch
    args.run.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(args.precision)
    stage(args)


if __name__ == "__main__":
    main()
