"""The models that learn: the first edition's objectives with the second's networks, from what the first has learned."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from helpers.models.pocket import inpainting as networks
from helpers.models.pocket import networks as first
from helpers.models.pocket.inpainting import LATENT, SIZE, UNET_CHANNELS
from helpers.models.pocket.networks import TIMESTEP_WIDTH
from helpers.models.pocket.sizes import MAX_LENGTH
from helpers.models.pocket.tokenizer import WordTokenizer
from helpers.models.pocket.weights import FOLDER, POCKET
from helpers.pocket.latents import load_moments
from helpers.pocket.objectives import Autoencoder, Diffusion

# One of what each model takes, to build it with.
PICTURE_EXAMPLE = np.zeros((1, SIZE, SIZE, 3), np.float32)
DIFFUSION_EXAMPLE = [
    np.zeros((1, MAX_LENGTH), np.int32),
    np.zeros((1, *LATENT[:2], UNET_CHANNELS), np.float32),
    np.zeros((1, TIMESTEP_WIDTH), np.float32),
]


def autoencoder() -> Autoencoder:
    """The first edition's, of pictures of half the size; what the decoder adds to them is nothing yet."""
    half = POCKET.load("decoder", first.decoder(SIZE // 2, SIZE // 2))
    decoder = networks.decoder(SIZE, SIZE, half)
    for added in (decoder.get_layer(networks.DETAIL), decoder.get_layer(networks.ADDED)):
        added.set_weights([np.zeros(each.shape) for each in added.weights])
    return Autoencoder(networks.image_moments(load_moments(FOLDER)), decoder)


def diffusion(vocabulary: Mapping[str, int]) -> Diffusion:
    """The first edition's text encoder, with more words, and its UNet, which takes no notice of a hole yet.

    vocabulary: the number of each word. Words that the first edition lacks are random.
    """
    known = WordTokenizer(POCKET.vocabulary).encoder
    model = Diffusion(len(vocabulary), networks.diffusion_model(SIZE, SIZE))
    text = POCKET.load("text_encoder", first.text_encoder(MAX_LENGTH, len(known))).get_weights()
    embeddings = model.text_encoder.get_weights()[0]
    both = [word for word in vocabulary if word in known]
    embeddings[[vocabulary[word] for word in both]] = text[0][[known[word] for word in both]]
    model.text_encoder.set_weights([embeddings, *text[1:]])
    unet = first.diffusion_model(SIZE // 2, SIZE // 2, MAX_LENGTH)
    own = POCKET.load("diffusion_model", unet).get_weights()
    grown = [np.zeros(each.shape, np.float32) for each in model.diffusion_model.weights]
    for mine, learned in zip(grown, own, strict=True):
        mine[tuple(slice(each) for each in learned.shape)] = learned  # the first channels of the first convolution
    model.diffusion_model.set_weights(grown)
    return model
