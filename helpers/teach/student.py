"""The networks that learn: the model's once more, so that its own stay as they are to the bit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np
from keras import ops
from keras_cv.src.models.stable_diffusion.text_encoder import CLIPEmbedding

from helpers.denoising import around_hole
from helpers.models.prompts import AS_WRITTEN, pieces
from helpers.stable_diffusion import StableDiffusion

if TYPE_CHECKING:
    from helpers.teach.noisy import Noisy
    from helpers.teach.textual_inversion import LearnedWord


class Student:
    """A text encoder and a UNet with the weights of a model's, in float32, run by Keras's own backend.

    word: the new one, where one is learned; beside: what a UNet made for inpainting sees where all is to be painted.
    Raises ValueError for a model whose UNet also takes its guidance, or to which nothing can be added.
    """

    word: LearnedWord | None = None

    def __init__(self, model: StableDiffusion):
        checkpoint = model.checkpoint
        if checkpoint.guidance_width is not None or checkpoint.source is None:
            raise ValueError(
                f"{checkpoint.name!r} cannot learn: it is made for few steps, or of KerasCV's own files; teach the "
                "model that it comes from, such as 'sd-1.5', and add what is learned to it."
            )
        self.beside = around_hole(model.networks, None, None) if checkpoint.inpaints else None
        engine = "xla" if keras.backend.backend() == "jax" else "graph"
        self.source = checkpoint.source
        self.networks = model.networks.once_more(checkpoint, engine, "float32")
        self.unet, text_encoder = self.networks.diffusion_model, self.networks.text_encoder
        self.embedding = next(layer for layer in text_encoder.layers if isinstance(layer, CLIPEmbedding))
        self._after_embedding = keras.Model(self.embedding.output, text_encoder.output)

    @property
    def variables(self) -> list[keras.Variable]:
        """All that it has, learned or not."""
        return [*self.networks.text_encoder.variables, *self.unet.variables]

    def tokens(self, prompts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Of each prompt its tokens int32 (N, max_length), a known one for the new word; and float32 1 where that is.

        Raises ValueError for a prompt that is empty or too long, or has not the new word in it.
        """
        tokenizer = self.networks.tokenizer if self.word is None else self.word.tokenizer
        checkpoint = self.networks.checkpoint
        read = [pieces(each, tokenizer, checkpoint, AS_WRITTEN)[0].tokens for each in prompts]
        tokens = np.concatenate(read)
        return (tokens, np.zeros(tokens.shape, np.float32)) if self.word is None else self.word.stands_in(tokens)

    def context(self, tokens, places):
        """The context of such tokens, a tensor (N, max_length, context_width)."""
        positions = ops.broadcast_to(ops.arange(tokens.shape[1], dtype="int32")[None], tokens.shape)
        embedded = self.embedding([tokens, positions])
        return self._after_embedding(embedded if self.word is None else embedded + self.word.added(places))

    def tell(self, noisy: Noisy) -> np.ndarray:
        """What the UNet predicts, as it is, float32 of the target's shape."""
        context = ops.convert_to_numpy(self.context(noisy.tokens, noisy.places))
        return np.asarray(self.networks.run("diffusion_model", noisy.latent, noisy.timestep_embedding, context))

    def loss(self, latent, timestep_embedding, target, weights, tokens, places):
        """How far the UNet is from the target: the mean square of each picture, times its weight, summed: a scalar.

        latent: as of `guidance.seen`.
        """
        predicted = self.unet([latent, timestep_embedding, self.context(tokens, places)])
        return ops.sum(weights * ops.mean(ops.square(predicted - target), axis=(1, 2, 3)))
