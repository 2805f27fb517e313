"""A model, described: its networks, what they can draw, what it draws by default."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from helpers.validation import whole_number

if TYPE_CHECKING:
    import keras

    from helpers.models.additions import Extensible


class Defaults(NamedTuple):
    """The options of a recipe that the model chooses where a call leaves them open."""

    sampler: str
    num_steps: int
    unconditional_guidance_scale: float = 7.5


# What red, green and blue in [-1, 1] are nearly, of the four channels of Stable Diffusion's latents: a linear fit
# (discuss.huggingface.co/t/decoding-latents-to-rgb-without-upscaling/23204).
LATENT_COLOURS = (
    (0.298, 0.207, 0.208),
    (0.187, 0.286, 0.173),
    (-0.158, 0.189, 0.264),
    (-0.184, -0.271, -0.473),
)


@dataclass(frozen=True)
class Checkpoint:
    """A model, described: the rest of the project knows no model by its name. Keras is loaded by the makers alone.

    The networks take and give what KerasCV's do, with H and W the picture's pixels, f the factor, C the channels:
    `text_encoder` [tokens, positions] int32 (N, max_length) → context (N, max_length, context_width);
    `diffusion_model` [latent (N, H/f, W/f, C), timestep embedding (N, timestep_width), context] → the latent's noise,
    or its velocity where `prediction` says so (`schedule.noise_from_velocity` gives the noise); one that `inpaints`
    takes in_channels with the latent (`guidance.UNet` tells which); `decoder` a latent of unit variance → picture
    (N, H, W, 3) in about [-1, 1]; `image_encoder` the way back.
    The last argument of each maker says whether to load the weights; without them they are random.
    """

    name: str
    about: str
    max_length: int  # tokens of a prompt, start and end included
    context_width: int
    start_of_text: int
    end_of_text: int
    shipped: bool  # its weights come with the project, and are small
    native_size: int  # pixels
    sizes: tuple[int, ...] | None  # heights and widths it can draw; None: any multiple of 128
    factor: int  # how many times as wide as its latent a picture is
    channels: int  # of the latent
    prediction: str  # "noise" or "velocity": what the UNet tells of a latent
    version: Callable[[str], str]  # of a network: tells its weights and its code from any other version's
    tokenizer: Callable[[], Any]
    text_encoder: Callable[[bool], keras.Model]
    diffusion_model: Callable[[int, int, bool], keras.Model]
    decoder: Callable[[int, int, bool], keras.Model]
    image_encoder: Callable[[bool], keras.Model]
    drawing: Defaults = Defaults("dpm_solver", 12)
    # each step is done again and again, so a sampler cannot look back at the last
    repainting: Defaults = Defaults("ddim", 25)
    unguided: bool = False  # distilled to draw as it does guided, so that guidance has no effect
    most_steps: int | None = None  # that it is distilled to; None: as many as one has time for
    padding: int | None = None  # the token that fills a prompt up to max_length; None: the end of text
    any_length: bool = False  # its UNet takes contexts of several times max_length too
    timestep_width: int = 320  # of the timestep's sines and cosines
    # of the guidance's sines and cosines, (N, guidance_width), which a distilled UNet takes after all else
    guidance_width: int | None = None
    in_channels: int | None = None  # of its UNet, where it takes more than the latent's
    latent_colours: tuple | None = None  # of its channels, for previews; None: its decoder is fast enough for these
    source: Extensible | None = None  # what it is made of, where something can be added to it

    @property
    def inpaints(self) -> bool:
        """Whether its UNet is made for inpainting: beside the latent it sees where the hole is, and what is around."""
        return self.in_channels is not None

    def drawable(self, name: str, pixels: int | None) -> int:
        """The height or width `pixels`, to the nearest multiple of 128 with a warning; None is the native size.

        Raises ValueError, which begins with `name`, for a size that the model cannot draw.
        """
        size = self.native_size if pixels is None else rounded(name, pixels)
        if self.sizes and size not in self.sizes:
            raise ValueError(
                f"{name}={pixels} is a size that {self.name!r} cannot draw: it draws "
                f"{' or '.join(map(str, self.sizes))} pixels; leave {name} out, or choose another model."
            )
        if pixels not in (None, size):
            warnings.warn(f"{name}={pixels} is no multiple of 128; rounded to {size}.", stacklevel=3)
        return size


def rounded(name: str, pixels: int) -> int:
    """To a multiple of 128, by round(), as in KerasCV; the UNet halves a latent several times."""
    return max(128, round(whole_number(name, pixels, 1) / 128) * 128)
