"""The things of the pocket world: their names, what they can do, and their sprites."""

from __future__ import annotations

import colorsys
import functools
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

SPRITES = Path(__file__).parents[3] / "assets" / "sprites"
SIDE = 256  # pixels of a sprite, in width and height

# Every name that a thing goes by; the first is the sprite's own, with spaces.
BEINGS = {
    "dog": ("dog", "puppy", "golden retriever"),
    "cat": ("cat", "kitten", "kitty"),
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
    "bird": ("bird",),
    "fish": ("fish",),
    "bear": ("bear", "brown bear"),
    "cow": ("cow",),
    "sheep": ("sheep", "lamb"),
    "chicken": ("chicken", "rooster"),
    "woman": ("woman", "lady", "girl"),
    "man": ("man", "guy", "boy"),
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
    "plane": ("plane", "airplane"),
    "train": ("train", "locomotive"),
    "bus": ("bus",),
    "motorcycle": ("motorcycle", "motorbike"),
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
    "flower": ("flower", "daisy"),
    "sun": ("sun",),
    "crescent moon": ("crescent moon", "moon"),
    "heart": ("heart",),
    "book": ("book", "open book"),
    "ice cream": ("ice cream", "ice cream cone"),
}
THINGS = BEINGS | VEHICLES | OBJECTS
MOUNTS = ("horse", "elephant", "cow", "turtle")  # beings that others ride
FLYING = (
    *("rocket", "flying saucer", "plane", "balloon", "bee", "butterfly", "bird", "parrot", "ghost"),
    *("rainbow", "star", "sun", "crescent moon", "heart"),
)
PAINTS = ("red", "blue", "green", "yellow", "purple", "orange", "pink")
PAINTABLE = (
    *("car", "balloon", "mushroom", "rose", "umbrella", "tractor", "bicycle", "star"),
    *("motorcycle", "fish", "bird", "heart", "rocket", "apple"),
)
# hue 0…255 of what the paints look like
HUES = {
    paint: round(255 * colorsys.rgb_to_hsv(*rgb)[0])
    for paint, rgb in {
        "red": (0.86, 0.15, 0.15),
        "blue": (0.2, 0.45, 0.9),
        "green": (0.25, 0.7, 0.3),
        "yellow": (0.95, 0.8, 0.2),
        "purple": (0.55, 0.3, 0.8),
        "orange": (0.95, 0.55, 0.15),
        "pink": (0.95, 0.4, 0.65),
    }.items()
}

# Where on a vehicle (in parts of its sprite's side, when not mirrored) a rider's feet are, and how wide the rider is.
SEATS = {
    "skateboard": (0.5, 0.62, 0.85),
    "bicycle": (0.57, 0.49, 0.72),
    "car": (0.56, 0.41, 0.75),
    "rocket": (0.37, 0.44, 0.58),
    "sailboat": (0.74, 0.68, 0.55),
    "scooter": (0.60, 0.83, 0.72),
    "flying saucer": (0.48, 0.34, 0.75),
    "tractor": (0.60, 0.30, 0.75),
    "plane": (0.40, 0.42, 0.55),
    "train": (0.60, 0.15, 0.75),
    "bus": (0.50, 0.23, 0.75),
    "motorcycle": (0.60, 0.52, 0.75),
    "horse": (0.58, 0.43, 0.62),
    "elephant": (0.60, 0.34, 0.75),
    "cow": (0.55, 0.38, 0.75),
    "turtle": (0.50, 0.46, 0.75),
}


class Footing(NamedTuple):
    """Where a sprite meets the ground, in parts of its side: from `left` to `right`, at `bottom`."""

    left: float
    right: float
    bottom: float


@functools.cache
def sprite(thing: str, paint: str = "") -> Image.Image:
    """The thing's picture, RGBA, 256 × 256 pixels; `paint` is one of `PAINTS`, or "" for its own colour."""
    picture = Image.open(SPRITES / f"{thing.replace(' ', '_')}.webp").convert("RGBA")
    if thing == "skateboard":  # shown diagonally; level, one can stand on it
        picture = picture.rotate(-44, Image.Resampling.BICUBIC, expand=True)
        picture = picture.crop(picture.getchannel("A").getbbox())
        level = Image.new("RGBA", (SIDE, SIDE))
        height = round(224 * picture.height / picture.width)
        level.paste(picture.resize((224, height), Image.Resampling.LANCZOS), (16, 240 - height))
        picture = level
    return _painted(picture, HUES[paint]) if paint else picture


def _painted(picture: Image.Image, wanted: int) -> Image.Image:
    """The picture with its commonest saturated hue, and those near it, turned to `wanted` (0…255)."""
    hue, saturation, value = (np.array(band) for band in picture.convert("RGB").convert("HSV").split())
    vivid = (saturation > 120) & (np.array(picture.getchannel("A")) > 200)
    own = np.bincount(hue[vivid] // 8, minlength=32).argmax() * 8 + 4
    away = np.abs((hue.astype(int) - own + 128) % 256 - 128)
    near = np.clip((64 - away) / 20, 0, 1)  # windows and leaves keep their colour
    turn = (wanted - own + 128) % 256 - 128
    turned = ((hue + np.round(near * turn).astype(int)) % 256).astype(np.uint8)
    painted = Image.merge("HSV", [Image.fromarray(band) for band in (turned, saturation, value)]).convert("RGB")
    painted.putalpha(picture.getchannel("A"))
    return painted


@functools.cache
def footing(thing: str) -> Footing:
    """What of the thing's sprite stands on the ground: the extent of its lowest sixteenth."""
    solid = np.asarray(sprite(thing).getchannel("A")) > 128
    rows = np.flatnonzero(solid.any(axis=1))
    columns = np.flatnonzero(solid[rows[-1] - SIDE // 16 : rows[-1] + 1].any(axis=0))
    return Footing(columns[0] / SIDE, (columns[-1] + 1) / SIDE, (rows[-1] + 1) / SIDE)
