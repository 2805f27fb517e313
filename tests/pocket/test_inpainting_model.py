"""The model that comes with the project for photos: "pocket-inpainting"."""

import numpy as np
import pytest

from helpers import StableDiffusion, load_image, make_mask
from helpers.models.pocket import weights
from helpers.pocket.world.captions import vocabulary
from helpers.pocket.world.photographs import HELD_OUT

PHOTO = load_image(HELD_OUT / "aitzgorri_1.jpg")
MASK = make_mask(PHOTO.shape, 64, 192, 48, 208)
STEPS = dict(num_steps=4, verbose=False)


@pytest.fixture(scope="module")
def model():
    return StableDiffusion("pocket-inpainting", precision="float32", engine="graph")


def test_the_kept_pixels_stay_and_one_seed_is_one_picture(model):
    once, again = (model.inpaint("a robot", PHOTO, MASK, seed=1, **STEPS)[0] for _ in range(2))
    other = model.inpaint("a robot", PHOTO, MASK, seed=2, **STEPS)[0]
    np.testing.assert_array_equal(once[MASK == 1], PHOTO[MASK == 1])
    np.testing.assert_array_equal(once, again)
    assert (once != other)[MASK == 0].mean() > 0.5


def test_the_hole_is_filled_by_what_is_asked_for_and_by_what_is_around(model):
    hole = MASK == 0
    robot = model.inpaint("a robot", PHOTO, MASK, seed=1, **STEPS)[0]
    frog = model.inpaint("a frog", PHOTO, MASK, seed=1, **STEPS)[0]
    dark = model.inpaint("a robot", PHOTO // 4, MASK, seed=1, **STEPS)[0]
    assert np.abs(robot.astype(int) - frog)[hole].mean() > 10
    assert dark[hole].mean() < robot[hole].mean() - 10


def test_it_draws_from_words_alone_and_the_way_back(model):
    meadow, space = (model.text_to_image(f"a dog {where}", seed=0, **STEPS)[0] for where in ("in a meadow", "in space"))
    assert meadow.shape == (256, 256, 3)
    assert meadow[-64:, :, 1].mean() > space[-64:, :, 1].mean() + 30, "grass is green, and space is dark"
    restored = model.decode(model.encode_image(PHOTO))[0]
    assert np.abs(restored.astype(int) - PHOTO).mean() < 15


def test_learned_words_and_no_others_are_added(model):
    vector = np.ones(160, np.float32)
    model.use_embeddings({"<mug>": vector})
    taught = model.encode_text("a <mug> in a meadow")
    model.use_embeddings({})
    assert np.abs(taught - model.encode_text("a in a meadow")).max() > 0.1


def test_its_words_are_those_of_its_world():
    assert weights.INPAINTING.vocabulary.read_text(encoding="utf-8").split()[2:] == list(vocabulary())
