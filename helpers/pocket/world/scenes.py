"""Scenes of the pocket world: what a picture shows, how it is drawn, and how it is told.

A `Scene` says what there is; `draw` paints it and `caption` tells it, both with their own choices
(where exactly, in which light, by which synonym), so one scene has many pictures and many captions.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from helpers.pocket.world import placing
from helpers.pocket.world.backdrops import COLOURS, LIGHTS, LIT, PLACES, draw_backdrop, draw_horizon
from helpers.pocket.world.photographs import photo_backdrop
from helpers.pocket.world.placing import Placement
from helpers.pocket.world.things import BEINGS, MOUNTS, PAINTABLE, PAINTS, THINGS, VEHICLES

SETTINGS = (*PLACES, *COLOURS, "photo")
RELATIONS = ("alone", "riding", "beside", "empty")


@dataclass(frozen=True)
class Scene:
    """What a picture shows. `relation` is one of `RELATIONS`; `partner` is None when alone, `thing` too when empty.

    `size` ("small", "large" or "") is of a thing alone; `colour`, one of `PAINTS`, is the paint of the paintable
    thing among the two, or "" for its own; `light` is one of `LIGHTS` in the settings of `LIT`, or "" for any.
    Raises ValueError for what the world does not have.
    """

    thing: str | None
    setting: str
    relation: str = "alone"
    partner: str | None = None
    size: str = ""
    colour: str = ""
    light: str = ""

    def __post_init__(self):
        for name in (self.thing, self.partner):
            if name is not None and name not in THINGS:
                raise ValueError(f"Unknown thing {name!r}; the pocket world has {', '.join(THINGS)}.")
        if self.setting not in SETTINGS:
            raise ValueError(f"Unknown setting {self.setting!r}; the pocket world has {', '.join(SETTINGS)}.")
        if self.relation not in RELATIONS:
            raise ValueError(f"Unknown relation {self.relation!r}; it is one of {', '.join(RELATIONS)}.")
        if (self.thing is None) != (self.relation == "empty"):
            raise ValueError("A scene has no thing if its relation is 'empty', and only then.")
        if (self.partner is None) != (self.relation in ("alone", "empty")):
            raise ValueError("A scene has a partner if its relation is 'riding' or 'beside', and only then.")
        if self.relation == "riding" and self.partner not in (*VEHICLES, *MOUNTS):
            raise ValueError(f"Nothing rides a {self.partner}; it is one of {', '.join((*VEHICLES, *MOUNTS))}.")
        if self.size not in ("", "small", "large") or (self.size and self.relation != "alone"):
            raise ValueError(f"A thing alone is 'small', 'large' or '', not {self.size!r}.")
        if self.colour and (self.colour not in PAINTS or not {self.thing, self.partner} & set(PAINTABLE)):
            raise ValueError(
                f"Cannot paint this scene {self.colour}; {', '.join(PAINTABLE)} can be {', '.join(PAINTS)}."
            )
        if self.light and (self.light not in LIGHTS or self.setting not in LIT):
            raise ValueError(f"No {self.light!r} light here; {', '.join(LIT)} can be {', '.join(LIGHTS)}.")

    @property
    def things(self) -> tuple[str, ...]:
        """The thing and its partner, as far as there are."""
        return tuple(name for name in (self.thing, self.partner) if name)

    @property
    def held_out(self) -> bool:
        """Whether this composition (thing, relation, partner, setting) is kept from training: one in eight pairs."""
        if self.partner is None:
            return False
        key = f"{self.thing} {self.relation} {self.partner} {self.setting}"
        return zlib.crc32(key.encode()) % 8 == 0

    def paint(self, thing: str) -> str:
        """The colour of that thing of the scene, or "" for its own."""
        return self.colour if thing in PAINTABLE else ""


def _choice(rng: np.random.Generator, names: Sequence[str]) -> str:
    return names[int(rng.integers(len(names)))]


def sample_scene(rng: np.random.Generator) -> Scene:
    """A random scene.

    Three in ten are in photographs, 18 in a hundred on plain colours, the others in drawn places; four in a hundred
    are empty, 38 of one thing, 38 of riders and 20 of a pair side by side.
    """
    where, kind = rng.random(2)
    setting = "photo" if where < 0.3 else _choice(rng, list(COLOURS) if where < 0.48 else list(PLACES))
    light = _choice(rng, LIGHTS) if setting in LIT and rng.random() < 0.3 else ""
    if kind < 0.04:
        return Scene(None, setting, "empty", light=light)
    partner, size = None, ""
    if kind < 0.42:
        thing, relation = _choice(rng, list(THINGS)), "alone"
        size = _choice(rng, ("", "", "small", "large"))
    elif kind < 0.8:
        partner = _choice(rng, (*VEHICLES, *MOUNTS))
        thing, relation = _choice(rng, [being for being in BEINGS if being != partner]), "riding"
    else:
        thing = _choice(rng, list(BEINGS))
        partner, relation = _choice(rng, [other for other in THINGS if other != thing]), "beside"
    painted = (thing in PAINTABLE or partner in PAINTABLE) and rng.random() < 0.5
    return Scene(thing, setting, relation, partner, size, _choice(rng, PAINTS) if painted else "", light)


def sample_training_scene(rng: np.random.Generator) -> Scene:
    """A random scene that is not held out."""
    while (scene := sample_scene(rng)).held_out:
        pass
    return scene


def lay_out(scene: Scene, rng: np.random.Generator) -> tuple[float, list[Placement]]:
    """How high the horizon is (0 at the top, 1 for none) and where the things stand, those behind first."""
    horizon = draw_horizon(scene.setting, rng)
    if scene.relation == "empty":
        return horizon, []
    if scene.relation == "alone":
        return horizon, placing.place_alone(scene.things[0], scene.size, scene.setting, horizon, rng)
    place = placing.place_riding if scene.relation == "riding" else placing.place_beside
    thing, partner = scene.things
    return horizon, place(thing, partner, scene.setting, horizon, rng)


def placements(scene: Scene, rng: np.random.Generator) -> list[Placement]:
    """Where the things stand in the picture that `draw` makes from a generator in the same state."""
    return lay_out(scene, rng)[1]


def draw(scene: Scene, size: int, rng: np.random.Generator, photos: Sequence[Path] | None = None) -> np.ndarray:
    """A picture of the scene, uint8 (size, size, 3); `rng` makes every choice, the same ones at every size.

    `photos` are the JPEG files of a scene in a photograph, by default all that may be trained on.
    """
    horizon, placed = lay_out(scene, rng)
    if scene.setting == "photo":
        picture = photo_backdrop(size, rng, photos)
    else:
        picture = draw_backdrop(scene.setting, size, horizon, scene.light, rng)
    light = rng.uniform(0.1, 0.3)
    grounded = scene.setting not in COLOURS or rng.random() < 0.5
    for number, each in enumerate(placed):
        seated = scene.relation == "riding" and number == 1
        if grounded and not seated and not placing.hovers(each.thing, scene.setting):
            placing.cast_shadow(picture, each, rng)
        placing.put(picture, each, scene.paint(each.thing), light)
    return np.array(picture)
