"""Measures of pictures: each tells what it is named for, and the table tells a good second edition from a bad."""

import dataclasses

import numpy as np
import pytest
from PIL import Image, ImageFilter

from helpers.pictures.masks import make_mask
from helpers.pocket import judge, measures
from helpers.pocket.second import evaluate
from helpers.pocket.second.data import drawn_scenes
from helpers.pocket.world.scenes import Scene, draw
from helpers.pocket.world.things import THINGS, sprite


def test_blurring_lowers_the_sharpness():
    sharp = Image.fromarray(draw(drawn_scenes(1)[0], 256, np.random.default_rng(0)))
    soft = sharp.filter(ImageFilter.GaussianBlur(2))
    assert measures.sharpness(np.array(sharp)[None]) > 2 * measures.sharpness(np.array(soft)[None])
    assert measures.sharpness(np.full((1, 8, 8, 3), 77, np.uint8)) == 0


def test_the_mean_distance_is_over_pairs():
    pictures = np.zeros((3, 8, 8, 3), np.uint8)
    pictures[1], pictures[2] = 10, 40
    assert measures.mean_distance(pictures) == pytest.approx((10 + 40 + 30) / 3)


def test_frechet_distance():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((5000, 4))
    assert measures.frechet_distance(a, a) == pytest.approx(0, abs=1e-6)
    assert measures.frechet_distance(a, a + 3) == pytest.approx(36, rel=1e-3)
    assert measures.frechet_distance(a, 2 * a) == pytest.approx(4 * (2 - 1) ** 2, rel=0.1)


def test_a_seam_is_where_the_mask_changes():
    mask = make_mask((16, 16), 4, 12, 4, 12)
    picture = np.full((16, 16, 3), 100, np.uint8)
    picture[0] = 255  # far from the hole
    assert measures.seam(picture, mask) == 0
    picture[mask == 0] = 130
    assert measures.seam(picture, mask) == 30


def test_sizes_and_colours_are_as_told_where_the_world_draws_and_not_where_something_else_was_said():
    small = [Scene("car", "meadow", size="small", colour="red"), Scene("rose", "white", size="small", colour="blue")]
    large = [dataclasses.replace(scene, size="large", colour="green") for scene in small]
    for said, other in ((small, large), (large, small)):
        pictures = np.stack([draw(scene, 256, np.random.default_rng(0)) for scene in said])
        assert judge.sizes_obeyed(pictures, said) == judge.colours_obeyed(pictures, said) == 1
        mixed = [said[0], dataclasses.replace(said[1], size=other[1].size)]
        assert judge.sizes_obeyed(pictures, mixed) == 0.5
        assert judge.colours_obeyed(pictures, [dataclasses.replace(said[0], colour=other[0].colour), said[1]]) == 0.5


class Painter:
    """Paints as the world does, or leaves things out; asked for first the scenes, then one of them eight times."""

    def __init__(self, scenes, able: bool):
        self.scenes, self.able = scenes, able

    def encode_image(self, picture):
        return picture[None]

    def decode(self, latent):
        return latent // 2 * 2

    def text_to_image(self, prompts, batch_size, seed, verbose):
        if not self.able:
            return np.full((batch_size, 256, 256, 3), 99, np.uint8)
        scenes = self.scenes if batch_size == len(self.scenes) else [self.scenes[0]] * 8
        return np.stack([draw(scene, 256, np.random.default_rng([3, n])) for n, scene in enumerate(scenes)])

    def inpaint(self, prompt, photo, mask, seed, verbose):
        rows, columns = (np.flatnonzero((mask == 0).any(axis=axis)) for axis in (1, 0))
        picture = Image.fromarray(photo)
        if self.able:
            named = [(len(name), thing) for thing, names in THINGS.items() for name in names if name in prompt]
            small = sprite(max(named)[1]).resize((120, 120))
            picture.paste(small, (int(columns[0]) + 4, int(rows[0]) + 4), small)
        return np.array(picture)[None]


def test_who_paints_as_the_world_does_has_the_best_figures_and_who_leaves_things_out_the_worst():
    scenes = drawn_scenes(3)
    (good, sheet), (bad, _) = (evaluate.from_words(Painter(scenes, able), 3) for able in (True, False))
    assert good["drawn by the model"]["median"] > 0.9 > 0.5 > bad["drawn by the model"]["median"]
    assert good["drawn by the world"] == bad["drawn by the world"]
    assert good["restored by the autoencoder"] == pytest.approx(good["drawn by the world"], abs=0.01)
    assert good["restored, PSNR"] > 40 and good["restored, sharpness / world's"] == pytest.approx(1, abs=0.1)
    assert good["eight seeds / world's"] == pytest.approx(1) and bad["eight seeds / world's"] == 0
    assert sheet.shape[1] > 3 * 256 and bad["drawn, sharpness / world's"] == 0
    (good, sheet), (bad, _) = (evaluate.into_photographs(Painter(scenes, able), 4) for able in (True, False))
    assert good["things over 0.7"] == 1 and bad["things over 0.7"] == 0
    assert bad["seam / photographs' own"] == 1 and sheet.shape[0] == 2 * 256
