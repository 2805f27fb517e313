"""The pocket world: scenes, captions, tokens. No network is loaded."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.models.pocket import weights
from helpers.models.pocket.tokenizer import WordTokenizer, split_words
from helpers.pocket import scenes
from helpers.pocket.backdrops import COLOURS, PLACES, draw_backdrop
from helpers.pocket.scenes import BEINGS, SETTINGS, SPRITES, THINGS, VEHICLES, Scene
from helpers.pocket.vocabulary import world_vocabulary

seeds = st.integers(0, 2**32)


@pytest.fixture(scope="module")
def tokenizer():
    return WordTokenizer(weights.POCKET.vocabulary)


def test_every_thing_has_a_sprite():
    assert {path.stem.replace("_", " ") for path in SPRITES.glob("*.webp")} >= set(THINGS)
    assert len(THINGS) >= 60 and len(PLACES) >= 12
    assert (SPRITES / "LICENSE").read_text().count("MIT License") == 1


@pytest.mark.parametrize("size", [64, 128, 256])
def test_a_scene_is_drawn_at_any_size(size):
    scene = Scene("dog", "beach", "riding", "car")
    picture = scenes.draw(scene, size, np.random.default_rng(0))
    assert picture.shape == (size, size, 3) and picture.dtype == np.uint8
    # the same choices at every size: reduced to 64 pixels the pictures are nearly one
    small = scenes.draw(scene, 64, np.random.default_rng(0)).astype(float)
    reduced = picture.reshape(64, size // 64, 64, size // 64, 3).mean(axis=(1, 3))
    assert np.abs(reduced - small).mean() < 6


def test_same_generator_same_picture_and_caption():
    for number in range(20):
        first, second = np.random.default_rng(number), np.random.default_rng(number)
        scene = scenes.sample_scene(first)
        assert scene == scenes.sample_scene(second)
        np.testing.assert_array_equal(scenes.draw(scene, 64, first), scenes.draw(scene, 64, second))
        assert scenes.caption(scene, first) == scenes.caption(scene, second)


@pytest.mark.parametrize("setting", SETTINGS)
def test_settings_look_different(setting):
    picture = np.asarray(draw_backdrop(setting, 64, np.random.default_rng(0)), float)
    for other in SETTINGS:
        if other != setting:
            another = np.asarray(draw_backdrop(other, 64, np.random.default_rng(0)), float)
            assert np.abs(picture - another).mean() > 5, other
    if setting in COLOURS:
        assert np.abs(picture.mean(axis=(0, 1)) - COLOURS[setting]).max() < 10


def test_things_cover_the_backdrop_where_they_should():
    rider = scenes.draw(Scene("penguin", "white", "riding", "rocket"), 128, np.random.default_rng(1))
    drawn = np.abs(rider.astype(int) - 245).max(axis=2) > 40
    assert drawn[20:75].any() and drawn[70:110].any()
    assert not drawn[:, :10].any() and not drawn[:, -10:].any()
    pair = scenes.draw(Scene("penguin", "white", "beside", "apple"), 128, np.random.default_rng(1))
    drawn = np.abs(pair.astype(int) - 245).max(axis=2) > 40
    assert drawn[:, 10:60].any() and drawn[:, 70:118].any() and not drawn[:10].any()


def test_paint_turns_the_hue():
    def mean(colour):
        scene = Scene("balloon", "white", size="large", colour=colour)
        return scenes.draw(scene, 64, np.random.default_rng(0))[20:35, 25:40].mean(axis=(0, 1))

    assert mean("red").argmax() == 0 and mean("green").argmax() == 1 and mean("blue").argmax() == 2


@given(seeds)
def test_captions_tell_the_scene(seed):
    rng = np.random.default_rng(seed)
    scene = scenes.sample_scene(rng)
    told = scenes.caption(scene, rng)
    assert any(name in told for name in THINGS[scene.thing])
    if scene.partner:
        assert any(name in told for name in THINGS[scene.partner])
    if scene.colour:
        assert scene.colour in told
    if scene.relation == "riding":
        assert scene.thing in BEINGS and (" on " in told or " riding " in told)


@given(seeds)
def test_captions_are_in_the_shipped_vocabulary_and_short_enough(tokenizer, seed):
    rng = np.random.default_rng(seed)
    told = scenes.caption(scenes.sample_scene(rng), rng)
    tokens = tokenizer.encode(told)
    assert len(tokens) == len(split_words(told)) + 2 <= 24
    assert tokenizer.decode(tokens[1:-1]) == " ".join(split_words(told))


def test_the_shipped_vocabulary_is_the_worlds(tokenizer):
    assert list(tokenizer.encoder) == world_vocabulary()


@given(seeds)
def test_training_scenes_are_never_held_out(seed):
    assert not scenes.sample_training_scene(np.random.default_rng(seed)).held_out


def test_one_composition_in_eight_is_held_out():
    rides = [Scene(b, s, "riding", v) for b in BEINGS for v in VEHICLES for s in SETTINGS]
    share = sum(scene.held_out for scene in rides) / len(rides)
    assert 0.11 < share < 0.14
    assert not any(Scene(thing, "space").held_out for thing in THINGS)


def test_unknown_things_and_settings_are_refused_with_the_known():
    with pytest.raises(ValueError, match="Unknown thing 'zebra'; the pocket world has dog, cat, "):
        Scene("zebra", "space")
    with pytest.raises(ValueError, match="Unknown setting 'mars'; the pocket world has space, beach, "):
        Scene("dog", "mars")


def test_split_words():
    assert split_words("A T-Rex, at SEA!  (no_dots...)") == ["a", "t-rex", "at", "sea", "no", "dots"]


def test_unknown_words_are_named_and_left_out(tokenizer):
    with pytest.warns(UserWarning, match="does not know 'zebra', 'mars' and leaves them out; it knows .*, among them"):
        tokens = tokenizer.encode("A zebra riding a zebra on Mars")
    assert tokenizer.decode(tokens) == "<start> a riding a on <end>"


def test_known_words_give_no_warning(tokenizer, recwarn):
    tokenizer.encode("A golden retriever riding a UFO, in outer space.")
    assert not recwarn.list
