"""Train the pocket model: `python -m helpers.pocket.train autoencoder`, then `… diffusion`, then `… export`.

Runs on Keras's TensorFlow or JAX backend (set KERAS_BACKEND). A run goes on from its last checkpoint in
the folder `--run`; `--steps` counts from the run's beginning, and over the last `--decay` of them the
learning rate falls to zero, so a run can be ended at any time: start it again with fewer steps left.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import h5py
import keras
import numpy as np
from keras import ops
from tqdm.auto import tqdm

from helpers.checkpoints import POCKET_WEIGHTS
from helpers.images import save_image, strip
from helpers.pocket import networks, scenes
from helpers.pocket.networks import MAX_LENGTH
from helpers.pocket.objectives import LATENT, SIZE, Autoencoder, Diffusion, unit_variance
from helpers.pocket.run import Run
from helpers.pocket.tokenizer import WordTokenizer, world_vocabulary
from helpers.samplers import (
    ALPHAS_CUMPROD,
    TRAIN_TIMESTEPS,
    ddim,
    noise_from_velocity,
    timestep_embedding,
    trailing_timesteps,
)


def draw_scenes(count: int, seed: int) -> tuple[list[scenes.Scene], np.ndarray]:
    """`count` training scenes and their pictures, uint8 (count, SIZE, SIZE, 3)."""
    rng = np.random.default_rng(seed)
    described, pictures = [], np.empty((count, SIZE, SIZE, 3), np.uint8)
    for number in tqdm(range(count), desc="drawing scenes", mininterval=10):
        described.append(scenes.sample_training_scene(rng))
        pictures[number] = scenes.draw(described[-1], SIZE, rng)
    return described, pictures


def to_float(pictures: np.ndarray) -> np.ndarray:
    """uint8 → float32 in [-1, 1]."""
    return pictures.astype(np.float32) / 127.5 - 1


def to_uint8(pictures) -> np.ndarray:
    return np.clip(np.round((ops.convert_to_numpy(pictures) + 1) * 127.5), 0, 255).astype(np.uint8)


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
        tqdm.write(f"step {run.step + 1}  PSNR {np.mean(-10 * np.log10(error / 4)):.2f} dB on 64 new scenes")
        rows = [np.concatenate([a, b]) for a, b in zip(unseen[:12], to_uint8(restored[:12]))]
        save_image(strip(rows, columns=12), args.run / "autoencoder.png")

    run.train(batches(), args.steps, args.decay, look)


def encode_scenes(autoencoder: Autoencoder, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of every picture's latent, float16 (count, *LATENT)."""
    means, deviations = [], []
    for part in tqdm(np.array_split(pictures, -(-len(pictures) // 64)), desc="encoding scenes", mininterval=10):
        moments = ops.convert_to_numpy(ops.cast(autoencoder.moments(to_float(part)), "float32"))
        means.append(moments[..., :4].astype(np.float16))
        deviations.append(np.exp(np.clip(moments[..., 4:], -12, 4) / 2).astype(np.float16))
    return np.concatenate(means), np.concatenate(deviations)


def load_autoencoder(run_folder: Path) -> Autoencoder:
    """The trained autoencoder with averaged weights and latents of unit variance."""
    model = Autoencoder()
    run = Run(run_folder, "autoencoder", model, to_float(np.zeros((1, SIZE, SIZE, 3))))
    if not run.step:
        raise FileNotFoundError(f"No trained autoencoder in {run_folder}: run the stage `autoencoder` first.")
    run.use_averaged()
    _, pictures = draw_scenes(512, seed=3)
    mean, _ = encode_scenes(model, pictures)
    mean = mean.astype(np.float32)
    unit_variance(model, mean.mean(axis=(0, 1, 2)), mean.std(axis=(0, 1, 2)))
    return model


def train_diffusion(args) -> None:
    autoencoder = load_autoencoder(args.run)
    described, pictures = draw_scenes(args.scenes, seed=1)
    mean, deviation = encode_scenes(autoencoder, pictures)
    del pictures
    vocabulary = world_vocabulary()
    (args.run / "vocabulary.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    tokenizer = WordTokenizer(args.run / "vocabulary.txt")
    model = Diffusion(len(vocabulary))
    embeddings = timestep_embedding(range(TRAIN_TIMESTEPS))
    example = [np.zeros((1, MAX_LENGTH), np.int32), np.zeros((1, *LATENT), np.float32), embeddings[:1]]
    run = Run(args.run, "diffusion", model, example)
    rng = np.random.default_rng(run.step)

    def tokens(prompt):
        ids = tokenizer.encode(prompt)
        return ids + [tokenizer.end_of_text] * (MAX_LENGTH - len(ids))

    def batches():
        while True:
            chosen = rng.integers(len(mean), size=args.batch)
            noise = rng.standard_normal((2, args.batch, *LATENT), dtype=np.float32)
            latent = mean[chosen] + deviation[chosen] * noise[0]
            # one caption in ten is dropped, so that the model learns to guide itself (2207.12598)
            prompts = ["" if rng.random() < 0.1 else scenes.caption(described[i], rng) for i in chosen]
            timesteps = rng.integers(TRAIN_TIMESTEPS, size=args.batch)
            left = ALPHAS_CUMPROD[timesteps].astype(np.float32)[:, None, None, None]
            signal, sigma = np.sqrt(left), np.sqrt(1 - left)
            noisy = signal * latent + sigma * noise[1]
            yield {
                "x": [np.array([tokens(p) for p in prompts], np.int32), noisy, embeddings[timesteps]],
                "y": signal * noise[1] - sigma * latent,  # the velocity (2202.00512, section 4)
                # velocity's error weighs x0's by snr + 1 = 1 / sigma²; held at 5, as in 2303.09556
                "sample_weight": np.minimum(1, 5 * np.square(sigma)).ravel(),
            }

    look_rng = np.random.default_rng(0)
    prompts = [scenes.caption(s, look_rng) for s in held_out_scenes(32, seed=0)]
    start = look_rng.standard_normal((32, *LATENT), dtype=np.float32)

    def look():
        ids = np.array([tokens(p) for p in prompts] + [tokens("")] * 32, np.int32)

        def denoiser(latent, timestep):
            both = np.concatenate([latent, latent])
            velocity = model([ids, both, embeddings[np.full(64, timestep)]], training=False)
            guided, unguided = np.split(ops.convert_to_numpy(velocity), 2)
            return noise_from_velocity(unguided + 5.0 * (guided - unguided), latent, timestep)

        for step in ddim(start, denoiser, trailing_timesteps(20)):
            latent = step.latent
        pictures = autoencoder.decoder(latent)
        save_image(strip(to_uint8(ops.cast(pictures, "float32")), columns=8), args.run / "diffusion.png")
        tqdm.write("\n".join([f"step {run.step + 1}: a sheet of held-out prompts, in rows of 8:", *prompts]))

    run.train(batches(), args.steps, args.decay, look)


def held_out_scenes(count: int, seed: int) -> list[scenes.Scene]:
    """The first `count` held-out scenes of the seed."""
    rng = np.random.default_rng(seed)
    found = []
    while len(found) < count:
        if (scene := scenes.sample_scene(rng)).held_out:
            found.append(scene)
    return found


def export(args) -> None:
    """Write the averaged weights of all four networks, in float16, where the project looks for them."""
    vocabulary = (args.run / "vocabulary.txt").read_text(encoding="utf-8").split()
    model = Diffusion(len(vocabulary))
    example = [np.zeros((1, MAX_LENGTH), np.int32), np.zeros((1, *LATENT), np.float32), np.zeros((1, 320))]
    run = Run(args.run, "diffusion", model, example)
    run.use_averaged()
    autoencoder = load_autoencoder(args.run)
    keras.config.set_dtype_policy("float16")
    args.to.mkdir(parents=True, exist_ok=True)
    for name, trained, network in (
        ("text_encoder", model.text_encoder, networks.text_encoder(MAX_LENGTH, len(vocabulary))),
        ("diffusion_model", model.diffusion_model, networks.diffusion_model(SIZE, SIZE, MAX_LENGTH)),
        ("image_encoder", autoencoder.moments, networks.image_encoder()),
        ("decoder", autoencoder.decoder, networks.decoder(SIZE, SIZE)),
    ):
        network.set_weights(trained.get_weights())
        network.save_weights(args.to / f"{name}.weights.h5")
        _compress(args.to / f"{name}.weights.h5")
    (args.to / "vocabulary.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    tqdm.write(f"step {run.step}: weights written to {args.to}")


def _compress(path: Path) -> None:
    """Rewrite an HDF5 file with its arrays compressed; Keras and every other reader open it as before."""
    partial = path.with_suffix(".partial")
    with h5py.File(path) as source, h5py.File(partial, "w", libver="latest") as target:

        def copy(name, item):
            if isinstance(item, h5py.Dataset):
                packed = dict(compression="gzip", shuffle=True) if item.size > 1000 else {}
                made = target.create_dataset(name, data=item[()], **packed)
            else:
                made = target.require_group(name)
            made.attrs.update(item.attrs)

        source.visititems(copy)
    os.replace(partial, path)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m helpers.pocket.train", description=__doc__)
    parser.add_argument("stage", choices=["autoencoder", "diffusion", "export"])
    parser.add_argument("--run", type=Path, default=Path("runs/pocket"), help="folder of checkpoints and sheets")
    parser.add_argument("--to", type=Path, default=POCKET_WEIGHTS, help="where `export` writes")
    parser.add_argument("--steps", type=int, default=10_000, help="counted from the run's beginning")
    parser.add_argument("--decay", type=int, default=2_000, help="last steps, with a falling learning rate")
    parser.add_argument("--batch", type=int, help="pictures a step (8 for the autoencoder, 64 for diffusion)")
    parser.add_argument("--scenes", type=int, default=24_000, help="scenes drawn to train on")
    parser.add_argument("--precision", default="mixed_bfloat16", help="Keras's dtype policy while training")
    args = parser.parse_args()
    args.batch = args.batch or {"autoencoder": 8, "diffusion": 64, "export": 1}[args.stage]
    args.run.mkdir(parents=True, exist_ok=True)
    keras.config.set_dtype_policy(args.precision)
    {"autoencoder": train_autoencoder, "diffusion": train_diffusion, "export": export}[args.stage](args)


if __name__ == "__main__":
    main()
