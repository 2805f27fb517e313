"""The judge of the pocket world: it knows a thing from another, and a whole one from half a one."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from helpers.pocket import judge
from helpers.pocket.matching import SMALLEST
from helpers.pocket.world import placing, scenes
from helpers.pocket.world.backdrops import draw_backdrop
from helpers.pocket.world.placing import Placement
from helpers.pocket.world.scenes import Scene


def backdrop(setting="beach", seed=0, size=256):
    return draw_backdrop(setting, size, 0.5, "", np.random.default_rng(seed))


def picture_of(placed, paint="", **choices):
    """A picture with nothing but the thing on a backdrop, in its own light."""
    picture = backdrop(**choices)
    placing.put(picture, placed, paint, light=0)
    return picture


@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from(["dog", "castle", "car", "woman", "pizza", "ghost"]),
    st.floats(0.25, 0.9),
    st.floats(0, 1),
    st.floats(0, 1),
    st.booleans(),
    st.sampled_from(["beach", "white", "forest", "black", "city"]),
)
def test_a_whole_thing_is_found_where_it_is(thing, width, x, y, flipped, setting):
    x, y = (0.45 * width + part * (1 - 0.9 * width) for part in (x, y))
    match = judge.find(np.array(picture_of(Placement(thing, width, x, y, flipped), setting=setting)), thing)
    assert match.correlation > 0.97
    assert abs(match.width - width) < 0.03 and abs(match.x - x) < 0.02 and abs(match.y - y) < 0.02


def test_another_thing_scores_low():
    picture = np.array(picture_of(Placement("dog", 0.5, 0.4, 0.6, False)))
    for other in ("cat", "car", "castle", "penguin", "bicycle"):
        assert judge.find(picture, other).correlation < 0.75, other


def test_a_sprite_of_few_pixels_is_not_looked_for():
    # coarse patches: some tiny sprite is like some of them
    patches = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    picture = np.array(Image.fromarray(patches).resize((128, 128), Image.BICUBIC))
    found = [judge.find(picture, "camera", smallest=least) for least in (0.1, SMALLEST, 0.4)]
    widths, correlations = [each.width for each in found], [each.correlation for each in found]
    assert widths[0] < 0.15 and widths[1] >= SMALLEST - 1 / 128 and widths[2] >= 0.4 - 1 / 128
    assert correlations[0] > correlations[1] > correlations[2]


def test_what_is_half_there_or_blurred_scores_lower():
    placed = Placement("dog", 0.6, 0.5, 0.55, True)
    whole = picture_of(placed)
    best = judge.find(np.array(whole), "dog").correlation
    beheaded = whole.copy()
    beheaded.paste(backdrop().crop((100, 60, 256, 150)), (100, 60))
    assert judge.find(np.array(beheaded), "dog").correlation < best - 0.15
    smeared = whole.filter(ImageFilter.GaussianBlur(12))
    assert judge.find(np.array(smeared), "dog").correlation < best - 0.05


def test_a_mirrored_picture_scores_the_same():
    picture = picture_of(Placement("tiger", 0.4, 0.3, 0.6, False), setting="white")
    one, other = (judge.find(np.array(each), "tiger") for each in (picture, picture.transpose(Image.FLIP_LEFT_RIGHT)))
    assert abs(one.correlation - other.correlation) < 0.01
    assert one.flipped != other.flipped and abs(one.x + other.x - 1) < 0.01


def test_paint_counts():
    placed = Placement("balloon", 0.5, 0.5, 0.5, False)
    picture = np.array(picture_of(placed, "green"))
    assert judge.find(picture, "balloon", "green").correlation > 0.97
    assert judge.find(picture, "balloon", "red").correlation < 0.9


def test_a_hole_is_judged_alone():
    picture = picture_of(Placement("dog", 0.4, 0.25, 0.6, False))
    placing.put(picture, Placement("cat", 0.35, 0.75, 0.6, False), "", light=0)
    hole = (140, 90, 256, 220)
    assert judge.find(np.array(picture), "cat", within=hole).correlation > 0.97
    assert judge.find(np.array(picture), "dog").correlation > 0.97
    assert judge.find(np.array(picture), "dog", within=hole).correlation < 0.75
    assert judge.find(np.array(picture), "cat", within=(0, 0, 8, 8)).correlation == 0


@pytest.mark.parametrize("size", [128, 256])
def test_what_a_rider_hides_does_not_count(size):
    riding = Scene("fox", "red", "riding", "horse")
    picture = scenes.draw(riding, size, np.random.default_rng(3))
    rider, vehicle = judge.judge(picture[None], [riding])[0]
    assert rider > 0.9 and vehicle > 0.85
    # without the rule
    assert judge.judge(picture[None], [dataclasses.replace(riding, relation="beside")])[0][1] < vehicle


def test_an_empty_scene_has_nothing_to_judge():
    assert judge.judge(np.array(backdrop())[None], [Scene(None, "beach", "empty")]) == [[]]
    with pytest.raises(ValueError, match="No picture has a thing to judge"):
        judge.summary([[]])


def test_a_summary_counts_things_and_pictures():
    found = judge.summary([[0.9, 0.7], [0.95], [], [0.85, 0.9]])
    assert found["things over 0.8"] == pytest.approx(0.8) and found["pictures over 0.8"] == pytest.approx(2 / 3)
    assert found["median"] == pytest.approx(0.9) and found["tenth percentile"] == pytest.approx(0.76)
