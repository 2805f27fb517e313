"""`Learning`: a few pictures and what is to be learned of them, step by step; to be looked at, stopped, saved."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import keras
import numpy as np
from keras import ops
from safetensors.numpy import save_file
from tqdm.auto import trange

from helpers import denoising
from helpers.models.files.embeddings import save_embedding
from helpers.models.files.loras import Learned, save_lora
from helpers.models.files.tensor_files import TensorFile
from helpers.recipes.recipe import Recipe
from helpers.stable_diffusion import StableDiffusion
from helpers.teach.adam import Adam
from helpers.teach.examples import examples
from helpers.teach.gradients import Vector, value_and_gradient
from helpers.teach.noisy import Noisy, Pictures, with_noise
from helpers.teach.student import Student
from helpers.validation import number_from_0, whole_number

KEPT = 64  # noisy latents of what is to be kept


class Part(Protocol):
    """Something that is learned: its variables, and how fast Adam changes each; settings: what it was made with."""

    variables: dict[str, keras.Variable]
    learning_rates: dict[str, float]

    @property
    def settings(self) -> dict[str, object]: ...


@runtime_checkable
class HasFactors(Protocol):
    """A part that learns low-rank updates."""

    @property
    def factors(self) -> Mapping[str, Mapping[str, Learned]]: ...


class Taught(NamedTuple):
    """A step that was taken. number: from 1, counted from the beginning of the learning; loss: before that step."""

    number: int
    loss: float


class Learning:
    """Learns from pictures, as long as one iterates over its `steps`; made by `textual_inversion` and by `lora`.

    pictures, prompts: as of `examples`.
    random_flip: whether they are learned both ways round; False for what has a left and a right, such as writing.
    batch_size: pictures a step; each gets noise of its own.
    learning_rate: times that of what is learned, from 0; 1 is for small models and minutes, 0.2 for large ones.
    keep: prompts whose pictures the model, as it is now, draws, and is to draw on (prior preservation, 2208.12242);
        half as many as batch_size are looked at besides, at each step, and count keep_weight times. What is to be told
        of them is what the model told before it learned (1606.09282), and not their noise, whose chance would change
        it too; so it is asked once, of KEPT noisy ones.
    seed: decides all noise; step n sees the same noise whether or not the learning was interrupted before.

    `variables` are what is learned, in one vector while it learns; `loss_and_gradient` are of that and a `batch`.
    The model's own networks are not touched: what is learned is in others, and given to the model from a file.
    Raises ValueError for options out of their range, and as `examples` does.
    """

    def __init__(
        self,
        model: StableDiffusion,
        student: Student,
        parts: Sequence[Part],
        pictures: Sequence,
        prompts: str | Sequence[str],
        random_flip: bool = True,
        batch_size: int = 4,
        learning_rate: float = 1.0,
        keep: Sequence[str] = (),
        keep_weight: float = 1.0,
        seed: int = 0,
    ):
        self.batch_size, self.seed = whole_number("batch_size", batch_size, 1), whole_number("seed", seed, 0)
        self._model, self._student, self._parts = model, student, parts
        latents, told = examples(model.networks, pictures, prompts, random_flip)
        if student.word is not None:
            told = [student.word.put_in(each) for each in told]
        self._keep_weight = number_from_0("keep_weight", keep_weight)
        self._settings = {
            "seed": self.seed,
            "batch_size": self.batch_size,
            "learning_rate": number_from_0("learning_rate", learning_rate),
            "random_flip": random_flip,
            "prompts": told,
            "keep": [*keep],
            "keep_weight": self._keep_weight,
        }
        self._settings |= {name: each for part in parts for name, each in part.settings.items()}
        self._pictures = Pictures(latents, *student.tokens(told))
        self._kept = self._as_before(keep) if keep else None
        self._variables = {name: each for part in parts for name, each in part.variables.items()}
        rates = [part.learning_rates[name] * learning_rate for part in parts for name in part.variables]
        self._vector = Vector([*self._variables.values()])
        self._adam = Adam(self._vector.read(), self._vector.of_each(rates))
        learned = {id(each) for each in self._variables.values()}
        frozen = [each for each in student.variables if id(each) not in learned]
        self._compute = value_and_gradient(student.loss, self._vector, frozen)

    @property
    def number(self) -> int:
        """How many steps were taken."""
        return self._adam.number

    @property
    def variables(self) -> dict[str, keras.Variable]:
        """What is learned, as far as it is now: while it learns they are left behind, and only a vector changes."""
        self._settle()
        return self._variables

    def _settle(self) -> None:
        self._vector.assign(self._adam.value)

    def _as_before(self, prompts: Sequence[str]) -> Noisy:
        """The model's own pictures of these prompts with noise, and what the student tells of them as it is."""
        latents = []
        for number, prompt in enumerate(prompts):
            for step in self._model.denoise(self._model.encode_text(prompt), seed=self.seed + number):
                latent = step.latent
            latents.append(latent)
        pictures = Pictures(np.concatenate(latents), *self._student.tokens([*prompts]))
        noisy = with_noise(self._student, pictures, KEPT, np.random.default_rng([self.seed, 0]))
        told = []
        for begin in trange(0, KEPT, self.batch_size, desc="what is to be kept", leave=False):
            told.append(self._student.tell(noisy.some(slice(begin, begin + self.batch_size))))
        return noisy._replace(target=np.concatenate(told))

    # ------------------------------------------------------------------ step by step

    def steps(self, count: int) -> Iterator[Taught]:
        """So many more steps, one by one; after any of them one may stop, look, save, and go on with others."""
        for _ in range(whole_number("count", count, 1)):
            loss, gradient = self.loss_and_gradient(self.batch(self.number + 1))
            self._adam.follow(gradient)
            yield Taught(self.number, loss)

    def loss_and_gradient(self, batch: Sequence[np.ndarray]) -> tuple[float, np.ndarray]:
        """Of what is learned so far: the loss, and its gradient, float32 (N,), the variables' numbers in a row."""
        return self._compute(self._adam.value, *batch)

    def batch(self, number: int) -> tuple[np.ndarray, ...]:
        """What `Student.loss` takes at that step: what the UNet sees of latents with noise, and what it should tell."""
        rng, count = np.random.default_rng([self.seed, number]), self.batch_size
        noisy = with_noise(self._student, self._pictures, count, rng)
        weights = [1 / count] * count
        if self._kept is not None:
            kept = self._kept.some(rng.integers(KEPT, size=max(1, count // 2)))
            noisy = Noisy(*map(np.concatenate, zip(noisy, kept)))
            weights += [self._keep_weight / len(kept.latent)] * len(kept.latent)
        latent, embedded, target, tokens, places = noisy
        return latent, embedded, target, np.array(weights, np.float32), tokens, places

    # ------------------------------------------------------------------ looked at, saved, gone on with

    def preview(self, prompt: str, seed: int = 0, **options) -> np.ndarray:
        """A picture by what is learned so far, uint8 (1, img_height, img_width, 3); options: those of a `Recipe`."""
        self._settle()
        own = self._model.checkpoint.drawing._asdict()
        recipe = denoising.suited(self._model.checkpoint, Recipe(**{**own, "seed": seed, **options}))
        text = prompt if self._student.word is None else prompt.replace("{}", self._student.word.word)
        context = ops.convert_to_numpy(self._student.context(*self._student.tokens([text])))
        for step in denoising.steps(self._student.networks, context, recipe):
            latent = step.latent
        return self._model.decode(latent)

    def save_embedding(self, path: Path | str) -> Path:
        """The word as learned so far, for `StableDiffusion(embeddings={word: path})`, diffusers and the web UIs."""
        if self._student.word is None:
            raise ValueError("No word is learned here; give lora(word=…, like=…), or use save_lora.")
        self._settle()
        return save_embedding(path, self._student.word.word, self._student.word.vector)

    def save_lora(self, path: Path | str) -> Path:
        """The updates as learned so far, for `StableDiffusion(loras={path: 1.0})`, diffusers and the web UIs."""
        self._settle()
        for part in self._parts:
            if isinstance(part, HasFactors):
                return save_lora(path, part.factors)
        raise ValueError("No low-rank updates are learned here; use save_embedding.")

    def save(self, folder: Path | str) -> dict[str, dict]:
        """All that is learned so far, in files named after the word: the options with which `StableDiffusion` knows it.

        Like {"embeddings": {"<cat-toy>": path}, "loras": {path: 1.0}}, without what is not learned here.
        """
        saved: dict[str, dict] = {}
        name = "learned"
        if self._student.word is not None:
            word = self._student.word.word
            name = re.sub(r"\W+", "-", word).strip("-")
            saved["embeddings"] = {word: self.save_embedding(Path(folder) / f"{name}.safetensors")}
        if any(isinstance(part, HasFactors) for part in self._parts):
            saved["loras"] = {self.save_lora(Path(folder) / f"{name}-lora.safetensors"): 1.0}
        return saved

    def save_state(self, path: Path | str) -> Path:
        """All that `load_state` needs to go on from here, as `.safetensors`."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        save_file(self._adam.state(), path, {"number": str(self.number), "settings": json.dumps(self._settings)})
        return Path(path)

    def load_state(self, path: Path | str) -> None:
        """Go on from there, as if it had never been interrupted.

        Raises ValueError for a file that is no such state, or one of a learning with other settings.
        """
        file = TensorFile(Path(path))
        if "settings" not in file.metadata:
            raise ValueError(f"'{file.path.name}' is no state of a learning; save_state writes those.")
        told = json.loads(file.metadata["settings"])
        differ = [name for name in {**self._settings, **told} if told.get(name) != self._settings.get(name)]
        if differ:
            name = differ[0]
            raise ValueError(
                f"'{file.path.name}' is of a learning with {name}={told.get(name)!r}, and this one has "
                f"{self._settings.get(name)!r}; make it as that one was made."
            )
        self._adam.restore(file.read, int(file.metadata["number"]))
