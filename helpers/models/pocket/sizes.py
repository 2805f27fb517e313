"""What the pocket models' networks take and give, in numbers; known without loading Keras."""

from __future__ import annotations

from typing import NamedTuple

MAX_LENGTH = 24  # tokens of a prompt
CONTEXT_WIDTH = 160


class Sizes(NamedTuple):
    """Of one of the models."""

    size: int  # pixels of a picture's side
    factor: int  # pixels of a latent's cell
    channels: int  # of a latent
    seen: int  # channels that the UNet sees: the latent's, and where it is made for inpainting the hole's


SIZE, FACTOR, LATENT_CHANNELS, _ = POCKET = Sizes(128, 8, 4, seen=4)
INPAINTING = Sizes(256, 16, 8, seen=8 + 1 + 8)
