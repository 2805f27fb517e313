"""Which networks a model's name means, what they can draw, and where their weights come from."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras

from helpers.validation import whole_number


@dataclass(frozen=True)
class Checkpoint:
    """A model: its tokenizer, its four networks, the sizes it draws.

    The networks take and give what KerasCV's do: `text_encoder` [tokens, positions] int32
    (N, max_length) → context (N, max_length, context_width); `diffusion_model` [latent
    (N, H/8, W/8, 4), timestep embedding (N, 320), context] → the latent's noise, or its velocity where
    `prediction` says so (`samplers.noise_from_velocity` gives the noise); `decoder` a
    latent of unit variance → picture (N, H, W, 3) in about [-1, 1]; `image_encoder` the way back.
    The last argument of each maker says whether to load the weights; without them they are random.
    """

    name: str
    about: str
    max_length: int  # tokens of a prompt, start and end included
    context_width: int
    start_of_text: int
    end_of_text: int
    native_size: int  # pixels
    sizes: tuple[int, ...] | None  # heights and widths it can draw; None: any multiple of 128
    prediction: str  # "noise" or "velocity": what the UNet tells of a latent
    version: Callable[[str], str]  # of a network: tells its weights and its code from any other version's
    tokenizer: Callable[[], object]
    text_encoder: Callable[[bool], keras.Model]
    diffusion_model: Callable[[int, int, bool], keras.Model]
    decoder: Callable[[int, int, bool], keras.Model]
    image_encoder: Callable[[bool], keras.Model]

    def drawable(self, name: str, pixels: int | None) -> int:
        """The height or width `pixels`, to the nearest multiple of 128 with a warning; None is the native size.

        Raises ValueError, which begins with `name`, for a size that the model cannot draw.
        """
        if pixels is None:
            return self.native_size
        # a latent is an eighth of the picture and the UNet halves it three times; 128 and round() as in KerasCV
        size = max(128, round(whole_number(name, pixels, 1) / 128) * 128)
        if self.sizes and size not in self.sizes:
            raise ValueError(
                f"{name}={pixels} is a size that {self.name!r} cannot draw: it draws "
                f"{' or '.join(map(str, self.sizes))} pixels; leave {name} out, or choose another model."
            )
        if size != pixels:
            warnings.warn(f"{name}={pixels} is no multiple of 128; rounded to {size}.", stacklevel=3)
        return size


def _pocket() -> Checkpoint:
    from helpers.models.pocket import networks, weights
    from helpers.models.pocket.tokenizer import WordTokenizer

    max_length = networks.MAX_LENGTH

    @functools.cache
    def tokenizer():
        return WordTokenizer(weights.FOLDER / "vocabulary.txt")

    def loaded(name: str, network: keras.Model, download_weights: bool) -> keras.Model:
        return weights.load(name, network) if download_weights else network

    return Checkpoint(
        name="pocket",
        about="the small model that comes with the notebooks: 128 × 128 pixels, on any CPU, offline",
        max_length=max_length,
        context_width=networks.CONTEXT_WIDTH,
        start_of_text=0,
        end_of_text=1,
        native_size=128,
        sizes=(128,),
        prediction="velocity",
        version=lambda name: weights.SHA256[name] + weights.sha256(Path(networks.__file__)),
        tokenizer=tokenizer,
        text_encoder=lambda download_weights: loaded(
            "text_encoder",
            networks.text_encoder(max_length, len(tokenizer().encoder)),
            download_weights,
        ),
        diffusion_model=lambda height, width, download_weights: loaded(
            "diffusion_model", networks.diffusion_model(height, width, max_length), download_weights
        ),
        decoder=lambda height, width, download_weights: loaded(
            "decoder", networks.decoder(height, width), download_weights
        ),
        image_encoder=lambda download_weights: loaded("image_encoder", networks.image_encoder(), download_weights),
    )


def _stable_diffusion(name: str) -> Checkpoint:
    import keras_cv
    from keras_cv.models import stable_diffusion as kcv
    from keras_cv.src.models.stable_diffusion.diffusion_model import DiffusionModelV2

    version_1 = name == "sd-1.4"
    text_encoder = kcv.TextEncoder if version_1 else kcv.TextEncoderV2
    diffusion_model = kcv.DiffusionModel if version_1 else DiffusionModelV2
    max_length = 77
    return Checkpoint(
        name=name,
        about=(
            f"Stable Diffusion {name[3:]}, {'4.1 GB' if version_1 else '5 GB'} of weights under the CreativeML "
            f"OpenRAIL{'' if version_1 else '++'}-M licence: for a GPU, or a patient CPU"
        ),
        max_length=max_length,
        context_width=768 if version_1 else 1024,
        start_of_text=49406,
        end_of_text=49407,
        native_size=512,
        sizes=None,
        prediction="noise",
        version=lambda name: keras_cv.__version__,  # it checks the hash of the weights that it fetches
        tokenizer=kcv.SimpleTokenizer,
        text_encoder=lambda weights: text_encoder(max_length, download_weights=weights),
        diffusion_model=lambda height, width, weights: diffusion_model(
            height, width, max_length, download_weights=weights
        ),
        decoder=lambda height, width, weights: kcv.Decoder(height, width, download_weights=weights),
        image_encoder=lambda weights: kcv.ImageEncoder(download_weights=weights),
    )


_MAKERS = {
    "pocket": functools.cache(_pocket),
    "sd-1.4": functools.partial(_stable_diffusion, "sd-1.4"),
    "sd-2.1": functools.partial(_stable_diffusion, "sd-2.1"),
}
MODELS = tuple(_MAKERS)


def checkpoint(name: str) -> Checkpoint:
    """The checkpoint of that name; raises ValueError, which lists the known names, for any other."""
    if name not in MODELS:
        raise ValueError(f"Unknown model {name!r}: choose one of {', '.join(map(repr, MODELS))}.")
    return _MAKERS[name]()
