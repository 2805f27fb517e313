"""From a training's checkpoints to the files that the project ships."""

from __future__ import annotations

import os
from pathlib import Path

import h5py
import keras
import numpy as np
from tqdm.auto import tqdm

from helpers.pocket import networks
from helpers.pocket.classifier import Classifier
from helpers.pocket.latents import load_autoencoder
from helpers.pocket.networks import MAX_LENGTH
from helpers.pocket.objectives import LATENT, SIZE, Diffusion
from helpers.pocket.run import Run
from helpers.pocket.weights import sha256


def export(args) -> None:
    """Write the averaged weights of all four networks, in float16, where the project looks for them."""
    vocabulary = (args.run / "vocabulary.txt").read_text(encoding="utf-8").split()
    model = Diffusion(len(vocabulary))
    example = [np.zeros((1, MAX_LENGTH), np.int32), np.zeros((1, *LATENT), np.float32), np.zeros((1, 320))]
    run = Run(args.run, "diffusion", model, example)
    run.use_averaged()
    autoencoder = load_autoencoder(args.run)
    keras.config.set_dtype_policy("float16")
    (args.to / "vocabulary.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    for name, trained, network in (
        ("text_encoder", model.text_encoder, networks.text_encoder(MAX_LENGTH, len(vocabulary))),
        ("diffusion_model", model.diffusion_model, networks.diffusion_model(SIZE, SIZE, MAX_LENGTH)),
        ("image_encoder", autoencoder.moments, networks.image_encoder()),
        ("decoder", autoencoder.decoder, networks.decoder(SIZE, SIZE)),
    ):
        write_weights(name, trained, network, args.to)


def export_classifier(args) -> None:
    """Write the classifier's averaged weights, in float16."""
    model = Classifier()
    Run(args.run, "classifier", model, np.zeros((1, SIZE, SIZE, 3), np.float32)).use_averaged()
    keras.config.set_dtype_policy("float16")
    half = Classifier()
    half(np.zeros((1, SIZE, SIZE, 3), np.float32))
    write_weights("classifier", model, half, args.to)


def write_weights(name: str, trained: keras.Model, half: keras.Model, folder: Path) -> None:
    """The trained weights in a file of the folder, compressed, by way of the same network in float16."""
    half.set_weights(trained.get_weights())
    path = folder / f"{name}.weights.h5"
    half.save_weights(path)
    _compress(path)
    tqdm.write(
        f'{path.stat().st_size:>11,} bytes in {path}; for helpers/pocket/weights.py: "{name}": "{sha256(path)}",'
    )


def _compress(path: Path) -> None:
    """Rewrite an HDF5 file with its arrays compressed; Keras and every other reader open it as before."""
    partial = path.with_suffix(".partial")
    with h5py.File(path) as source, h5py.File(partial, "w", libver="latest") as target:

        def copy(name, item):
            if isinstance(item, h5py.Dataset):
                packed = (
                    dict(compression="gzip", compression_opts=9, shuffle=True, chunks=item.shape)
                    if item.size > 1000
                    else {}
                )
                made = target.create_dataset(name, data=item[()], **packed)
            else:
                made = target.require_group(name)
            made.attrs.update(item.attrs)

        source.visititems(copy)
    os.replace(partial, path)
