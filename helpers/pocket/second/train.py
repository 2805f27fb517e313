"""Train the second edition: `python -m helpers.pocket.second.train autoencoder`, then `… latents`, then `… diffusion`.

`… decoder` makes restored pictures crisper, whenever there is time, and changes no latent; `… keep` writes the averaged
weights, in half precision, to `--to`, from where a run without a checkpoint begins.
Runs on any of Keras's backends (set KERAS_BACKEND). A run goes on from its last checkpoint in the folder `--run`;
`--steps` counts from the run's beginning, and over the last `--decay` of them the learning rate falls to zero.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import keras
import numpy as np
from tqdm.auto import tqdm

from helpers.models.pocket import inpainting as networks
from helpers.models.pocket.inpainting import CHANNELS, LATENT, SIZE
from helpers.models.pocket.sizes import MAX_LENGTH
from helpers.models.pocket.tokenizer import END, START, WordTokenizer
from helpers.models.pocket.weights import INPAINTING
from helpers.pictures.strips import strip
from helpers.pocket.data import psnr, to_float, to_uint8
from helpers.pocket.export import write_weights
from helpers.pocket.judge import judge, summary
from helpers.pocket.measures import sharpness
from helpers.pocket.objectives import Autoencoder
from helpers.pocket.run import Run, fastest_policy
from helpers.pocket.second import latents, objectives
from helpers.pocket.second.data import draw_scenes, drawn_scenes
from helpers.pocket.second.diffusing import draw, noisy_batches
from helpers.pocket.second.objectives import DIFFUSION_EXAMPLE, PICTURE_EXAMPLE
from helpers.pocket.second.sharpening import Sharpening
from helpers.pocket.world.captions import caption, vocabulary
from helpers.recipes.files import save_image


def autoencoder_run(args) -> Run:
    model = objectives.autoencoder()
    begin(args, {"image_encoder": model.moments, "decoder": model.decoder})
    return Run(args.run, "autoencoder", model, PICTURE_EXAMPLE, learning_rate=2e-3)


def diffusion_run(args) -> Run:
    model = objectives.diffusion(tokenizer(args).encoder)
    begin(args, {"text_encoder": model.text_encoder, "diffusion_model": model.diffusion_model})
    return Run(args.run, "diffusion", model, DIFFUSION_EXAMPLE, averaging=1000)


def begin(args, parts: dict[str, keras.Model]) -> None:
    """With the weights that are kept, if they are. A run with a checkpoint takes its own instead."""
    paths = {name: args.to / f"{name}.weights.h5" for name in parts}
    if all(path.exists() for path in paths.values()):
        for name, network in parts.items():
            network.load_weights(paths[name])


def tokenizer(args) -> WordTokenizer:
    path = args.run / "vocabulary.txt"
    path.write_text("\n".join([START, END, *vocabulary()]) + "\n", encoding="utf-8")
    return WordTokenizer(path)


def restored(model: Autoencoder | Sharpening, pictures: np.ndarray) -> np.ndarray:
    """Pictures uint8 (N, H, W, 3) after a way through the autoencoder."""
    parts = np.array_split(pictures, -(-len(pictures) // 8))
    return np.concatenate([to_uint8(model.decoder(model.moments(to_float(each))[..., :CHANNELS])) for each in parts])


def train_autoencoder(args) -> None:
    train_to_restore(autoencoder_run(args), args, seed=10)


def train_decoder(args) -> None:
    """On from the kept autoencoder, whose latents stay; what is kept in the end is the decoder."""
    model = Sharpening(networks.image_moments(), networks.decoder(SIZE, SIZE))
    begin(args, {"image_encoder": model.moments, "decoder": model.decoder})
    run = Run(args.run, "decoder", model, PICTURE_EXAMPLE, learning_rate=1e-3)
    train_to_restore(run, args, seed=110)
    run.use_averaged()
    write_weights("decoder", run.model.decoder, networks.decoder(SIZE, SIZE), args.to)


def train_to_restore(run: Run, args, seed: int) -> None:
    _, pictures = draw_scenes(args.scenes, seed=seed + args.world)
    scenes, unseen = draw_scenes(64, seed=2)
    rng = np.random.default_rng(run.step)

    def batches():
        while True:
            picture = to_float(pictures[rng.integers(len(pictures), size=args.batch)])
            yield {"x": picture, "y": picture}

    def look():
        again = restored(run.model, unseen)
        crisp = sharpness(again) / sharpness(unseen)
        told = f"PSNR {psnr(again, unseen):.2f} dB, sharpness {crisp:.2f}, {summary(judge(again, scenes))}"
        tqdm.write(f"step {run.step}  64 new scenes restored: {told}")
        rows = [np.concatenate([a, b]) for a, b in zip(unseen[:12], again[:12])]
        save_image(strip(rows, columns=6), run.file.with_suffix(".png"))

    run.train(batches(), args.steps, args.decay, look)


def make_latents(args) -> None:
    """The latents to learn on: by the run's autoencoder, kept with latents of unit variance, or by the kept one."""
    run = autoencoder_run(args)
    if run.step:
        run.use_averaged()
        latents.normalise(run.model)
        keep_autoencoder(run.model, args)
    elif not (args.to / "image_encoder.weights.h5").exists():
        raise FileNotFoundError(
            f"No trained autoencoder in {args.run} or {args.to}: run the stage `autoencoder` first."
        )
    moments = run.model.moments
    latents.save(latents.make_latents(moments, args.scenes, seed=10 + args.world), args.run / "latents.npz")


def train_diffusion(args) -> None:
    decoder = networks.decoder(SIZE, SIZE)
    decoder.load_weights(args.to / "decoder.weights.h5")
    run, words = diffusion_run(args), tokenizer(args)
    known = latents.load(args.run / "latents.npz")
    batches = noisy_batches(known, words, args.batch, np.random.default_rng([run.step, args.world]))
    rng = np.random.default_rng(0)
    scenes = drawn_scenes(32)
    prompts = [caption(scene, rng, full=True) for scene in scenes]
    start = rng.standard_normal((32, *LATENT), dtype=np.float32)

    everywhere, nothing = np.ones(start.shape[:3], bool), np.broadcast_to(known.grey, start.shape)

    def look():
        pictures = draw(run.model, decoder, words, prompts, start, everywhere, nothing)
        save_image(strip(pictures, columns=8), args.run / "diffusion.png")
        tqdm.write(f"step {run.step}  32 held-out prompts: {summary(judge(pictures, scenes))}")

    run.train(batches, args.steps, args.decay, look)


def keep(args) -> None:
    """The averaged weights of whatever the run has trained; an autoencoder that latents were made with stays."""
    if (args.run / "autoencoder.npz").exists() and not (args.run / "latents.npz").exists():
        run = autoencoder_run(args)
        run.use_averaged()
        keep_autoencoder(run.model, args)
    if (args.run / "diffusion.npz").exists():
        run, words = diffusion_run(args), tokenizer(args)
        run.use_averaged()
        shutil.copyfile(args.run / "vocabulary.txt", args.to / "vocabulary.txt")
        text_encoder = networks.text_encoder(MAX_LENGTH, len(words.encoder))
        write_weights("text_encoder", run.model.text_encoder, text_encoder, args.to)
        write_weights("diffusion_model", run.model.diffusion_model, networks.diffusion_model(SIZE, SIZE), args.to)


def keep_autoencoder(model: Autoencoder, args) -> None:
    write_weights("image_encoder", model.moments, networks.image_moments(), args.to)
    write_weights("decoder", model.decoder, networks.decoder(SIZE, SIZE), args.to)


STAGES = {  # what each does, and how many pictures it takes a step
    "autoencoder": (train_autoencoder, 8),
    "latents": (make_latents, None),
    "diffusion": (train_diffusion, 64),
    "decoder": (train_decoder, 8),
    "keep": (keep, None),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m helpers.pocket.second.train", description=__doc__)
    parser.add_argument("stage", choices=[*STAGES])
    parser.add_argument("--run", type=Path, default=Path("runs/second"), help="folder of checkpoints and sheets")
    parser.add_argument("--to", type=Path, default=INPAINTING.folder, help="folder of the weights that are kept")
    parser.add_argument("--steps", type=int, default=10_000, help="counted from the run's beginning")
    parser.add_argument("--decay", type=int, default=2_000, help="last steps, with a falling learning rate")
    parser.add_argument("--batch", type=int, help="pictures a step; each stage has its own default")
    parser.add_argument("--scenes", type=int, default=24_000, help="scenes drawn to train on")
    parser.add_argument("--world", type=int, default=0, help="which scenes: another number draws others")
    parser.add_argument("--precision", help="Keras's dtype policy; by default the one that is fastest here")
    args = parser.parse_args()
    stage, batch = STAGES[args.stage]
    args.batch = args.batch or batch
    for folder in (args.run, args.to):
        folder.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(args.precision or fastest_policy())
    stage(args)


if __name__ == "__main__":
    main()
