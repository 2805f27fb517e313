"""What the argument `model` means: a name, an id of the model hub, a folder as diffusers saves it, or one file."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from helpers.models import hub
from helpers.models.additions import Extensible, checked_strength, checked_word
from helpers.models.architectures.configs import FIRST, SECOND, Architecture
from helpers.models.by_keras_cv import BY_KERAS_CV
from helpers.models.checkpoint import Checkpoint, Defaults, rounded
from helpers.models.files.tensor_files import PICKLES, listed, near
from helpers.models.files.tiny_decoders import FILE, TinyDecoder, published, read_tiny_decoder
from helpers.models.from_files import Source, described, opened, opened_autoencoder
from helpers.models.pocket.checkpoint import INPAINTING, pocket


def _known(version: str, size: str, licence: str, architecture: Architecture, **options) -> Checkpoint:
    """Of a name, whose files are fetched from the hub when a network is first built."""
    name = f"sd-{version}"
    about = f"Stable Diffusion {version}, {size} of weights under the {licence} licence: for a GPU, or a patient CPU"
    files = functools.cache(lambda: opened(hub.fetch_checkpoint(hub.REPOSITORIES[name])))
    return described(Source(name, about, architecture, files, **options))


CHECKPOINTS = {
    each.name: each
    for each in (
        pocket(),
        pocket(INPAINTING),
        _known("1.4", "2.1 GB", "CreativeML OpenRAIL-M", FIRST),
        _known("1.5", "2.1 GB", "CreativeML OpenRAIL-M", FIRST),
        _known("2.1", "2.6 GB", "CreativeML OpenRAIL++-M", SECOND),
        # distilled to a few unguided steps
        _known(
            "turbo",
            "2.6 GB",
            "Stability AI Community",
            SECOND,
            drawing=Defaults("ddim_trailing", 1, 1.0),
            unguided=True,
            most_steps=4,
        ),
    )
}


def checkpoint(
    model: str | Path,
    weights: str = "hub",
    vae: str | Path | None = None,
    loras: Mapping[str | Path, float] | None = None,
    prediction: str | None = None,
    decoder: str | Path | None = None,
    embeddings: Mapping[str, str | Path | np.ndarray] | None = None,
) -> Checkpoint:
    """The checkpoint that is meant.

    model: a name of `CHECKPOINTS`; the path of a folder as diffusers saves it, or of a `.safetensors` file with the
        original's names; or "owner/name" on the model hub, from where it is fetched now.
    weights: where those of a name come from: "hub", or "keras", which are KerasCV's own files and networks.
    vae: the autoencoder of another checkpoint: a path, or an id of the hub.
    loras: how much is added of each low-rank update, by path or id.
    prediction: "noise" or "velocity", where files do not tell.
    decoder: "tiny", which is TAESD's, with 1.2 million weights instead of 50; or a path or an id of the hub of one
        like it, as diffusers' AutoencoderTiny is saved.
    embeddings: learned words, as of `with_embeddings`.
    Raises ValueError for what is none of these, or does not go together; FileNotFoundError for a path where nothing
    is; and what `hub` raises where something cannot be fetched.
    """
    if weights not in ("hub", "keras"):
        raise ValueError(f"weights={weights!r} is unknown: choose 'hub' or 'keras'.")
    if prediction not in (None, "noise", "velocity"):
        raise ValueError(f"prediction={prediction!r} is unknown: choose 'noise' or 'velocity'.")
    if weights == "keras" and model not in BY_KERAS_CV:
        raise ValueError(f"weights='keras' are those of {listed([*BY_KERAS_CV])}; {str(model)!r} has none.")
    known = BY_KERAS_CV if weights == "keras" else CHECKPOINTS
    found = known[str(model)] if model in known else _from_files(model, prediction)
    if vae is not None:
        autoencoder = opened_autoencoder(_path(vae, _fetched_autoencoder))
        found = described(_source(found, "vae").with_autoencoder(autoencoder))
    if decoder is not None:
        found = described(_source(found, "decoder").with_decoder(_decoder(decoder)))
    found = with_loras(found, loras) if loras else found
    return with_embeddings(found, embeddings) if embeddings else found


def with_loras(checkpoint: Checkpoint, loras: Mapping[str | Path, float]) -> Checkpoint:
    """The same checkpoint with these low-rank updates added, and no others. Raises as `checkpoint` does."""
    source = _extensible(checkpoint, "loras")
    strengths = {_path(name, hub.fetch_file): checked_strength(name, much) for name, much in loras.items()}
    return source.with_additions(dataclasses.replace(source.additions, loras=strengths))


def with_embeddings(checkpoint: Checkpoint, embeddings: Mapping[str, str | Path | np.ndarray]) -> Checkpoint:
    """The same checkpoint that knows these learned words, and no others.

    embeddings: of each word its file, by path or id, or its vector or vectors, (context_width,) or (tokens, …).
    Raises as `checkpoint` and `read_embedding` do, and ValueError for what is no single word; for a word that the
    model has already, its tokenizer does, when first used.
    """
    from helpers.models.files.embeddings import read_embedding

    source, width = _extensible(checkpoint, "embeddings"), checkpoint.context_width
    words = {}
    for word, given in embeddings.items():
        if isinstance(given, np.ndarray):
            words[checked_word(word)] = given.astype(np.float32).reshape(-1, width)
        else:
            words[checked_word(word)] = read_embedding(_path(given, hub.fetch_file), width)
    return source.with_additions(dataclasses.replace(source.additions, words=words))


def _extensible(checkpoint: Checkpoint, given: str) -> Extensible:
    if checkpoint.source is None:
        raise ValueError(
            f"{given} cannot be given with KerasCV's own files of {checkpoint.name!r}; leave weights='keras' out."
        )
    return checkpoint.source


def _source(checkpoint: Checkpoint, given: str) -> Source:
    if not isinstance(checkpoint.source, Source):
        raise ValueError(
            f"{given} cannot be given with {checkpoint.name!r}, only with Stable Diffusion 1.x and 2.x from files, as "
            "model='sd-1.5' or a path."
        )
    return checkpoint.source


def _path(name: str | Path, fetch: Callable[[str], Path]) -> Path:
    """Of what is a path, there or not, or an id on the hub, from where it is fetched."""
    path = Path(name).expanduser()
    if path.exists() or path.suffix.lower() in (".safetensors", *PICKLES) or not hub.is_id(name):
        return path
    return fetch(str(name))


def _fetched_autoencoder(repo_id: str) -> Path:
    """The folder of a repository that holds an autoencoder alone, as diffusers saves it."""
    hub.fetch_file(repo_id, "config.json")
    return hub.fetch_file(repo_id, "diffusion_pytorch_model.safetensors").parent


def _decoder(decoder: str | Path) -> TinyDecoder:
    if str(decoder) == "tiny":
        return published()
    if "taesdxl" in str(decoder).lower():  # nothing but the name tells
        raise ValueError(
            f"The decoder {str(decoder)!r} is made for the latents of Stable Diffusion XL, which are others; that of "
            "1.x and 2.x is decoder='tiny'."
        )
    return read_tiny_decoder(str(decoder), _path(decoder, lambda repo_id: hub.fetch_file(repo_id, FILE)))


def _from_files(model: str | Path, prediction: str | None) -> Checkpoint:
    path = _path(model, hub.fetch_checkpoint)
    if not path.exists():
        names = listed([*CHECKPOINTS], most=len(CHECKPOINTS))
        raise ValueError(
            f"Unknown model {str(model)!r}: choose one of {names}, 'owner/name' of the model hub, or the path "
            f"of a folder or a '.safetensors' file{near(path)}."
        )
    files = opened(path, prediction)
    name = str(model) if path != Path(model).expanduser() else path.resolve().stem
    return described(Source(name, f"the weights in {model}", files.architecture, lambda: files))


def default(gpu: bool, img_height: int | None, img_width: int | None) -> Checkpoint:
    """The checkpoint for this machine and a picture of that size, told in a printed line.

    gpu: whether there is one: then sd-1.4, elsewhere pocket, unless it cannot draw the size.
    Raises ValueError for what is no number of pixels.
    """
    small, large = CHECKPOINTS["pocket"], CHECKPOINTS["sd-1.4"]
    asked = {"img_height": img_height, "img_width": img_width}
    sizes = {rounded(name, pixels) for name, pixels in asked.items() if pixels is not None}
    too_large = small.sizes is not None and not sizes <= set(small.sizes)
    chosen = large if gpu or too_large else small
    because = "" if gpu or not too_large else f", for {small.name!r} cannot draw such a size"
    print(f"Model {chosen.name!r}{because}: {chosen.about}. Choose with StableDiffusion(model=…).")
    return chosen
