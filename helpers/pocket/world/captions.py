"""Scenes in words: "a puppy riding a red bike at the beach", "dog, space", "a photo of a cat at night"."""

from __future__ import annotations

import numpy as np

from helpers.models.pocket.tokenizer import split_words
from helpers.pocket.backdrops import COLOURS
from helpers.pocket.world.scenes import Scene
from helpers.pocket.world.things import PAINTS, THINGS

WHERE = {
    "space": ("in space", "in outer space"),
    "beach": ("at the beach", "on the beach", "on a beach"),
    "meadow": ("in a meadow", "on the grass", "in a field"),
    "snow": ("in the snow",),
    "sunset": ("at sunset",),
    "sea": ("at sea", "on the sea", "in the ocean"),
    "desert": ("in the desert",),
    "forest": ("in a forest", "in the forest", "in the woods"),
    "city": ("in the city", "in a city"),
    "mountains": ("in the mountains",),
    "underwater": ("underwater", "under water"),
    "moon": ("on the moon",),
    "street": ("in the street", "on a street", "on the road"),
    "room": ("in a room", "at home", "in the living room"),
    "garden": ("in the garden", "in a garden"),
    "lake": ("at the lake", "by a lake"),
    "jungle": ("in the jungle",),
    **{colour: (f"on a {colour} background",) for colour in COLOURS},
    "orange": ("on an orange background",),
    "photo": ("in a photo",),
}
# the setting as people type it after a comma, where it is not its own name
TERSE = {"moon": "on the moon", "photo": "photo"}
ALONE = {
    "space": ("space", "outer space", "stars in space"),
    "beach": ("a beach", "the beach"),
    "meadow": ("a meadow", "grass", "a field"),
    "snow": ("snow", "a snowy landscape"),
    "sunset": ("a sunset", "sunset"),
    "sea": ("the sea", "the ocean"),
    "desert": ("a desert", "the desert"),
    "forest": ("a forest", "the woods"),
    "city": ("a city", "the city"),
    "mountains": ("mountains", "the mountains"),
    "underwater": ("underwater",),
    "moon": ("the surface of the moon",),
    "street": ("a street", "a road"),
    "room": ("a room", "an empty room"),
    "garden": ("a garden", "the garden"),
    "lake": ("a lake", "the lake"),
    "jungle": ("a jungle", "the jungle"),
    **{colour: (f"a {colour} background", f"plain {colour}") for colour in COLOURS},
    "orange": ("an orange background", "plain orange"),
    "photo": ("a photo",),
}
WHEN = {
    "sunny": ("on a sunny day", "in the sun"),
    "sunset": ("at sunset", "in the evening"),
    "night": ("at night",),
    "foggy": ("in the fog", "on a foggy day"),
}
SIZES = {"small": ("small", "little", "tiny"), "large": ("big", "large", "huge", "giant")}
RIDES = ("on", "riding")
PAIRS = ("next to", "beside", "and", "with")
OPENINGS = ("a photo of", "a picture of", "photo of", "picture of", "an image of", "a drawing of")


def vocabulary() -> list[str]:
    """Every word that captions can have, sorted."""
    phrases = [*OPENINGS, *PAIRS, *RIDES, *PAINTS, *TERSE.values(), "a", "an"]
    for table in (THINGS, WHERE, ALONE, WHEN, SIZES):
        phrases += [phrase for several in table.values() for phrase in several]
    return sorted({word for phrase in phrases for word in split_words(phrase)})


def _choice(rng: np.random.Generator, phrases) -> str:
    return phrases[int(rng.integers(len(phrases)))]


def _phrase(scene: Scene, thing: str, rng: np.random.Generator, article: bool) -> str:
    words = [_choice(rng, THINGS[thing])]
    if scene.paint(thing):
        words.insert(0, scene.paint(thing))
    if scene.size:
        words.insert(0, _choice(rng, SIZES[scene.size]))
    if article:
        words.insert(0, "an" if words[0][0] in "aeio" or words[0] == "umbrella" else "a")
    return " ".join(words)


def _things(scene: Scene, rng: np.random.Generator, article: bool) -> str:
    names = [_phrase(scene, thing, rng, article) for thing in scene.things]
    if scene.relation == "alone":
        return names[0]
    if scene.relation == "riding":
        return f"{names[0]} {_choice(rng, RIDES)} {names[1]}"
    link = _choice(rng, PAIRS)  # beside each other, either may be told first
    first, second = names if rng.random() < 0.5 else names[::-1]
    return f"{first} {link} {second}"


def _empty(scene: Scene, rng: np.random.Generator, full: bool) -> str:
    if scene.setting == "photo" and not full and rng.random() < 0.5:
        return ""
    place = _choice(rng, ALONE[scene.setting])
    when = f" {_choice(rng, WHEN[scene.light])}" if scene.light else ""
    opening = f"{_choice(rng, OPENINGS)} " if scene.setting != "photo" and rng.random() < 0.15 else ""
    return opening + place + when


def caption(scene: Scene, rng: np.random.Generator, full: bool = False) -> str:
    """One of the ways to tell the scene, lower case.

    One in ten says nothing of the setting, and three in four of those in photographs; with `full`, each does. The
    light is told where the scene has one. An empty photograph's caption is "" or "a photo".
    """
    if scene.relation == "empty":
        return _empty(scene, rng, full)
    where, form = _choice(rng, WHERE[scene.setting]), rng.random()
    when = _choice(rng, WHEN[scene.light]) if scene.light else ""
    if not full and rng.random() < (0.75 if scene.setting == "photo" else 0.1):
        where = ""
    elif not full and form < 0.08:  # a few words and a comma
        place = f"{scene.setting} background" if scene.setting in COLOURS else TERSE.get(scene.setting, scene.setting)
        return ", ".join(filter(None, [_things(scene, rng, article=False), place, when]))
    things = _things(scene, rng, article=rng.random() < 0.93)
    if form > 0.86:
        things = f"{_choice(rng, OPENINGS)} {things}"
    if where and 0.08 <= form < 0.18:
        return " ".join(filter(None, [f"{where},", things, when]))
    return " ".join(filter(None, [things, where, when]))
