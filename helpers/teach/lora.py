"""Low-rank updates (LoRA, 2106.09685) of attention's projections are learned; DreamBooth (2208.12242) with `keep`."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from keras import ops

from helpers.models.files.loras import Learned
from helpers.stable_diffusion import StableDiffusion
from helpers.teach.learning import Learning, Part
from helpers.teach.student import Student
from helpers.teach.textual_inversion import LearnedWord
from helpers.validation import whole_number

# The attention's projections, in diffusers' names, of each network.
_PROJECTIONS = {
    "diffusion_model": re.compile(r"\.attn\d\.(to_q|to_k|to_v|to_out\.0)$"),
    "text_encoder": re.compile(r"\.self_attn\.(q_proj|k_proj|v_proj|out_proj)$"),
}

LEARNING_RATES = {"a": 1e-3, "b": 4e-3}  # by the factor's name in Keras: a goes down, b up


def lora(
    model: StableDiffusion,
    pictures: Sequence,
    prompts: str | Sequence[str],
    rank: int = 4,
    text_encoder: bool = False,
    word: str | None = None,
    like: str | None = None,
    **options,
) -> Learning:
    """Learn low-rank updates of the UNet from 3 to 10 pictures.

    prompts: what the pictures show, of all, or a list with one for each: with a word that the model has but seldom
        uses ("a photo of sks dog"), or with {} for a new one.
    rank: of each update; text_encoder: whether its attention is updated too.
    word, like: of a new word whose embedding is learned as well, as of `textual_inversion`.
    options: as of `Learning`; with keep=[prompts] what the model draws of these is kept (prior preservation).
    Raises ValueError as `textual_inversion` does.
    """
    if (word is None) != (like is None):
        raise ValueError(f"word and like go together: a new word begins as one that is known; got {word!r}, {like!r}.")
    student = Student(model)
    seed = options.get("seed", 0)
    parts: list[Part] = [LowRankUpdates(student, rank, text_encoder, seed)]
    if word is not None and like is not None:
        parts.append(LearnedWord(student, word, like))
    return Learning(model, student, parts, pictures, prompts, **options)


class LowRankUpdates:
    """Two factors for each projection: its weight gets `up @ down`, up of noughts at first.

    learning_rates: of Adam; up, which begins at nought, learns faster than down (LoRA+, 2402.12354).
    """

    def __init__(self, student: Student, rank: int, text_encoder: bool, seed: int):
        self.rank, self.text_encoder = whole_number("rank", rank, 1), text_encoder
        rng = np.random.default_rng([seed, self.rank])
        self._layers = {}
        for network in ["diffusion_model", *(["text_encoder"] if text_encoder else [])]:
            found = student.source.modules(network, student.networks.network(network))
            layers = {name: each for name, each in found.items() if _PROJECTIONS[network].search(name)}
            for layer in layers.values():
                layer.enable_lora(self.rank)
                width = layer.lora_kernel_a.shape[0]
                layer.lora_kernel_a.assign(rng.uniform(-1, 1, (width, self.rank)) / np.sqrt(width))  # as peft begins
            self._layers[network] = layers
        self.variables = {
            f"{network}.{name}.{factor}": getattr(layer, f"lora_kernel_{factor}")
            for network, layers in self._layers.items()
            for name, layer in layers.items()
            for factor in "ab"
        }
        self.learning_rates = {name: LEARNING_RATES[name[-1]] for name in self.variables}

    @property
    def settings(self) -> dict[str, object]:
        return {"rank": self.rank, "text_encoder": self.text_encoder}

    @property
    def factors(self) -> dict[str, dict[str, Learned]]:
        """As learned so far, of each network by diffusers' names of its modules: down (rank, in), up (out, rank)."""
        return {
            network: {
                name: Learned(*(ops.convert_to_numpy(each).T for each in (layer.lora_kernel_a, layer.lora_kernel_b)))
                for name, layer in layers.items()
            }
            for network, layers in self._layers.items()
        }
