"""The second pocket world: things, scenes, pictures, captions. No network is loaded."""

import csv
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from helpers.pocket.world import captions, photographs, placing, scenes
from helpers.pocket.world.backdrops import COLOURS, LIGHTS, LIT, PLACES, draw_backdrop, draw_horizon
from helpers.pocket.world.fetch_photographs import catalogue, file_name
from helpers.pocket.world.scenes import SETTINGS, Scene
from helpers.pocket.world.things import BEINGS, HUES, MOUNTS, PAINTABLE, SEATS, SIDE, SPRITES, THINGS, VEHICLES, sprite

seeds = st.integers(0, 2**32)


def test_every_thing_has_a_whole_sprite_and_every_sprite_a_thing():
    assert {path.stem.replace("_", " ") for path in SPRITES.glob("*.webp")} == set(THINGS)
    assert len(THINGS) >= 80 and len(PLACES) >= 16
    assert set(SEATS) == {*VEHICLES, *MOUNTS} and set(PAINTABLE) <= set(THINGS)
    for thing in THINGS:
        alpha = np.asarray(sprite(thing).getchannel("A"))
        assert alpha.shape == (SIDE, SIDE) and 0.05 < (alpha > 128).mean() < 0.9, thing


def test_no_two_things_share_a_name():
    names = Counter(name for several in THINGS.values() for name in several)
    assert names.most_common(1)[0][1] == 1


@pytest.mark.parametrize("paint", HUES)
@pytest.mark.parametrize("thing", PAINTABLE)
def test_paint_is_seen(thing, paint):
    picture = sprite(thing, paint)
    hue, saturation, _ = (np.asarray(band) for band in picture.convert("RGB").convert("HSV").split())
    vivid = (saturation > 120) & (np.asarray(picture.getchannel("A")) > 200)
    away = np.abs((hue[vivid].astype(int) - HUES[paint] + 128) % 256 - 128)
    assert (away <= 20).mean() > 0.25


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_a_scene_is_the_same_at_every_size_and_with_the_same_generator(seed):
    scene = scenes.sample_scene(np.random.default_rng(seed))
    pictures = {size: scenes.draw(scene, size, np.random.default_rng(seed)) for size in (64, 128, 256)}
    for size, picture in pictures.items():
        assert picture.shape == (size, size, 3) and picture.dtype == np.uint8
    again = scenes.draw(scene, 64, np.random.default_rng(seed))
    np.testing.assert_array_equal(again, pictures[64])
    reduced = np.asarray(Image.fromarray(pictures[256]).reduce(4), float)
    assert np.abs(reduced - pictures[64]).mean() < 8


@settings(max_examples=200, deadline=None)
@given(seeds)
def test_things_stand_inside_the_picture(seed):
    rng = np.random.default_rng(seed)
    scene = scenes.sample_scene(rng)
    placed = scenes.placements(scene, rng)
    assert sorted(each.thing for each in placed) == sorted(scene.things)
    for each in placed:
        assert 0.1 < each.width < 0.96
        for centre in (each.x, each.y):
            assert 0.37 * each.width <= centre <= 1 - 0.37 * each.width
        # whole cells of a latent, of which there are 16 from side to side
        for edge in (each.x - each.width / 2, each.y - each.width / 2, each.width):
            assert 16 * edge == pytest.approx(round(16 * edge), abs=1e-6)
    if scene.relation == "alone":
        low, high = {"small": (0.18, 0.3), "large": (0.75, 0.95), "": (0.35, 0.8)}[scene.size]
        assert low - 1 / 32 <= placed[0].width <= high + 1 / 32
    elif scene.relation == "riding":
        vehicle, rider = placed
        assert (vehicle.thing, rider.thing) == (scene.partner, scene.thing)
        assert rider.y < vehicle.y + 0.1 and abs(rider.x - vehicle.x) < 0.4 * vehicle.width
    elif scene.relation == "beside":
        one, other = placed
        assert abs(one.x - other.x) >= 0.44 * (one.width + other.width) - 1 / 16


def test_things_are_drawn_where_placements_says():
    scene = Scene("dog", "white")
    for seed in range(20):
        (placed,) = scenes.placements(scene, np.random.default_rng(seed))
        drawn = scenes.draw(scene, 128, np.random.default_rng(seed)).astype(int)
        y, x = np.nonzero(drawn[..., 0] - drawn[..., 2] > 60)  # a brown dog on white
        assert abs((x.min() + x.max()) / 256 - placed.x) < 0.1 and abs((y.min() + y.max()) / 256 - placed.y) < 0.1


def test_things_are_everywhere():
    pictures = [scenes.placements(Scene("dog", "meadow"), np.random.default_rng(seed))[0] for seed in range(200)]
    assert min(each.x for each in pictures) < 0.25 and max(each.x for each in pictures) > 0.75
    widths, heights = zip(*((each.width, each.y + 0.44 * each.width) for each in pictures))
    assert np.corrcoef(widths, heights)[0, 1] > 0.5  # the smaller, the farther


@pytest.mark.parametrize("vehicle", SEATS)
def test_a_rider_hides_little_of_what_it_rides(vehicle):
    hidden = []
    for rider in BEINGS:
        if rider == vehicle:
            continue
        below, above = placing.place_riding(rider, vehicle, "white", 1.0, np.random.default_rng(0))
        masks = []
        for each in (below, above):
            side = round(each.width * 256)
            alpha = sprite(each.thing).getchannel("A").resize((side, side))
            if each.flipped:
                alpha = alpha.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            whole = Image.new("L", (256, 256))
            whole.paste(alpha, (round(each.x * 256 - side / 2), round(each.y * 256 - side / 2)))
            masks.append(np.asarray(whole) > 128)
        hidden.append((masks[0] & masks[1]).sum() / masks[0].sum())
    assert np.mean(hidden) < 0.25 and max(hidden) < 0.42


@pytest.mark.parametrize("setting", [*PLACES, *COLOURS])
def test_settings_vary_and_look_different(setting):
    def draw(name, seed):
        rng = np.random.default_rng(seed)
        return np.asarray(draw_backdrop(name, 64, draw_horizon(name, rng), "", rng), float)

    pictures = [draw(setting, seed) for seed in range(6)]
    assert min(np.abs(pictures[i] - pictures[j]).mean() for i in range(6) for j in range(i)) > 1
    for other in (*PLACES, *COLOURS):
        if other != setting:
            assert np.abs(pictures[0] - draw(other, 0)).mean() > 5, other
    if setting in COLOURS:
        mean = np.mean([picture.mean(axis=(0, 1)) for picture in pictures], axis=0)
        nearest = min(COLOURS, key=lambda name: np.abs(mean - COLOURS[name]).sum())
        assert nearest == setting


def test_light_changes_a_place():
    brightness = {}
    for light in LIGHTS:
        rngs = [np.random.default_rng(seed) for seed in range(8)]
        brightness[light] = np.mean([draw_backdrop("meadow", 64, 0.5, light, rng) for rng in rngs], axis=(0, 1, 2))
    assert brightness["night"].sum() < 0.5 * brightness["sunny"].sum()
    assert brightness["sunset"][0] / brightness["sunset"][2] > 1.3 * brightness["sunny"][0] / brightness["sunny"][2]
    assert np.ptp(brightness["foggy"]) < np.ptp(brightness["sunny"])


@given(seeds)
def test_captions_tell_the_scene_in_known_words(seed):
    rng = np.random.default_rng(seed)
    scene = scenes.sample_scene(rng)
    told, full = captions.caption(scene, rng), captions.caption(scene, rng, full=True)
    for text in (told, full):
        assert set(captions.split_words(text)) <= set(captions.vocabulary()) and len(captions.split_words(text)) <= 22
        assert text == text.lower().strip() and "  " not in text and " a a" not in text
        for thing in scene.things:
            assert any(name in text for name in THINGS[thing])
        assert scene.colour in text
        if scene.light and scene.relation != "empty":
            assert any(when in text for when in captions.WHEN[scene.light])
    wheres = captions.ALONE if scene.relation == "empty" else captions.WHERE
    assert any(where in full for where in wheres[scene.setting])


def test_the_vocabulary_is_moderate():
    words = captions.vocabulary()
    assert len(words) < 350 and words == sorted(set(words))
    assert {"dog", "t-rex", "motorbike", "foggy", "an", "photo"} <= set(words)


@pytest.mark.parametrize(
    ("scene", "some"),
    [
        (Scene("dog", "space"), {"dog, space", "a dog in space", "a photo of a dog in space"}),
        (Scene(None, "beach", "empty", light="night"), {"a beach at night", "the beach at night"}),
        (Scene(None, "photo", "empty"), {"", "a photo"}),
        (Scene("owl", "orange"), {"an owl on an orange background"}),
        (Scene("cat", "photo", "beside", "umbrella"), {"a cat and an umbrella", "an umbrella next to a cat"}),
    ],
)
def test_captions_as_people_type(scene, some):
    rng = np.random.default_rng(0)
    assert some <= {captions.caption(scene, rng) for _ in range(3000)}


def test_shares_of_settings_and_relations():
    rng = np.random.default_rng(0)
    sample = [scenes.sample_scene(rng) for _ in range(4000)]
    shares = Counter("photo" if s.setting == "photo" else "colour" if s.setting in COLOURS else "place" for s in sample)
    assert shares["photo"] / 4000 == pytest.approx(0.3, abs=0.03)
    assert shares["colour"] / 4000 == pytest.approx(0.18, abs=0.03)
    relations = Counter(scene.relation for scene in sample)
    wanted = {"empty": 0.04, "alone": 0.38, "riding": 0.38, "beside": 0.2}
    assert all(relations[name] / 4000 == pytest.approx(share, abs=0.03) for name, share in wanted.items())


@given(seeds)
def test_training_scenes_are_never_held_out(seed):
    assert not scenes.sample_training_scene(np.random.default_rng(seed)).held_out


def test_one_composition_in_eight_is_held_out():
    rides = [Scene(b, s, "riding", v) for b in BEINGS for v in VEHICLES for s in SETTINGS]
    assert 0.115 < np.mean([scene.held_out for scene in rides]) < 0.135
    assert not any(Scene(thing, "space").held_out for thing in THINGS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("zebra", "space"), "Unknown thing 'zebra'; the pocket world has dog, cat, "),
        (("dog", "mars"), "Unknown setting 'mars'; the pocket world has space, beach, "),
        (("dog", "space", "under", "cat"), "Unknown relation 'under'"),
        ((None, "space"), "no thing"),
        (("dog", "space", "riding"), "has a partner"),
        (("dog", "space", "riding", "pizza"), "Nothing rides a pizza"),
        (("dog", "space", "alone", None, "vast"), "not 'vast'"),
        (("dog", "space", "alone", None, "", "red"), "Cannot paint"),
        (("dog", "space", "alone", None, "", "", "night"), "No 'night' light here"),
    ],
)
def test_what_the_world_does_not_have_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Scene(*arguments)


@pytest.mark.parametrize("light", LIGHTS)
def test_lit_places_can_be_drawn_in_every_light(light):
    for setting in LIT:
        scenes.draw(Scene("dog", setting, light=light), 64, np.random.default_rng(0))


def test_photographs_vary_and_come_from_where_they_should():
    chosen = photographs.photographs(photographs.SHIPPED)
    backdrops = [np.asarray(photographs.photo_backdrop(64, np.random.default_rng(i), chosen), float) for i in range(8)]
    assert min(np.abs(backdrops[i] - backdrops[j]).mean() for i in range(8) for j in range(i)) > 5
    held_out = photographs.HELD_OUT / "grass.jpg"  # gray
    drawn = scenes.draw(Scene(None, "photo", "empty"), 64, np.random.default_rng(0), photos=[held_out]).astype(int)
    assert np.abs(drawn[..., 0] - drawn[..., 2]).mean() < 20
    with pytest.raises(FileNotFoundError, match="No photographs"):
        photographs.photographs(SPRITES)


def test_shipped_photographs_are_credited_and_free_and_held_out_ones_not_trained_on():
    rows = catalogue()
    titles = {use: {row["title"] for row in rows if row["use"] == use} for use in ("train", "world", "held_out")}
    assert not titles["held_out"] & (titles["train"] | titles["world"])
    assert len({(row["package"], row["file"]) for row in rows}) == len(rows)
    for use, folder in (("world", photographs.SHIPPED), ("held_out", photographs.HELD_OUT)):
        with (folder / "CREDITS.tsv").open(encoding="utf-8", newline="") as file:
            credits = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        assert {row["file"] for row in credits} == {path.name for path in photographs.photographs(folder)}
        assert {row["title"] for row in credits} == titles[use]
        free = ("CC0-1.0", "CC-BY-2.0", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "Public Domain")
        assert all(row["licence"] in free and row["author"] for row in credits)
    held_out = photographs.photographs(photographs.HELD_OUT)
    assert len(held_out) == 30 and all(Image.open(path).size == (256, 256) for path in held_out)
    assert sum(path.stat().st_size for path in photographs.photographs(photographs.SHIPPED)) < 500_000
    names = {file_name(row) for row in rows if row["use"] != "train"}
    assert not names & {file_name(row) for row in rows if row["use"] == "train"}


def test_neither_tensorflow_nor_keras_is_imported():
    code = "import sys, helpers.pocket.judge, helpers.pocket.world.captions; "
    code += "sys.exit(any(name in sys.modules for name in ('tensorflow', 'keras')))"
    assert subprocess.run([sys.executable, "-c", code], cwd=photographs.ROOT).returncode == 0


def test_cells_of_things_are_those_that_their_sprites_are_put_in():
    rng = np.random.default_rng(4)
    for _ in range(12):
        placed = scenes.placements(scenes.sample_training_scene(rng), rng)
        picture = Image.new("RGB", (256, 256), (255, 0, 255))
        for each in placed:
            placing.put(picture, each, "", 0.0)
        touched = (np.asarray(picture) != (255, 0, 255)).any(axis=2).reshape(16, 16, 16, 16).any(axis=(1, 3))
        cells = placing.cells_of(placed)
        assert cells.dtype == bool and cells.shape == (16, 16)
        assert not (touched & ~cells).any()
        assert touched.sum() > 0.5 * cells.sum()  # a sprite is a square, and a thing is most of it
        assert cells.any() == bool(placed)
