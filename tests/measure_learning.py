"""How well a thing is learned: `python -m tests.measure_learning` teaches ten unseen things to the pocket model.

Each is shown on five backdrops, learned for `--seconds`, and then asked for where it was shown and where it was not.
Told are the share of pictures in which its own sprite correlates over 0.7, by `helpers.pocket.matching`, and how many
of held-out scenes the classifier reads right before and after.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from helpers import StableDiffusion
from helpers.pictures.strips import strip
from helpers.pocket.classifier import labels, load_classifier, shares
from helpers.pocket.data import held_out_scenes
from helpers.pocket.evaluate import full_caption, generate
from helpers.pocket.matching import find
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
ALONE = ["a {} in the snow", "a {} in space", "a {} at sunset", "a {} on a purple background"]
TOGETHER = [
    "a {} riding a skateboard in space",
    "a {} riding a bicycle at the beach",
    "a {} on a horse in the desert",
    "a {} next to a pizza on a pink background",
]
KEEP = ["a dog in a meadow", "a cat riding a bicycle at the beach", "a robot in space", "a car on a red background"]


def taught(model, thing: str, args):
    """The learning after its time, and the seconds that its first step took."""
    rng = np.random.default_rng(args.seed)
    pictures = [draw_unseen(thing, setting, rng) for setting in SHOWN]
    options = dict(word=f"<{thing}>", like=LIKE[thing], prompts=[*SHOWN.values()], seed=args.seed)
    options |= dict(batch_size=args.batch, learning_rate=args.rate)
    if args.method == "lora":
        options |= dict(rank=args.rank, text_encoder=args.text_encoder, keep=KEEP if args.keep else ())
        learning = lora(model, pictures, **options)
    else:
        learning = textual_inversion(model, pictures, **options)
    until = time.perf_counter() + args.seconds
    for _ in learning.steps(100_000):
        if time.perf_counter() > until:
            break
    return learning, learning.number


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
    parser.add_argument("--keep", action="store_true", help="prior preservation, of four prompts")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--samples", type=int, default=60, help="held-out scenes to draw before and after")
    parser.add_argument("--sheets", type=Path, help="a folder for a sheet of each thing")
    args = parser.parse_args()

    model, classifier = StableDiffusion("pocket"), load_classifier()
    scenes, rng = held_out_scenes(args.samples, seed=0), np.random.default_rng(0)
    prompts = [full_caption(scene, rng) for scene in scenes]

    def remembered() -> float:
        drawn = generate(model, prompts, model.checkpoint.drawing.num_steps, model.checkpoint.drawing.sampler)
        return shares(classifier.read(drawn).labels, labels(scenes))["all"]

    before, rows = remembered(), []
    print(f"{'':<12}{'steps':>7}{'alone':>7}{'together':>10}{'all':>6}{'median':>8}{'kept':>7}")
    with tempfile.TemporaryDirectory() as folder:
        for thing in args.things:
            learning, steps = taught(model, thing, args)
            use(model, learning, thing, args.method, Path(folder))
            pictures, fits = [], []
            for number, prompt in enumerate([*ALONE, *TOGETHER] * 2):
                pictures.append(model.text_to_image(prompt.replace("{}", f"<{thing}>"), seed=number, verbose=False)[0])
                fits.append(find(pictures[-1], f"{FOLDER.name}/{thing}").correlation)
            fits = np.array(fits).reshape(2, 2, 4)
            row = [*(fits.swapaxes(0, 1).reshape(2, 8) > 0.7).mean(1), (fits > 0.7).mean(), np.median(fits)]
            row.append(remembered() - before)
            rows.append(row)
            told = f"{row[0]:>7.0%}{row[1]:>10.0%}{row[2]:>6.0%}{row[3]:>8.2f}{100 * row[4]:>+7.1f}"
            print(f"{thing:<12}{steps:>7}{told}", flush=True)
            if args.sheets:
                args.sheets.mkdir(parents=True, exist_ok=True)
                save_image(strip(pictures, columns=8), args.sheets / f"{thing}.png")
            model.use_loras({})
            model.use_embeddings({})
    mean = np.mean(rows, axis=0)
    told = f"{mean[0]:>7.0%}{mean[1]:>10.0%}{mean[2]:>6.0%}{mean[3]:>8.2f}{100 * mean[4]:>+7.1f}"
    print(f"{'mean':<19}{told}")


if __name__ == "__main__":
    main()
