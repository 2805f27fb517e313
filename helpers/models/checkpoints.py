"""What a model's name means: which networks, what they can draw, where their weights come from."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from helpers.models import keras_cv_weights
from helpers.models.downloads import told_failures
from helpers.models.pocket import sizes
from helpers.validation import whole_number

if TYPE_CHECKING:
    import keras


class Defaults(NamedTuple):
    """The options of a recipe that the model chooses where a call leaves them open."""

    sampler: str
    num_steps: int
    unconditional_guidance_scale: float = 7.5


@dataclass(frozen=True)
class Checkpoint:
    """A model, described: the rest of the project knows no model by its name. Keras is loaded by the makers alone.

    The networks take and give what KerasCV's do, with H and W the picture's pixels, f the factor, C the channels:
    `text_encoder` [tokens, positions] int32 (N, max_length) → context (N, max_length, context_width);
    `diffusion_model` [latent (N, H/f, W/f, C), timestep embedding (N, 320), context] → the latent's noise, or its
    velocity where `prediction` says so (`schedule.noise_from_velocity` gives the noise); `decoder` a latent of
    unit variance → picture (N, H, W, 3) in about [-1, 1]; `image_encoder` the way back.
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

    def drawable(self, name: str, pixels: int | None) -> int:
        """The height or width `pixels`, to the nearest multiple of 128 with a warning; None is the native size.

        Raises ValueError, which begins with `name`, for a size that the model cannot draw.
        """
        size = self.native_size if pixels is None else _rounded(name, pixels)
        if self.sizes and size not in self.sizes:
            raise ValueError(
                f"{name}={pixels} is a size that {self.name!r} cannot draw: it draws "
                f"{' or '.join(map(str, self.sizes))} pixels; leave {name} out, or choose another model."
            )
        if pixels not in (None, size):
            warnings.warn(f"{name}={pixels} is no multiple of 128; rounded to {size}.", stacklevel=3)
        return size


def _rounded(name: str, pixels: int) -> int:
    """To a multiple of 128, by round(), as in KerasCV; the UNet halves a latent several times."""
    return max(128, round(whole_number(name, pixels, 1) / 128) * 128)


def _pocket() -> Checkpoint:
    from helpers.models.pocket import weights
    from helpers.models.pocket.tokenizer import WordTokenizer

    @functools.cache
    def tokenizer() -> WordTokenizer:
        return WordTokenizer(weights.FOLDER / "vocabulary.txt")

    def version(name: str) -> str:
        from helpers.models.pocket import networks

        return weights.SHA256[name] + weights.sha256(Path(networks.__file__))

    def made(name: str, *arguments: int, download_weights: bool) -> keras.Model:
        from helpers.models.pocket import networks

        network = getattr(networks, name)(*arguments)
        return weights.load(name, network) if download_weights else network

    return Checkpoint(
        name="pocket",
        about="the small model that comes with the notebooks: 128 × 128 pixels, on any CPU, offline",
        max_length=sizes.MAX_LENGTH,
        context_width=sizes.CONTEXT_WIDTH,
        start_of_text=0,
        end_of_text=1,
        shipped=True,
        native_size=sizes.SIZE,
        sizes=(sizes.SIZE,),
        factor=sizes.FACTOR,
        channels=sizes.LATENT_CHANNELS,
        prediction="velocity",
        version=version,
        tokenizer=tokenizer,
        text_encoder=lambda weights: made(
            "text_encoder", sizes.MAX_LENGTH, len(tokenizer().encoder), download_weights=weights
        ),
        diffusion_model=lambda height, width, weights: made(
            "diffusion_model", height, width, sizes.MAX_LENGTH, download_weights=weights
        ),
        decoder=lambda height, width, weights: made("decoder", height, width, download_weights=weights),
        image_encoder=lambda weights: made("image_encoder", download_weights=weights),
    )


def _stable_diffusion(name: str, gigabytes: str, licence: str, context_width: int, edition: str) -> Checkpoint:
    """edition: what KerasCV adds to the names of this version's classes."""
    max_length = 77

    def made(kind: str, *arguments: int, download_weights: bool) -> keras.Model:
        import keras_cv.models.stable_diffusion as kcv
        from keras_cv.src.models.stable_diffusion import diffusion_model

        maker = getattr(kcv, kind, None) or getattr(diffusion_model, kind)
        network = maker(*arguments, download_weights=False)
        return keras_cv_weights.load(kind, network) if download_weights else network

    def version(network: str) -> str:
        import keras_cv

        return keras_cv.__version__  # the hashes of its weights are fixed

    def tokenizer():
        import keras_cv.models.stable_diffusion as kcv

        with told_failures():
            return kcv.SimpleTokenizer()

    return Checkpoint(
        name=name,
        about=(
            f"Stable Diffusion {name[3:]}, {gigabytes} of weights under the CreativeML {licence} licence: for a GPU, "
            "or a patient CPU"
        ),
        max_length=max_length,
        context_width=context_width,
        start_of_text=49406,
        end_of_text=49407,
        shipped=False,
        native_size=512,
        sizes=None,
        factor=8,
        channels=4,
        prediction="noise",
        version=version,
        tokenizer=tokenizer,
        text_encoder=lambda weights: made(f"TextEncoder{edition}", max_length, download_weights=weights),
        diffusion_model=lambda height, width, weights: made(
            f"DiffusionModel{edition}", height, width, max_length, download_weights=weights
        ),
        decoder=lambda height, width, weights: made("Decoder", height, width, download_weights=weights),
        image_encoder=lambda weights: made("ImageEncoder", download_weights=weights),
    )


CHECKPOINTS = {
    each.name: each
    for each in (
        _pocket(),
        _stable_diffusion("sd-1.4", "4.1 GB", "OpenRAIL-M", 768, ""),
        _stable_diffusion("sd-2.1", "5 GB", "OpenRAIL++-M", 1024, "V2"),
    )
}


def checkpoint(name: str) -> Checkpoint:
    """The checkpoint of that name; raises ValueError, which lists the known names, for any other."""
    if name not in CHECKPOINTS:
        raise ValueError(f"Unknown model {name!r}: choose one of {', '.join(map(repr, CHECKPOINTS))}.")
    return CHECKPOINTS[name]


def default(gpu: bool, img_height: int | None, img_width: int | None) -> Checkpoint:
    """The checkpoint for this machine and a picture of that size, told in a printed line.

    gpu: whether there is one: then sd-1.4, elsewhere pocket, unless it cannot draw the size.
    Raises ValueError for what is no number of pixels.
    """
    small, large = CHECKPOINTS["pocket"], CHECKPOINTS["sd-1.4"]
    asked = {"img_height": img_height, "img_width": img_width}
    sizes = {_rounded(name, pixels) for name, pixels in asked.items() if pixels is not None}
    too_large = small.sizes is not None and not sizes <= set(small.sizes)
    chosen = large if gpu or too_large else small
    because = "" if gpu or not too_large else f", for {small.name!r} cannot draw such a size"
    print(f"Model {chosen.name!r}{because}: {chosen.about}. Choose with StableDiffusion(model=…).")
    return chosen
