"""How well a thing is learned: `python -m tests.measure_learning` teaches ten unseen things to the pocket model.

Each is shown on five backdrops, learned for `--seconds` from the end of its first step, which compiles, as `watch` does
it, and then asked for where it was shown and where it was not. Told are the share of pictures that are nearest, among
real scenes of twenty sprites, to those of its own, by the classifier's features; the share in which its sprite's
correlation is over 0.7, by `helpers.pocket.matching`, and the median of that; and how many of held-out scenes the
classifier reads right, after less before.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

import numpy as np

from helpers import StableDiffusion
from helpers.pictures.strips import strip
from helpers.pocket.classifier import labels, load_classifier, shares
from helpers.pocket.data import held_out_scenes
from helpers.pocket.evaluate import full_caption, generate
from helpers.pocket.matching import find
from helpers.pocket.scenes import THINGS, Scene, caption, draw, sample_training_scene
from helpers.pocket.unseen import FOLDER, SHOWN, UNSEEN, draw_unseen
from helpers.recipes.files import save_image
from helpers.teach.lora import lora
from helpers.teach.textual_inversion import textual_inversion

LIKE = {
    "camel": "horse",
    "crab": "octopus",
    "cupcake": "cake",
    "flamingo": "duck",
    "hedgehog": "rabbit",
    "kangaroo": "rabbit",
    "pineapple": "strawberry",
    "snail": "turtle",
    "teapot": "drum",
    "trophy": "crown",
}
OTHERS = ["octopus", "cake", "duck", "rabbit", "strawberry", "turtle", "drum", "crown", "cow", "penguin"]
ASKED = {  # in which real scenes these would be: setting, relation, partner
    "a {} in the snow": ("snow",),
    "a {} in space": ("space",),
    "a {} at sunset": ("sunset",),
    "a {} on a purple background": ("purple",),
    "a {} riding a skateboard in space": ("space", "riding", "skateboard"),
    "a {} riding a bicycle at the beach": ("beach", "riding", "bicycle"),
    "a {} on a horse in the desert": ("desert", "riding", "horse"),
    "a {} next to a pizza on a pink background": ("pink", "beside", "pizza"),
}
ALONE_WIDTH, TOGETHER_WIDTH = 0.4, 0.3  # the least that a thing's width is of the picture's, as in the pocket world
EXAMPLES = 16  # real scenes of each sprite
# What is kept: so many prompts of the model's own world, these of what the thing is like, and how much they count.
KEEP, KEEP_WEIGHT = 12, 8.0
KEEP_LIKE = "a small {}", "a {} in the desert", "a {} riding a scooter in a city", "a {} next to a cake under water"


def correlation(picture: np.ndarray, thing: str, scene: tuple) -> float:
    """Of its sprite, as wide as things are in such scenes: one of few pixels is like any blot somewhere."""
    smallest = ALONE_WIDTH if len(scene) == 1 else TOGETHER_WIDTH
    return find(picture, f"{FOLDER.name}/{thing}", smallest=smallest).correlation


class Nearest:
    """Which of the unseen things and OTHERS a picture is nearest to, by the mean features of real scenes of each."""

    def __init__(self, classifier):
        self.classifier, self.names = classifier, [*UNSEEN, *OTHERS]
        self.means = {each: self._features(each, 0).mean(1) for each in ASKED.values()}
        others = {each: self._features(each, 1) for each in ASKED.values()}  # real scenes: the bound
        right = [
            self._nearest(features, scene) == number
            for scene, of_each in others.items()
            for number, examples in enumerate(of_each[: len(UNSEEN)])
            for features in examples
        ]
        self.of_real_scenes = float(np.mean(right))

    def _features(self, scene: tuple, seed: int) -> np.ndarray:
        """Of EXAMPLES real scenes of each thing, float32 (20, EXAMPLES, features)."""
        rng, sprites = np.random.default_rng(seed), [f"{FOLDER.name}/{each}" for each in UNSEEN] + OTHERS
        with patch.dict(THINGS, {each: () for each in sprites}):
            pictures = [draw(Scene(each, *scene), 128, rng) for each in sprites for _ in range(EXAMPLES)]
        return self.classifier.read(np.stack(pictures)).features.reshape(len(sprites), EXAMPLES, -1)

    def _nearest(self, features: np.ndarray, scene: tuple) -> int:
        return int(np.linalg.norm(self.means[scene] - features, axis=1).argmin())

    def name(self, picture: np.ndarray, scene: tuple) -> str:
        return self.names[self._nearest(self.classifier.read(picture[None]).features[0], scene)]


def taught(model, thing: str, args):
    """The learning after its time."""
    rng = np.random.default_rng(args.seed)
    pictures = [draw_unseen(thing, setting, rng) for setting in SHOWN]
    options = dict(word=f"<{thing}>", like=LIKE[thing], prompts=[*SHOWN.values()], seed=args.seed)
    options |= dict(batch_size=args.batch, learning_rate=args.rate)
    if args.method == "lora":
        options |= dict(rank=args.rank, text_encoder=args.text_encoder)
        if args.keep:
            own = np.random.default_rng(5)
            keep = [caption(sample_training_scene(own), own) for _ in range(KEEP)]
            keep += [prompt.format(LIKE[thing]) for prompt in KEEP_LIKE]
            options |= dict(keep=keep, keep_weight=KEEP_WEIGHT)
        learning = lora(model, pictures, **options)
    else:
        learning = textual_inversion(model, pictures, **options)
    steps = learning.steps(100_000)
    next(steps)
    until = time.perf_counter() + args.seconds
    for _ in steps:
        if time.perf_counter() > until:
            break
    return learning


def use(model, learning, thing: str, method: str, folder: Path) -> None:
    model.use_embeddings({f"<{thing}>": learning.save_embedding(folder / "word.safetensors")})
    if method == "lora":
        model.use_loras({learning.save_lora(folder / "lora.safetensors"): 1.0})


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.measure_learning", description=__doc__)
    parser.add_argument("--method", choices=["lora", "textual_inversion"], default="lora")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--things", nargs="+", default=UNSEEN)
    parser.add_argument("--rate", type=float, default=1.0, help="times the learning's own learning rates")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rank", type=int, default=4)
    parser.add_argument("--text-encoder", action="store_true")
    parser.add_argument("--keep", action="store_true", help="prior preservation, of sixteen prompts")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--samples", type=int, default=60, help="held-out scenes to draw before and after")
    parser.add_argument("--sheets", type=Path, help="a folder for a sheet of each thing")
    args = parser.parse_args()

    model, classifier = StableDiffusion("pocket"), load_classifier()
    scenes, rng = held_out_scenes(args.samples, seed=0), np.random.default_rng(0)
    prompts = [full_caption(scene, rng) for scene in scenes]

    def remembered() -> float:
        drawn = generate(model, prompts)
        return shares(classifier.read(drawn).labels, labels(scenes))["all"]

    before, rows, nearest = remembered(), [], Nearest(classifier)
    print(f"nearest, of real scenes: {nearest.of_real_scenes:.0%}")
    columns = ["steps", "alone", "together", "nearest", "over 0.7", "median", "kept"]
    print(f"{'':<12}" + "".join(f"{each:>10}" for each in columns))

    def tell(name: str, steps: str, row) -> None:
        shares_told = "".join(f"{each:>10.0%}" for each in row[:4])
        print(f"{name:<12}{steps:>10}{shares_told}{row[4]:>10.2f}{100 * row[5]:>+10.1f}", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        for thing in args.things:
            learning = taught(model, thing, args)
            use(model, learning, thing, args.method, Path(folder))
            pictures, correlations, right = [], [], []
            for number, (prompt, scene) in enumerate([*ASKED.items()] * 2):
                pictures.append(model.text_to_image(prompt.replace("{}", f"<{thing}>"), seed=number, verbose=False)[0])
                correlations.append(correlation(pictures[-1], thing, scene))
                right.append(nearest.name(pictures[-1], scene) == thing)
            together = np.arange(16) % 8 >= 4
            row = [np.mean(right, where=~together), np.mean(right, where=together), np.mean(right)]
            row += [np.mean(np.array(correlations) > 0.7), np.median(correlations), remembered() - before]
            rows.append(row)
            tell(thing, str(learning.number), rows[-1])
            if args.sheets:
                args.sheets.mkdir(parents=True, exist_ok=True)
                save_image(strip(pictures, columns=8), args.sheets / f"{thing}.png")
            model.use_loras({})
            model.use_embeddings({})
    tell("mean", "", np.mean(rows, axis=0))


if __name__ == "__main__":
    main()
