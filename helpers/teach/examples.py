"""The pictures to learn from, with what they show in words, as latents."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from helpers.models.networks import Networks
from helpers.pictures.loading import load_image
from helpers.pictures.regions import crop, fit, resize

FEWEST, MOST = 3, 10


class Examples(NamedTuple):
    """latents: float32 (N, *Networks.latent_shape); prompts: what each of them shows."""

    latents: np.ndarray
    prompts: list[str]


def examples(
    networks: Networks, pictures: Sequence, prompts: str | Sequence[str], random_flip: bool = False
) -> Examples:
    """Of 3 to 10 pictures, each what `load_image` takes; those of another size are fitted, and a warning says so.

    prompts: what all of them show, or a list with one for each.
    random_flip: each both ways round, first all as they are and then all mirrored.
    Raises ValueError for another number of pictures or prompts, and as `load_image` does.
    """
    if not isinstance(pictures, (list, tuple, np.ndarray)) or not FEWEST <= len(pictures) <= MOST:
        count = len(pictures) if isinstance(pictures, (list, tuple, np.ndarray)) else 1
        few = count < FEWEST
        why = "from fewer it cannot tell the thing from what is around it" if few else "choose those that differ most"
        raise ValueError(f"Learning takes {FEWEST} to {MOST} pictures, got {count}: {why}.")
    told = [prompts] * len(pictures) if isinstance(prompts, str) else [*prompts]
    if len(told) != len(pictures):
        raise ValueError(f"There are {len(pictures)} pictures and {len(told)} prompts; give one for each, or one.")
    loaded = fitted([load_image(each) for each in pictures], networks.img_width, networks.img_height)
    if random_flip:  # the pictures, as an autoencoder's latent of a mirrored one is not its latent mirrored
        loaded, told = loaded + [each[:, ::-1] for each in loaded], told * 2
    return Examples(np.concatenate([networks.encode_image(each) for each in loaded]), told)


def fitted(pictures: Sequence[np.ndarray], width: int, height: int) -> list[np.ndarray]:
    """The pictures uint8 (H, W, 3), each the largest region in its middle, resized, with a warning where one was not
    width × height."""
    others = [number for number, each in enumerate(pictures, 1) if each.shape[:2] != (height, width)]
    if others:
        which = ", ".join(map(str, others))
        warnings.warn(
            f"Of the pictures, number {which} {'is' if len(others) == 1 else 'are'} not {width} × {height} pixels: "
            "fitted, by the middle of each.",
            stacklevel=4,
        )
    return [_fitted(each, width, height) for each in pictures]


def _fitted(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    if picture.shape[:2] == (height, width):
        return picture
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is enlarged has been said
        photo, region = fit(picture, width, height)
    return resize(crop(photo, region.x_start, region.y_start, region.width, region.height), width, height)
