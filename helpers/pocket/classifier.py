"""Reads pictures of the pocket world: which thing, beside or on which other, in which setting.

Trained on the world's own scenes alone (`python -m helpers.pocket.train classifier`), so it can judge
what the diffusion model draws.
"""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from helpers.models.pocket.networks import PaddedConv2D, ResnetBlock
from helpers.models.pocket.weights import POCKET
from helpers.pocket.data import to_float
from helpers.pocket.objectives import PICTURE_EXAMPLE
from helpers.pocket.scenes import SETTINGS, THINGS, Scene

FEATURES = 128
PARTNERS = (None, *THINGS)
HEADS = {"thing": tuple(THINGS), "partner": PARTNERS, "setting": SETTINGS}


class Reading(NamedTuple):
    """What was read from N pictures.

    labels: int (N, 3): numbers of the thing, the partner (0: none) and the setting, in the order of `HEADS`.
    features: float32 (N, 128), what the answers were read from; near for pictures that are alike.
    """

    labels: np.ndarray
    features: np.ndarray


class Classifier(keras.Model):
    """A picture (N, 128, 128, 3) in [-1, 1] → features (N, 128) and the logits of the three answers."""

    def __init__(self):
        super().__init__()
        self.body = keras.Sequential(
            [
                keras.Input((128, 128, 3)),
                PaddedConv2D(64, 4, strides=4),
                ResnetBlock(64),
                PaddedConv2D(96, 3, strides=2, padding=1),
                ResnetBlock(96),
                PaddedConv2D(128, 3, strides=2, padding=1),
                ResnetBlock(128),
                keras.layers.GroupNormalization(epsilon=1e-5),
                keras.layers.Activation("swish"),
                keras.layers.AveragePooling2D(2),
                keras.layers.Flatten(),  # not pooled further: the thing is above or left of its partner
                keras.layers.Dense(FEATURES, activation="swish"),
            ]
        )
        self.heads = [keras.layers.Dense(len(names), dtype="float32") for names in HEADS.values()]

    def call(self, pictures):
        features = self.body(pictures)
        return features, *(head(features) for head in self.heads)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        losses = keras.losses.sparse_categorical_crossentropy
        return sum(ops.mean(losses(y[:, i], logits, from_logits=True)) for i, logits in enumerate(y_pred[1:]))

    def read(self, pictures: np.ndarray) -> Reading:
        """Reads pictures uint8 (N, 128, 128, 3)."""
        outputs = [self(to_float(part)) for part in np.array_split(pictures, -(-len(pictures) // 64))]
        features, *logits = (np.concatenate([ops.convert_to_numpy(o) for o in each]) for each in zip(*outputs))
        return Reading(np.stack([each.argmax(axis=1) for each in logits], axis=1), features.astype(np.float32))


def labels(scenes: list[Scene]) -> np.ndarray:
    """The right answers, int (N, 3), as `Reading.labels`."""
    wanted = [(scene.thing, scene.partner, scene.setting) for scene in scenes]
    return np.array([[names.index(w) for names, w in zip(HEADS.values(), each)] for each in wanted])


def shares(read: np.ndarray, wanted: np.ndarray) -> dict[str, float]:
    """The share of right answers among labels int (N, 3), each and all at once."""
    right = read == wanted
    return {**dict(zip(HEADS, right.mean(axis=0).tolist())), "all": float(right.all(axis=1).mean())}


def load_classifier() -> Classifier:
    """The classifier as shipped."""
    classifier = Classifier()
    classifier(PICTURE_EXAMPLE)
    return POCKET.load("classifier", classifier)
