"""Train the pocket model: `python -m helpers.pocket.train autoencoder`, then `… diffusion`, then `… export`.

`… classifier` trains the one that judges its pictures, and writes it too.

Runs on Keras's TensorFlow or JAX backend (set KERAS_BACKEND). A run goes on from its last checkpoint in
the folder `--run`; `--steps` counts from the run's beginning, and over the last `--decay` of them the
learning rate falls to zero, so a run can be ended at any time: start it again with fewer steps left.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import keras
import numpy as np
from keras import ops
from tqdm.auto import tqdm

from helpers.images import save_image, strip
from helpers.pocket import scenes, weights
from helpers.pocket.classifier import HEADS, Classifier, labels
from helpers.pocket.data import draw_scenes, held_out_scenes, to_float, to_uint8
from helpers.pocket.diffusing import draw, noisy_batches
from helpers.pocket.export import export, export_classifier
from helpers.pocket.latents import encode_scenes, load_autoencoder
from helpers.pocket.networks import MAX_LENGTH
from helpers.pocket.objectives import LATENT, SIZE, Autoencoder, Diffusion
from helpers.pocket.run import Run
from helpers.pocket.tokenizer import WordTokenizer, world_vocabulary


def train_autoencoder(args) -> None:
    model = Autoencoder()
    run = Run(args.run, "autoencoder", model, to_float(np.zeros((1, SIZE, SIZE, 3))))
    _, pictures = draw_scenes(args.scenes, seed=1)
    _, unseen = draw_scenes(64, seed=2)
    rng = np.random.default_rng(run.step)

    def batches():
        while True:
            picture = to_float(pictures[rng.integers(len(pictures), size=args.batch)])
            yield {"x": picture, "y": picture}

    def look():
        restored = to_float(unseen[:0])
        for part in np.split(to_float(unseen), 4):
            mean = ops.cast(model.moments(part), "float32")[..., :4]
            restored = np.concatenate([restored, ops.convert_to_numpy(ops.cast(model.decoder(mean), "float32"))])
        error = np.mean((np.clip(restored, -1, 1) - to_float(unseen)) ** 2, axis=(1, 2, 3))
        tqdm.write(f"step {run.step}  PSNR {np.mean(-10 * np.log10(error / 4)):.2f} dB on 64 new scenes")
        rows = [np.concatenate([a, b]) for a, b in zip(unseen[:12], to_uint8(restored[:12]))]
        save_image(strip(rows, columns=12), args.run / "autoencoder.png")

    run.train(batches(), args.steps, args.decay, look)


def train_diffusion(args) -> None:
    autoencoder = load_autoencoder(args.run)
    described, pictures = draw_scenes(args.scenes, seed=1)
    mean, deviation = encode_scenes(autoencoder, pictures)
    del pictures
    vocabulary = world_vocabulary()
    (args.run / "vocabulary.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    tokenizer = WordTokenizer(args.run / "vocabulary.txt")
    model = Diffusion(len(vocabulary))
    example = [np.zeros((1, MAX_LENGTH), np.int32), np.zeros((1, *LATENT), np.float32), np.zeros((1, 320), np.float32)]
    run = Run(args.run, "diffusion", model, example)
    batches = noisy_batches(described, mean, deviation, tokenizer, args.batch, np.random.default_rng(run.step))

    look_rng = np.random.default_rng(0)
    prompts = [scenes.caption(s, look_rng) for s in held_out_scenes(32, seed=0)]
    start = look_rng.standard_normal((32, *LATENT), dtype=np.float32)

    def look():
        pictures = draw(model, autoencoder.decoder, tokenizer, prompts, start)
        save_image(strip(pictures, columns=8), args.run / "diffusion.png")
        tqdm.write("\n".join([f"step {run.step}: a sheet of held-out prompts, in rows of 8:", *prompts]))

    run.train(batches, args.steps, args.decay, look)


def train_classifier(args) -> None:
    model = Classifier()
    run = Run(args.run, "classifier", model, np.zeros((1, SIZE, SIZE, 3), np.float32), 1e-3)
    described, pictures = draw_scenes(args.scenes, seed=4)
    answers = labels(described)
    unseen, unseen_pictures = draw_scenes(1000, seed=5)
    rng = np.random.default_rng(run.step)

    def batches():
        while True:
            chosen = rng.integers(len(pictures), size=args.batch)
            yield {"x": to_float(pictures[chosen]), "y": answers[chosen]}

    def look():
        right = model.read(unseen_pictures).labels == labels(unseen)
        told = ", ".join(f"{name} {share:.1%}" for name, share in zip(HEADS, right.mean(axis=0)))
        tqdm.write(f"step {run.step}  of 1000 new scenes: {told}, all {right.all(axis=1).mean():.1%}")

    run.train(batches(), args.steps, args.decay, look)
    export_classifier(args)


STAGES = {  # what each does, and how many pictures it takes a step
    "autoencoder": (train_autoencoder, 8),
    "diffusion": (train_diffusion, 64),
    "export": (export, None),
    "classifier": (train_classifier, 32),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m helpers.pocket.train", description=__doc__)
    parser.add_argument("stage", choices=[*STAGES])
    parser.add_argument("--run", type=Path, default=Path("runs/pocket"), help="folder of checkpoints and sheets")
    parser.add_argument("--to", type=Path, default=weights.FOLDER, help="where the weights are written")
    parser.add_argument("--steps", type=int, default=10_000, help="counted from the run's beginning")
    parser.add_argument("--decay", type=int, default=2_000, help="last steps, with a falling learning rate")
    parser.add_argument("--batch", type=int, help="pictures a step; each stage has its own default")
    parser.add_argument("--scenes", type=int, default=24_000, help="scenes drawn to train on")
    parser.add_argument("--precision", default="mixed_bfloat16", help="Keras's dtype policy while training")
    args = parser.parse_args()
    stage, batch = STAGES[args.stage]
    args.batch = args.batch or batch
    keras.utils.set_random_seed(0)
    for folder in (args.run, args.to):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / ".writable").touch()
            (folder / ".writable").unlink()
        except OSError as error:
            parser.error(f"'{folder}' cannot be written ({error.strerror}); name another with --run or --to.")
    keras.config.set_dtype_policy(args.precision)
    stage(args)


if __name__ == "__main__":
    main()
