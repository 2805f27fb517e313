"""A model's networks: built when first used, in one precision, run by one engine; words and pictures in and out."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import cast

import numpy as np

from helpers.engines.quiet_start import quiet_start

with quiet_start():
    import keras

from helpers.engines import faster_layers, running  # noqa: E402
from helpers.engines.engine import Passing  # noqa: E402
from helpers.engines.fingerprint import fingerprint  # noqa: E402
from helpers.models.additions import NOTHING, Additions  # noqa: E402
from helpers.models.checkpoint import Checkpoint  # noqa: E402
from helpers.models.prompts import AS_WRITTEN, Piece, Reading, no_text, pieces, same_length  # noqa: E402
from helpers.models.weighting import weighted  # noqa: E402
from helpers.validation import whole_number  # noqa: E402

# What `run` knows besides a checkpoint's networks: the UNet that also tells the features of its inner levels, and its
# outermost level, which takes such features instead of computing them.
_PARTS = {
    "deep_diffusion_model": faster_layers.with_deep_features,
    "shallow_diffusion_model": faster_layers.from_deep_features,
}
_WHOLE = dict.fromkeys(_PARTS, "diffusion_model")


class Networks:
    """The networks of a checkpoint, for pictures of one size.

    img_height, img_width: pixels; None is the checkpoint's own size.
    engine, precision: None is what suits this machine best (`running.chosen`).
    download_weights: False leaves random weights.
    token_downsampling: as of `StableDiffusion`.
    reading: how prompts are read.
    Raises ValueError for a size that the checkpoint cannot draw, an unknown precision or engine, long prompts where
    the checkpoint has no `any_length`.

    `run("decoder", latent)` runs a network by its name; so do "text_encoder", "diffusion_model" and
    "image_encoder", with the arrays that `Checkpoint` tells.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        img_height: int | None = None,
        img_width: int | None = None,
        engine: str | None = None,
        precision: str | None = None,
        download_weights: bool = True,
        token_downsampling: int = 1,
        reading: Reading = AS_WRITTEN,
    ):
        self.checkpoint = checkpoint
        self.reading = reading.checked_for(checkpoint)
        self.img_height = checkpoint.drawable("img_height", img_height)
        self.img_width = checkpoint.drawable("img_width", img_width)
        self.engine, self.precision = running.chosen(engine, precision)
        self.token_downsampling = whole_number("token_downsampling", token_downsampling, 1)
        self._download_weights = download_weights
        self._engine = running.ENGINES[self.engine]
        self._lock = threading.RLock()  # a web page may draw in several threads: one builds, the others wait
        self._networks: dict[str, keras.Model] = {}  # those handed out, and those that the engine runs as they are
        self._own_weights: dict[str, bytes] = {}  # their fingerprints, before anybody changed them
        self._runs: dict[str, tuple[bytes | None, running.Run]] = {}  # and the changed weights they were made of

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """Of one picture's latent: (img_height / factor, img_width / factor, channels)."""
        factor = self.checkpoint.factor
        return self.img_height // factor, self.img_width // factor, self.checkpoint.channels

    @property
    def settings(self) -> dict[str, str]:
        """What of them decides a picture."""
        settings = {"model": self.checkpoint.name, "precision": self.precision, "engine": self.engine}
        settings |= self.checkpoint.source.settings if self.checkpoint.source else {}
        settings |= self.reading.settings
        if self.token_downsampling > 1:
            settings["token_downsampling"] = str(self.token_downsampling)
        return settings

    # ------------------------------------------------------------------ built when first used

    @property
    def _additions(self) -> Additions:
        return self.checkpoint.source.additions if self.checkpoint.source else NOTHING

    @property
    def tokenizer(self):
        """CLIP's tokenizer, or the model's own: `encode(prompt)` gives token numbers."""
        return self.checkpoint.tokenizer()

    text_encoder = property(lambda self: self.network("text_encoder"))
    diffusion_model = property(lambda self: self.network("diffusion_model"))
    decoder = property(lambda self: self.network("decoder"))
    image_encoder = property(lambda self: self.network("image_encoder"))

    def network(self, name: str) -> keras.Model:
        """The Keras network of that name. Whatever is done to its weights shows in the next picture."""
        with self._lock:
            if name not in self._networks:
                network = self._networks[name] = self._build(name)
                if self._engine.converts and self._download_weights:
                    self._own_weights[name] = fingerprint(network)
            return self._networks[name]

    def _build(self, name: str) -> keras.Model:
        size = (self.img_height, self.img_width) if name in ("diffusion_model", "decoder") else ()
        with running.building_in("float32" if self._engine.converts else self.precision):
            network = faster_layers.faster(getattr(self.checkpoint, name)(*size, self._download_weights))
        if name == "diffusion_model" and self.token_downsampling > 1:
            network = faster_layers.with_fewer_tokens(network, self.token_downsampling)
        return self._engine.prepared(network, self.precision)

    def use(self, checkpoint: Checkpoint) -> None:
        """The same checkpoint with other things added to its weights.

        Networks that were handed out get them in place; those whose weights are the same stay as they are. A text
        encoder that learns more words, or fewer, is another network.
        """
        with self._lock:
            before, rows = self.checkpoint, self._additions.rows
            built = {_WHOLE.get(run, run) for run in (*self._networks, *self._runs)}
            for name in built if self._download_weights else ():
                if checkpoint.version(name) == before.version(name):
                    continue
                assert checkpoint.source is not None, "only to those that have one can something be added"
                another = name == "text_encoder" and checkpoint.source.additions.rows != rows
                if another:
                    self._networks.pop(name, None)
                if another or self._engine.converts:  # others run the network itself, whatever its weights
                    self._runs = {run: each for run, each in self._runs.items() if _WHOLE.get(run, run) != name}
                if name in self._networks:
                    network = checkpoint.source.loaded(name, self._networks[name])
                    if self._engine.converts:
                        self._own_weights[name] = fingerprint(network)
            self.checkpoint = checkpoint

    def once_more(self, checkpoint: Checkpoint, engine: str, precision: str) -> Networks:
        """Networks of their own, for pictures of the same size: of this checkpoint, or of it with additions."""
        size = self.img_height, self.img_width
        return Networks(checkpoint, *size, engine, precision, self._download_weights, reading=self.reading)

    def _to_run(self, name: str) -> keras.Model | Passing:
        """The network that `run` knows by that name, passing unless it was handed out or the engine runs it itself."""
        whole = _WHOLE.get(name, name)
        with self._lock:
            lasting = whole in self._networks or not self._engine.converts
            network = self.network(whole) if lasting else self._build(whole)
        network = _PARTS[name](network) if name in _PARTS else network
        return network if lasting else Passing(network)

    # ------------------------------------------------------------------ run

    def run(self, name: str, *arrays: np.ndarray) -> np.ndarray | list[np.ndarray]:
        """The network's output or outputs, float32; the first call with a new shape compiles it."""
        return self.current(name)(*arrays)

    def current(self, name: str) -> running.Run:
        """`run` of that network with the weights that it has now, which are looked at here, and not at each run.

        It is compiled anew where an engine that converts had taken others over.
        """
        with self._lock:
            weights = self._changed_weights(_WHOLE.get(name, name))
            if name not in self._runs or self._runs[name][0] != weights:
                key = self._key(name) if self._download_weights and weights is None else None
                run = running.compiled(lambda: self._to_run(name), self.engine, self.precision, key)
                self._runs[name] = weights, run
            return self._runs[name][1]

    def _changed_weights(self, name: str) -> bytes | None:
        """The fingerprint of weights other than the model's own; None where they cannot be others, or need no notice.

        Only of a network that was handed out, so that others cost no time.
        """
        if not self._engine.converts or name not in self._networks:
            return None
        weights = fingerprint(self._networks[name])
        return None if weights == self._own_weights.get(name) else weights

    def _array(self, name: str, *arrays: np.ndarray) -> np.ndarray:
        return cast(np.ndarray, self.run(name, *arrays))  # of a network with a single output

    def _key(self, name: str) -> str:
        version = self.checkpoint.version(_WHOLE.get(name, name))
        size = f"{self.img_height} {self.img_width} {self.token_downsampling}"
        return f"{self.checkpoint.name} {name} {size} {self.precision} {version}"

    # ------------------------------------------------------------------ words and pictures

    def encode_text(self, prompt: str | Sequence[str]) -> np.ndarray:
        """The context of a prompt, float32 (1, max_length, context_width), or of a list of N, (N, …).

        With long prompts k · max_length, for k pieces; shorter ones of a list are repeated (`same_length`).
        Raises ValueError for a prompt that is empty, no string, or of more tokens than the model reads.
        """
        prompts: Sequence = prompt if isinstance(prompt, (list, tuple)) and prompt else [prompt]
        read = [pieces(each, self.tokenizer, self.checkpoint, self.reading) for each in prompts]
        # each on its own, so that a prompt's context is always the same to the bit
        contexts = [np.concatenate([self._context(piece) for piece in each], axis=1) for each in read]
        return np.concatenate(same_length(contexts))

    def encode_no_text(self) -> np.ndarray:
        """The context of no prompt at all, like `encode_text`'s."""
        return self._context(no_text(self.checkpoint))

    def _context(self, piece: Piece) -> np.ndarray:
        positions = np.arange(self.checkpoint.max_length, dtype=np.int32)[None]
        return weighted(self._array("text_encoder", piece.tokens, positions), piece.weights)

    def encode_image(self, image: np.ndarray) -> np.ndarray:
        """A picture (img_height, img_width, 3), uint8 or floats of 0…255, → its latent float32 (1, *latent_shape).

        Raises ValueError for a picture of another size.
        """
        expected = (self.img_height, self.img_width, 3)
        if image.shape != expected:
            raise ValueError(
                f"The image is {image.shape[1]} × {image.shape[0]} pixels and the model draws {expected[1]} × "
                f"{expected[0]}; cut a piece of its proportions with helpers.fit and helpers.crop, and resize it."
            )
        return self._array("image_encoder", image[None] / np.float32(127.5) - 1)

    def decode(self, latent: np.ndarray) -> np.ndarray:
        """Latents float32 (N, *latent_shape) → pictures uint8 (N, img_height, img_width, 3).

        Raises FloatingPointError where numbers overflowed, as they can in float16.
        """
        picture = (self._array("decoder", latent) + 1) / 2 * 255
        if not np.isfinite(picture).all():
            raise FloatingPointError(
                f"The networks overflowed in {self.precision}; choose precision='bfloat16' or 'float32'."
            )
        return np.clip(picture, 0, 255).astype(np.uint8)

    def preview(self, latent: np.ndarray) -> np.ndarray:
        """Like `decode`, but by the checkpoint's `latent_colours` where it has these: at once, and coarse."""
        colours = self.checkpoint.latent_colours
        if colours is None:
            return self.decode(latent)
        pictures = np.clip((latent @ np.asarray(colours, np.float32) + 1) * 127.5, 0, 255).astype(np.uint8)
        return pictures.repeat(self.checkpoint.factor, axis=1).repeat(self.checkpoint.factor, axis=2)
