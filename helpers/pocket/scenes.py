"""The pocket world: things on vehicles, beside each other or alone, in some setting, with a caption.

A `Scene` says what there is; `draw` paints it and `caption` tells it, both with their own choices
(where exactly, which synonym), so one scene has many pictures and many captions.
"""

from __future__ import annotations

import colorsys
import functools
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from helpers.pocket.backdrops import COLOURS, PLACES, draw_backdrop

SPRITES = Path(__file__).parents[2] / "assets" / "sprites"

# Every name that a thing goes by; the first is the sprite's own, with spaces.
BEINGS = {
    "dog": ("dog", "puppy", "golden retriever"),
    "cat": ("cat", "kitten"),
    "horse": ("horse", "pony"),
    "unicorn": ("unicorn",),
    "parrot": ("parrot",),
    "penguin": ("penguin",),
    "elephant": ("elephant",),
    "tiger": ("tiger",),
    "rabbit": ("rabbit", "bunny"),
    "duck": ("duck",),
    "octopus": ("octopus",),
    "turtle": ("turtle", "tortoise"),
    "frog": ("frog",),
    "panda": ("panda",),
    "robot": ("robot",),
    "alien": ("alien",),
    "ghost": ("ghost",),
    "astronaut": ("astronaut",),
    "dinosaur": ("dinosaur", "t-rex"),
    "dragon": ("dragon",),
    "fox": ("fox",),
    "monkey": ("monkey",),
    "lion": ("lion",),
    "koala": ("koala",),
    "pig": ("pig", "piglet"),
    "owl": ("owl",),
    "snowman": ("snowman",),
    "whale": ("whale",),
    "butterfly": ("butterfly",),
    "bee": ("bee",),
}
VEHICLES = {
    "skateboard": ("skateboard",),
    "bicycle": ("bicycle", "bike"),
    "car": ("car",),
    "rocket": ("rocket", "spaceship"),
    "sailboat": ("sailboat", "boat"),
    "scooter": ("scooter",),
    "flying saucer": ("flying saucer", "ufo"),
    "tractor": ("tractor",),
}
OBJECTS = {
    "pizza": ("pizza", "slice of pizza"),
    "cake": ("cake", "birthday cake"),
    "apple": ("apple",),
    "pumpkin": ("pumpkin",),
    "guitar": ("guitar",),
    "balloon": ("balloon",),
    "tree": ("tree",),
    "cactus": ("cactus",),
    "mushroom": ("mushroom",),
    "sunflower": ("sunflower",),
    "crown": ("crown",),
    "top hat": ("top hat", "hat"),
    "rainbow": ("rainbow",),
    "palm tree": ("palm tree",),
    "umbrella": ("umbrella",),
    "banana": ("banana",),
    "strawberry": ("strawberry",),
    "hamburger": ("hamburger", "burger"),
    "doughnut": ("doughnut", "donut"),
    "gift": ("gift", "present"),
    "football": ("football", "soccer ball", "ball"),
    "teddy bear": ("teddy bear", "teddy"),
    "castle": ("castle",),
    "house": ("house",),
    "drum": ("drum",),
    "camera": ("camera",),
    "rose": ("rose",),
    "star": ("star",),
}
THINGS = BEINGS | VEHICLES | OBJECTS
MOUNTS = ("horse", "elephant")  # beings that others ride
PAINTABLE = ("car", "balloon", "mushroom", "rose", "umbrella", "tractor", "bicycle", "star")

WHERE = {
    "space": ("in space", "in outer space"),
    "beach": ("at the beach", "on the beach"),
    "meadow": ("in a meadow", "on the grass"),
    "snow": ("in the snow",),
    "sunset": ("at sunset",),
    "sea": ("at sea", "on the sea"),
    "desert": ("in the desert",),
    "forest": ("in a forest", "in the woods"),
    "city": ("in the city", "in a city at night"),
    "mountains": ("in the mountains",),
    "underwater": ("underwater", "under water"),
    "moon": ("on the moon",),
} | {colour: (f"on a {colour} background",) for colour in COLOURS}
SIZES = {"small": ("small", "little", "tiny"), "large": ("big", "large", "huge")}
SETTINGS = tuple(WHERE)


@dataclass(frozen=True)
class Scene:
    """What a picture shows. `relation` is "alone", "riding" or "beside"; `partner` is None when alone.

    `size` ("small", "large" or "") is of a thing alone; `colour` is the paint of the paintable
    thing among the two, or "" for its own.
    """

    thing: str
    setting: str
    relation: str = "alone"
    partner: str | None = None
    size: str = ""
    colour: str = ""

    def __post_init__(self):
        for name in (self.thing, self.partner):
            if name is not None and name not in THINGS:
                raise ValueError(f"Unknown thing {name!r}; the pocket world has {', '.join(THINGS)}.")
        if self.setting not in WHERE:
            raise ValueError(f"Unknown setting {self.setting!r}; the pocket world has {', '.join(WHERE)}.")

    @property
    def held_out(self) -> bool:
        """Whether this composition (thing, relation, partner, setting) is kept from training: one in eight pairs."""
        if self.partner is None:
            return False
        key = f"{self.thing} {self.relation} {self.partner} {self.setting}"
        return zlib.crc32(key.encode()) % 8 == 0


def sample_scene(rng: np.random.Generator) -> Scene:
    """A random scene: two in five of one thing, two in five of riders, one in five of a pair side by side."""
    # plain colours are one setting in three
    setting = str(rng.choice(list(COLOURS) if rng.random() < 1 / 3 else list(PLACES)))
    kind = rng.random()
    if kind < 0.4:
        thing, relation, partner = str(rng.choice(list(THINGS))), "alone", None
    elif kind < 0.8:
        partner = str(rng.choice([*VEHICLES, *MOUNTS]))
        thing, relation = str(rng.choice([being for being in BEINGS if being != partner])), "riding"
    else:
        thing = str(rng.choice(list(BEINGS)))
        partner, relation = str(rng.choice([other for other in THINGS if other != thing])), "beside"
    painted = thing in PAINTABLE or partner in PAINTABLE
    return Scene(
        thing,
        setting,
        relation,
        partner,
        size=str(rng.choice(["", "", *SIZES])) if relation == "alone" else "",
        colour=str(rng.choice(["red", "blue", "green", "yellow", "purple"])) if painted and rng.random() < 0.5 else "",
    )


def sample_training_scene(rng: np.random.Generator) -> Scene:
    """A random scene that is not held out."""
    while (scene := sample_scene(rng)).held_out:
        pass
    return scene


@functools.cache
def _sprite(thing: str, colour: str) -> Image.Image:
    sprite = Image.open(SPRITES / f"{thing.replace(' ', '_')}.webp").convert("RGBA")
    if not colour:
        return sprite
    # turn the hue so that the sprite's most common saturated one becomes the colour's; alpha stays
    hue, saturation, value = (np.array(band) for band in sprite.convert("RGB").convert("HSV").split())
    vivid = (saturation > 120) & (np.array(sprite.getchannel("A")) > 200)
    own = np.bincount(hue[vivid] // 8, minlength=32).argmax() * 8 + 4
    wanted = int(255 * colorsys.rgb_to_hsv(*(c / 255 for c in COLOURS[colour]))[0])
    hue = (hue.astype(int) + wanted - own) % 256
    painted = Image.merge("HSV", [Image.fromarray(b.astype(np.uint8)) for b in (hue, saturation, value)])
    painted = painted.convert("RGB")
    painted.putalpha(sprite.getchannel("A"))
    return painted


def _put(picture: Image.Image, scene: Scene, thing: str, width: float, x: float, y: float, rng) -> None:
    """Paste the thing, `width` wide and centred on (x, y), all in parts of the picture's width."""
    side = round(width * picture.width)
    sprite = _sprite(thing, scene.colour if thing in PAINTABLE else "").resize((side, side), Image.Resampling.BILINEAR)
    if rng.random() < 0.5:
        sprite = sprite.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    corner = (round(x * picture.width - side / 2), round(y * picture.width - side / 2))
    picture.paste(sprite, corner, sprite)


def draw(scene: Scene, size: int, rng: np.random.Generator) -> np.ndarray:
    """A picture of the scene, uint8 (size, size, 3); `rng` chooses places, sides and the backdrop's details."""
    picture = draw_backdrop(scene.setting, size, rng)
    partner = scene.partner or ""  # there is one in what follows
    jitter = lambda reach: rng.uniform(-reach, reach)  # noqa: E731
    if scene.relation == "alone":
        width = {"small": rng.uniform(0.3, 0.4), "large": rng.uniform(0.8, 0.9), "": rng.uniform(0.55, 0.75)}
        _put(picture, scene, scene.thing, width[scene.size], 0.5 + jitter(0.08), 0.53 + jitter(0.05), rng)
    elif scene.relation == "riding":
        x = 0.5 + jitter(0.06)
        _put(picture, scene, partner, rng.uniform(0.5, 0.6), x, 0.72, rng)
        _put(picture, scene, scene.thing, rng.uniform(0.42, 0.5), x + jitter(0.03), 0.37, rng)
    else:
        _put(picture, scene, scene.thing, rng.uniform(0.4, 0.48), 0.27 + jitter(0.02), 0.58 + jitter(0.05), rng)
        _put(picture, scene, partner, rng.uniform(0.4, 0.48), 0.74 + jitter(0.02), 0.58 + jitter(0.05), rng)
    return np.asarray(picture)


def _phrase(scene: Scene, thing: str, rng) -> str:
    words = [str(rng.choice(THINGS[thing]))]
    if thing in PAINTABLE and scene.colour:
        words.insert(0, scene.colour)
    if scene.size:
        words.insert(0, str(rng.choice(SIZES[scene.size])))
    article = "an" if words[0][0] in "aeio" or words[0] == "umbrella" else "a"
    return " ".join([article, *words])


def caption(scene: Scene, rng: np.random.Generator) -> str:
    """One of the ways to tell the scene, e.g. "a puppy riding a bike at the beach"."""
    thing, partner = _phrase(scene, scene.thing, rng), scene.partner or ""
    where = str(rng.choice(WHERE[scene.setting]))
    if scene.relation == "riding":
        verb = str(rng.choice(["on", "riding"]))
        thing = f"{thing} {verb} {_phrase(scene, partner, rng)}"
    elif scene.relation == "beside":
        verb = str(rng.choice(["next to", "beside", "and"]))
        thing = f"{thing} {verb} {_phrase(scene, partner, rng)}"
    form = rng.random()
    if form < 0.1:
        return thing
    return f"{where}, {thing}" if form < 0.2 else f"{thing} {where}"
