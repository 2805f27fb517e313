"""From a training's checkpoints to the files that the project ships."""

from __future__ import annotations

import os
from pathlib import Path

import h5py
import keras
import numpy as np
from tqdm.auto import tqdm

from helpers.models.pocket import networks
from helpers.models.pocket.sizes import MAX_LENGTH
from helpers.models.pocket.weights import sha256
from helpers.pocket.classifier import Classifier
from helpers.pocket.latents import load_autoencoder
from helpers.pocket.objectives import DIFFUSION_EXAMPLE, PICTURE_EXAMPLE, SIZE, Diffusion
from helpers.pocket.run import Run


def export(args) -> None:
    """Write the averaged weights of all four networks, in float16, where the project looks for them."""
    export_diffusion(args)
    autoencoder = load_autoencoder(args.run)
    write_weights("image_encoder", autoencoder.moments, networks.image_encoder(), args.to)
    write_weights("decoder", autoencoder.decoder, networks.decoder(SIZE, SIZE), args.to)


def export_diffusion(args) -> None:
    """Write the vocabulary and the averaged weights of the text encoder and the UNet."""
    vocabulary = (args.run / "vocabulary.txt").read_text(encoding="utf-8")
    size = len(vocabulary.split())
    model = Diffusion(size)
    Run(args.run, "diffusion", model, DIFFUSION_EXAMPLE).use_averaged()
    (args.to / "vocabulary.txt").write_text(vocabulary, encoding="utf-8")
    write_weights("text_encoder", model.text_encoder, networks.text_encoder(MAX_LENGTH, size), args.to)
    write_weights("diffusion_model", model.diffusion_model, networks.diffusion_model(SIZE, SIZE, MAX_LENGTH), args.to)


def export_classifier(args) -> None:
    """Write the classifier's averaged weights."""
    model, same = Classifier(), Classifier()
    Run(args.run, "classifier", model, PICTURE_EXAMPLE).use_averaged()
    same(PICTURE_EXAMPLE)
    write_weights("classifier", model, same, args.to)


def write_weights(name: str, trained: keras.Model, same: keras.Model, folder: Path) -> None:
    """The trained weights in a file of the folder, in float16 and compressed; `same` is the network as the user's."""
    same.set_weights(trained.get_weights())
    path = folder / f"{name}.weights.h5"
    same.save_weights(path)
    _compress(path)
    tqdm.write(
        f'{path.stat().st_size:>11,} bytes in {path}; for helpers/models/pocket/weights.py: "{name}": "{sha256(path)}",'
    )


def _compress(path: Path) -> None:
    """Rewrite an HDF5 file of weights in float16 and compressed; Keras and every other reader open it as before."""
    partial = path.with_suffix(".partial")
    with h5py.File(path) as source, h5py.File(partial, "w", libver="latest") as target:

        def copy(name, item):
            if isinstance(item, h5py.Dataset):
                values = item[()].astype(np.float16) if item.dtype.kind == "f" else item[()]
                packed = dict(compression="gzip", compression_opts=9, shuffle=True, chunks=item.shape)
                made = target.create_dataset(name, data=values, **(packed if item.size > 1000 else {}))
            else:
                made = target.require_group(name)
            made.attrs.update(item.attrs)

        source.visititems(copy)
    os.replace(partial, path)
