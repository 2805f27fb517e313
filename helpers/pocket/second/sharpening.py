"""The decoder learns on alone: its pictures of latents, which stay as they are, are to be as crisp as the scenes.

The mean of many pictures is a blur, and errors by pixels ask for it. So a critic learns to tell restored pictures
from drawn ones, patch by patch, and the decoder learns to please it (1611.07004), here with a hinge (1705.02894).
"""

from __future__ import annotations

import keras
from keras import ops
from keras_cv.src.models.stable_diffusion.padded_conv2d import PaddedConv2D

from helpers.engines.faster_layers import faster
from helpers.models.pocket.inpainting import CHANNELS
from helpers.pocket.objectives import difference

ADVERSARIAL = 0.02  # what the critic's verdict counts, beside the errors


def critic() -> keras.Model:
    """A picture (N, H, W, 3) in [-1, 1] → (N, H/16, W/16, 1): over 0 where a patch of about 70 pixels looks drawn."""
    picture = keras.Input((None, None, 3))
    x = PaddedConv2D(48, 4, strides=4)(picture)
    for width in (96, 128):
        x = keras.layers.LeakyReLU(0.2)(x)
        x = PaddedConv2D(width, 3, strides=2, padding=1)(x)
        x = keras.layers.GroupNormalization(epsilon=1e-5)(x)
    x = keras.layers.LeakyReLU(0.2)(x)
    return keras.Model(picture, PaddedConv2D(1, 3, padding=1)(x), name="critic")


class Sharpening(keras.Model):
    """An autoencoder whose encoder stays, its decoder, and the critic, which learn at once."""

    def __init__(self, moments: keras.Model, decoder: keras.Model):
        super().__init__()
        moments.trainable = False
        self.moments, self.decoder, self.critic = faster(moments), faster(decoder), faster(critic())

    def call(self, pictures):
        """(N, H, W, 3) → restored; the critic's verdicts on pictures and on restored, for it to learn from; and on
        restored by a critic that stays, for the decoder to learn from."""
        latent = ops.stop_gradient(self.moments(pictures))[..., :CHANNELS]
        restored = ops.cast(self.decoder(latent), "float32")
        staying = [ops.stop_gradient(each.value) for each in self.critic.trainable_variables]
        pleased, _ = self.critic.stateless_call(staying, [], restored)
        verdicts = self.critic(pictures), self.critic(ops.stop_gradient(restored)), pleased
        return restored, *(ops.cast(each, "float32") for each in verdicts)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        restored, of_drawn, of_restored, pleased = y_pred
        learned = ops.mean(ops.relu(1 - of_drawn)) + ops.mean(ops.relu(1 + of_restored))
        return difference(restored, ops.convert_to_tensor(x)) + learned - ADVERSARIAL * ops.mean(pleased)
