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

from helpers.models.pocket import networks, weights
from helpers.models.pocket.tokenizer import WordTokenizer
from helpers.pictures.strips import strip
from helpers.pocket import scenes
from helpers.pocket.classifier import Classifier, labels, shares
from helpers.pocket.data import draw_scenes, held_out_scenes, psnr, to_float, to_uint8
from helpers.pocket.diffusing import draw, noisy_batches
from helpers.pocket.export import export, export_classifier, export_diffusion, write_weights
from helpers.pocket.latents import encode_scenes, encoded, load_autoencoder, load_moments
from helpers.pocket.objectives import DIFFUSION_EXAMPLE, LATENT, PICTURE_EXAMPLE, SIZE, Autoencoder, Diffusion, Restorer
from helpers.pocket.run import Run, fastest_policy
from helpers.pocket.vocabulary import world_vocabulary
from helpers.recipes.files import save_image


def train_autoencoder(args) -> None:
    model = Autoencoder()
    run = Run(args.run, "autoencoder", model, PICTURE_EXAMPLE)
    _, pictures = draw_scenes(args.scenes, seed=1)
    _, unseen = draw_scenes(64, seed=2)
    rng = np.random.default_rng(run.step)

    def batches():
        while True:
            picture = to_float(pictures[rng.integers(len(pictures), size=args.batch)])
            yield {"x": picture, "y": picture}

    def look():
        means = [ops.cast(model.moments(part), "float32")[..., :4] for part in np.split(to_float(unseen), 4)]
        restored = np.concatenate([to_uint8(model.decoder(mean)) for mean in means])
        tqdm.write(f"step {run.step}  PSNR {psnr(restored, unseen):.2f} dB on 64 new scenes")
        rows = [np.concatenate([a, b]) for a, b in zip(unseen[:12], restored[:12])]
        save_image(strip(rows, columns=12), args.run / "autoencoder.png")

    run.train(batches(), args.steps, args.decay, look)


def train_decoder(args) -> None:
    """On from exported weights: the decoder gets better at the latents that the UNet has learned."""
    encoder, model = networks.image_encoder(), Restorer()
    for name, network in (("image_encoder", encoder), ("decoder", model.decoder)):
        network.load_weights(args.start / f"{name}.weights.h5")
    run = Run(args.run, "decoder", model, np.zeros((1, *LATENT), np.float32), 1.5e-3)
    _, pictures = draw_scenes(args.scenes, seed=6)
    _, unseen = draw_scenes(64, seed=2)
    latents, unseen_latents = encoded(encoder, pictures), encoded(encoder, unseen)
    rng = np.random.default_rng(run.step)

    def batches():
        while True:
            chosen = rng.integers(len(pictures), size=args.batch)
            yield {"x": latents[chosen], "y": to_float(pictures[chosen])}

    def look():
        restored = np.concatenate([to_uint8(model.decoder(part)) for part in np.split(unseen_latents, 4)])
        tqdm.write(f"step {run.step}  PSNR {psnr(restored, unseen):.2f} dB on 64 new scenes")

    look()
    run.train(batches(), args.steps, args.decay, look)
    run.use_averaged()
    write_weights("decoder", model.decoder, networks.decoder(SIZE, SIZE), args.to)


def train_diffusion(args) -> None:
    """From nothing on the run's autoencoder, or from exported weights on theirs."""
    described, pictures = draw_scenes(args.scenes, seed=7 if args.start else 1)
    if args.start:
        moments, decoder = load_moments(args.start), networks.decoder(SIZE, SIZE)
        decoder.load_weights(args.start / "decoder.weights.h5")
    else:
        autoencoder = load_autoencoder(args.run)
        moments, decoder = autoencoder.moments, autoencoder.decoder
    mean, deviation = encode_scenes(moments, pictures)
    del pictures
    vocabulary = world_vocabulary()
    (args.run / "vocabulary.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    tokenizer = WordTokenizer(args.run / "vocabulary.txt")
    model = Diffusion(len(vocabulary))
    if args.start:
        for name in ("text_encoder", "diffusion_model"):
            getattr(model, name).load_weights(args.start / f"{name}.weights.h5")
    run = Run(args.run, "diffusion", model, DIFFUSION_EXAMPLE)
    batches = noisy_batches(described, mean, deviation, tokenizer, args.batch, np.random.default_rng(run.step))

    look_rng = np.random.default_rng(0)
    prompts = [scenes.caption(s, look_rng) for s in held_out_scenes(32, seed=0)]
    start = look_rng.standard_normal((32, *LATENT), dtype=np.float32)

    def look():
        pictures = draw(model, decoder, tokenizer, prompts, start)
        save_image(strip(pictures, columns=8), args.run / "diffusion.png")
        tqdm.write("\n".join([f"step {run.step}: a sheet of held-out prompts, in rows of 8:", *prompts]))

    run.train(batches, args.steps, args.decay, look)
    if args.start:
        export_diffusion(args)


def train_classifier(args) -> None:
    model = Classifier()
    run = Run(args.run, "classifier", model, PICTURE_EXAMPLE, 1e-3)
    described, pictures = draw_scenes(args.scenes, seed=4)
    answers = labels(described)
    unseen, unseen_pictures = draw_scenes(1000, seed=5)
    rng = np.random.default_rng(run.step)

    def batches():
        while True:
            chosen = rng.integers(len(pictures), size=args.batch)
            yield {"x": to_float(pictures[chosen]), "y": answers[chosen]}

    def look():
        right = shares(model.read(unseen_pictures).labels, labels(unseen))
        told = ", ".join(f"{name} {share:.1%}" for name, share in right.items())
        tqdm.write(f"step {run.step}  of 1000 new scenes: {told}")

    run.train(batches(), args.steps, args.decay, look)
    export_classifier(args)


STAGES = {  # what each does, and how many pictures it takes a step
    "autoencoder": (train_autoencoder, 8),
    "diffusion": (train_diffusion, 64),
    "export": (export, None),
    "decoder": (train_decoder, 16),
    "classifier": (train_classifier, 32),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m helpers.pocket.train", description=__doc__)
    parser.add_argument("stage", choices=[*STAGES])
    parser.add_argument("--run", type=Path, default=Path("runs/pocket"), help="folder of checkpoints and sheets")
    parser.add_argument("--to", type=Path, default=weights.FOLDER, help="where the weights are written")
    parser.add_argument("--start", type=Path, help="folder of exported weights to go on from")
    parser.add_argument("--steps", type=int, default=10_000, help="counted from the run's beginning")
    parser.add_argument("--decay", type=int, default=2_000, help="last steps, with a falling learning rate")
    parser.add_argument("--batch", type=int, help="pictures a step; each stage has its own default")
    parser.add_argument("--scenes", type=int, default=24_000, help="scenes drawn to train on")
    parser.add_argument("--precision", help="Keras's dtype policy; by default the one that is fastest here")
    args = parser.parse_args()
    stage, batch = STAGES[args.stage]
    args.batch = args.batch or batch
    if args.stage == "decoder" and not args.start:
        parser.error("the decoder goes on from exported weights: name their folder, as in --start assets/pocket.")
    keras.utils.set_random_seed(0)
    for folder in (args.run, args.to):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / ".writable").touch()
            (folder / ".writable").unlink()
        except OSError as error:
            parser.error(f"'{folder}' cannot be written ({error.strerror}); name another with --run or --to.")
    keras.config.set_dtype_policy(args.precision or fastest_policy())
    stage(args)


if __name__ == "__main__":
    main()
