"""All that decides a picture, in one object: made from a call's arguments, passed whole, kept in the picture's file."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from helpers.diffusion.samplers import SAMPLERS
from helpers.diffusion.schedule import TRAIN_TIMESTEPS
from helpers.validation import number_from_0, share, whole_number


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The options of a picture, by the names that they have as arguments of `StableDiffusion`'s methods.

    prompt, negative_prompt: what to draw, what to steer away from; a list, kept as a tuple, has one for each picture.
        A prompt is None where a context is given instead.
    batch_size: pictures to make, from 1; as many as a list has, where one is given.
    num_steps: from 1 to 1000; 10 to 20 are usual for "dpm_solver", 20 to 50 for "ddim". By default the fewest with
        which the classifier recognises the pocket model's pictures nearly as often, 96 %, as after KerasCV's 50 of
        "ddim", 97 %: 12, and 25 of "ddim" where a hole is repainted.
    unconditional_guidance_scale: how closely to follow the prompt: 1 not at all guided, 5 to 10 usual; 7.5 by default.
    seed: picture i of the batch is the picture of seed + i made alone; in a call None chooses one and shows it. In a
        recipe it is None where the noise is given.
    sampler: "dpm_solver", the default, "ddim" (KerasCV's; the default where a hole is repainted), "ddim_trailing",
        or "lcm", of consistency models, which takes at most 50 steps and is meant for 1 to 8. Models that are distilled
        to few steps have defaults of their own.
    strength: of images drawn anew, and of holes repainted; num_resamples, jump_length: of the latter.
        `image_to_image` and `inpaint` explain them.
    Raises ValueError for a value out of its range, and lists of other lengths.
    """

    prompt: str | Sequence[str] | None = None
    negative_prompt: str | Sequence[str] | None = None
    batch_size: int = 1
    num_steps: int
    unconditional_guidance_scale: float
    seed: int | None = None
    sampler: str
    strength: float = 1.0
    num_resamples: int = 1
    jump_length: int = 1

    def __post_init__(self):
        lists = {
            name: tuple(value)
            for name in ("prompt", "negative_prompt")
            if isinstance(value := getattr(self, name), (list, tuple))
        }
        checked = {
            **lists,
            "batch_size": _as_many(lists, whole_number("batch_size", self.batch_size, 1)),
            "num_steps": whole_number("num_steps", self.num_steps, 1, TRAIN_TIMESTEPS),
            "unconditional_guidance_scale": number_from_0(
                "unconditional_guidance_scale", self.unconditional_guidance_scale
            ),
            "seed": None if self.seed is None else whole_number("seed", self.seed, 0),
            "strength": share("strength", self.strength),
            "num_resamples": whole_number("num_resamples", self.num_resamples, 1),
            "jump_length": whole_number("jump_length", self.jump_length, 1),
        }
        if self.sampler not in SAMPLERS:
            raise ValueError(f"Unknown sampler {self.sampler!r}: choose one of {', '.join(map(repr, SAMPLERS))}.")
        if (most := SAMPLERS[self.sampler].most_steps) < self.num_steps:
            raise ValueError(
                f"num_steps must be from 1 to {most} for the sampler {self.sampler!r}, got {self.num_steps}."
            )
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @classmethod
    def among(cls, arguments: Mapping) -> dict:
        """Those of a call's arguments that are options of a recipe."""
        names = {each.name for each in dataclasses.fields(cls)}
        return {name: value for name, value in arguments.items() if name in names}

    @property
    def steps_taken(self) -> int:
        """How many of num_steps are walked: with a strength below 1, the last ones, at least one."""
        return max(1, round(self.strength * self.num_steps))

    @property
    def total_steps(self) -> int:
        """How many steps the picture takes, those done again included."""
        return self.steps_taken * self.num_resamples

    def alone(self, number: int) -> Recipe:
        """The recipe that makes picture `number` of the batch alone."""
        seed = None if self.seed is None else self.seed + number
        one = {
            name: value[number]
            for name in ("prompt", "negative_prompt")
            if isinstance(value := getattr(self, name), tuple)
        }
        return dataclasses.replace(self, batch_size=1, seed=seed, **one)

    def arguments(self) -> dict:
        """The keyword arguments of the call that makes one picture again; those at their defaults are left out."""
        values = {each.name: (getattr(self, each.name), each.default) for each in dataclasses.fields(self)}
        del values["batch_size"]  # one picture of a batch is one seed
        return {name: value for name, (value, default) in values.items() if value not in (None, "", default)}


def _as_many(lists: Mapping[str, tuple], batch_size: int) -> int:
    """The pictures of a batch with such lists of prompts; raises ValueError where they and batch_size do not agree."""
    numbers = {len(each) for each in lists.values()} or {batch_size}
    if len(numbers) > 1 or batch_size not in (1, *numbers) or 0 in numbers:
        told = " and ".join(f"{name} is a list of {len(each)}" for name, each in lists.items())
        raise ValueError(f"{told}, with batch_size={batch_size}; give one for each picture, and leave batch_size out.")
    return numbers.pop()
