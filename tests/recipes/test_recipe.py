"""The recipe: one object from the call to the sampler, the form, the file and back."""

import dataclasses
import inspect

import numpy as np
import pytest

from helpers import StableDiffusion, read_recipe, save_image
from helpers.recipes.files import FIELDS
from helpers.recipes.recipe import Recipe

OWN = dict(num_steps=12, unconditional_guidance_scale=7.5, sampler="dpm_solver")
FULL = dict(
    prompt="a cat",
    negative_prompt="a dog",
    num_steps=10,
    unconditional_guidance_scale=3.5,
    seed=4,
    sampler="ddim",
    strength=0.5,
    num_resamples=3,
    jump_length=2,
)
PICTURE = np.zeros((8, 8, 3), np.uint8)


def test_every_option_comes_back_from_the_file(tmp_path):
    recipe = Recipe(**FULL)
    assert recipe.arguments() == FULL and set(FIELDS) | {"prompt", "negative_prompt"} == set(FULL)
    assert {each.name for each in dataclasses.fields(Recipe)} == {*FULL, "batch_size"}
    save_image(PICTURE, tmp_path / "a.png", recipe.arguments())
    assert Recipe(**read_recipe(tmp_path / "a.png")) == recipe


def test_arguments_are_those_of_the_call_that_makes_the_picture_again():
    drawing = Recipe(prompt="a cat", negative_prompt="", batch_size=3, seed=5, **OWN)
    assert drawing.alone(2).arguments() == dict(prompt="a cat", seed=7, **OWN)
    assert set(drawing.arguments()) <= set(inspect.signature(StableDiffusion.text_to_image).parameters)
    assert set(FULL) <= set(inspect.signature(StableDiffusion.inpaint).parameters)


def test_each_picture_of_a_list_of_prompts_has_its_own_recipe():
    recipe = Recipe(prompt=["a cat", "a dog"], negative_prompt=["blue", ""], seed=5, **OWN)
    assert recipe.batch_size == 2
    assert recipe.alone(0).arguments() == dict(prompt="a cat", negative_prompt="blue", seed=5, **OWN)
    assert recipe.alone(1).arguments() == dict(prompt="a dog", seed=6, **OWN)
    assert Recipe(**recipe.arguments()) == recipe
    assert Recipe(negative_prompt=["blue", "red", ""], **OWN).batch_size == 3, "where a context is given"


def test_steps():
    assert (Recipe(**FULL).steps_taken, Recipe(**FULL).total_steps) == (5, 15)
    assert Recipe(**{**FULL, "strength": 0.01}).steps_taken == 1


@pytest.mark.parametrize(
    "name, value",
    [("num_steps", 0), ("batch_size", 0), ("seed", -1), ("strength", 0), ("num_resamples", 0), ("jump_length", 0.5)],
)
def test_a_value_out_of_its_range_is_named(name, value):
    with pytest.raises(ValueError, match=f"{name} must be a .*, got {value}"):
        Recipe(**{**FULL, name: value})


def test_whole_numbers_of_numpy_are_taken():
    assert Recipe(**{**FULL, "seed": np.int64(4), "num_steps": np.int32(10)}) == Recipe(**FULL)


def test_a_recipe_does_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe(**FULL).seed = 3


@pytest.mark.parametrize("draws", ["text_to_image", "inpaint"])
def test_the_models_own_take_the_place_of_what_a_call_leaves_open(pocket, monkeypatch, draws):
    seen = {}
    own = {"drawing": (3, "ddim_trailing", 2.0), "repainting": (4, "dpm_solver", 3.0)}
    changed = {
        kind: pocket.checkpoint.drawing._replace(num_steps=steps, sampler=sampler, unconditional_guidance_scale=scale)
        for kind, (steps, sampler, scale) in own.items()
    }
    monkeypatch.setattr(pocket.networks, "checkpoint", dataclasses.replace(pocket.checkpoint, **changed))
    monkeypatch.setattr("helpers.denoising.steps", lambda networks, context, recipe, *rest: seen.update(vars(recipe)))
    monkeypatch.setattr(pocket, "_drawn", lambda steps, recipe, verbose: PICTURE[None])
    monkeypatch.setattr(pocket, "joined", lambda pictures, image, mask: pictures)
    more = (np.zeros((128, 128, 3), np.uint8), np.eye(128)) if draws == "inpaint" else ()
    getattr(pocket, draws)("a cat", *more, seed=1)
    steps, sampler, scale = own["repainting" if draws == "inpaint" else "drawing"]
    assert (seen["num_steps"], seen["sampler"], seen["unconditional_guidance_scale"]) == (steps, sampler, scale)
    getattr(pocket, draws)("a cat", *more, num_steps=7, seed=1)
    assert (seen["num_steps"], seen["sampler"]) == (7, sampler)


def test_an_unknown_option_is_refused(pocket):
    with pytest.raises(TypeError, match="nmu_steps"):
        pocket.denoise(pocket.encode_text("a cat"), nmu_steps=3)
