"""Measure the pocket model: `python -m helpers.pocket.evaluate`, a table of how well it draws what it is told.

Pictures are of held-out compositions, which it was never trained on; a classifier trained on real scenes reads them.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from helpers import StableDiffusion
from helpers.pictures.masks import make_mask
from helpers.pictures.strips import strip
from helpers.pocket import scenes
from helpers.pocket.classifier import labels, load_classifier, shares
from helpers.pocket.data import draw_each, draw_scenes, held_out_scenes, psnr
from helpers.pocket.measures import frechet_distance, mean_distance
from helpers.recipes.files import save_image


def draw_real(chosen: list[scenes.Scene], seed: int) -> np.ndarray:
    """One real picture of each scene: uint8 (N, 128, 128, 3)."""
    return draw_each(chosen, np.random.default_rng(seed))


def generate(model: StableDiffusion, prompts: Sequence[str], batch: int = 10, **options) -> np.ndarray:
    """A picture of each prompt, with seeds 0, 1, 2, …, and the options of `text_to_image`: uint8 (N, H, W, 3)."""
    pictures = []
    for first in tqdm(range(0, len(prompts), batch), "drawing", unit="batch", disable=len(prompts) <= batch):
        part = list(prompts[first : first + batch])
        pictures.append(model.text_to_image(part, batch_size=len(part), seed=first, verbose=False, **options))
    return np.concatenate(pictures)


def evaluate(samples: int) -> tuple[dict, np.ndarray, np.ndarray]:
    """The figures, a sheet of the first 32 held-out prompts, and of the first 8 over the scenes nearest to them."""
    model, classifier = StableDiffusion("pocket"), load_classifier()
    rng = np.random.default_rng(0)
    chosen = held_out_scenes(samples, seed=0)
    prompts = [full_caption(scene, rng) for scene in chosen]
    wanted = labels(chosen)
    figures: dict = {"samples": samples}

    real = draw_real(chosen, seed=1)
    restored = np.concatenate([model.decode(model.encode_image(picture)) for picture in real])
    figures["psnr"] = psnr(restored, real)
    real_reading = classifier.read(real)
    figures["classifier on real scenes"] = shares(real_reading.labels, wanted)
    figures["classifier on restored scenes"] = shares(classifier.read(restored).labels, wanted)

    drawn = generate(model, prompts, num_steps=50, sampler="ddim")
    reading = classifier.read(drawn)
    figures |= shares(reading.labels, wanted)
    few_steps = generate(model, prompts, num_steps=12, sampler="dpm_solver")
    figures["dpm_solver, 12 steps"] = shares(classifier.read(few_steps).labels, wanted)
    others = draw_real(chosen, seed=2)
    figures["frechet"] = frechet_distance(reading.features, real_reading.features)
    figures["frechet of real scenes"] = frechet_distance(classifier.read(others).features, real_reading.features)

    few = chosen[: max(1, min(8, samples // 8))]
    same = [generate(model, [full_caption(scene, rng)] * 8, num_steps=25, sampler="ddim") for scene in few]
    figures["diversity"] = float(np.mean([mean_distance(each) for each in same]))
    figures["diversity of real scenes"] = float(np.mean([mean_distance(draw_real([s] * 8, seed=3)) for s in few]))
    figures["inpainted samples"] = max(1, samples // 3)
    figures["inpainted"] = inpaint_others(model, classifier, figures["inpainted samples"])
    return figures, strip(drawn[:32], columns=8, gap=2), nearest_scenes(classifier, drawn[:8])


def nearest_scenes(classifier, drawn: np.ndarray, count: int = 4000) -> np.ndarray:
    """A sheet of pictures, and below each the nearest of the first training scenes, by the classifier's features."""
    _, trained_on = draw_scenes(count, seed=1)
    known = classifier.read(trained_on).features
    distances = [np.linalg.norm(known - each, axis=1) for each in classifier.read(drawn).features]
    nearest = trained_on[[each.argmin() for each in distances]]
    return strip([*drawn, *nearest], columns=len(drawn), gap=2)


def full_caption(scene: scenes.Scene, rng: np.random.Generator) -> str:
    """A caption that says the setting as well, which one in ten leaves open."""
    while True:
        caption = scenes.caption(scene, rng)
        if any(where in caption for where in scenes.WHERE[scene.setting]):
            return caption


def with_other_riders(riding: list[scenes.Scene], rng: np.random.Generator) -> list[scenes.Scene]:
    """The scenes, each with another being in its thing's place."""
    others = [str(rng.choice([b for b in scenes.BEINGS if b not in (s.thing, s.partner)])) for s in riding]
    return [dataclasses.replace(scene, thing=other) for scene, other in zip(riding, others)]


def inpaint_others(model, classifier, count: int) -> dict[str, float]:
    """Riders of held-out scenes, masked and repainted as others: the shares of right answers."""
    rng = np.random.default_rng(5)
    before = [scene for scene in held_out_scenes(4 * count, seed=4) if scene.relation == "riding"][:count]
    after = with_other_riders(before, rng)
    mask = make_mask((128, 128), 20, 108, 48, 120)  # wherever a rider can be, and some air
    repainted = [
        model.inpaint(full_caption(scene, rng), photo, mask, num_resamples=3, seed=seed, verbose=False)[0]
        for seed, (scene, photo) in enumerate(zip(tqdm(after, "inpainting"), draw_real(before, seed=6)))
    ]
    return shares(classifier.read(np.stack(repainted)).labels, labels(after))


def table(figures: dict, indent: str = "") -> str:
    """The figures as lines of text."""
    lines = []
    for name, value in figures.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}", table(value, indent + "  ")]
        else:
            lines.append(
                f"{indent}{name:<{32 - len(indent)}}{value:8.3f}"
                if isinstance(value, float)
                else f"{indent}{name:<32}{value:>8}"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m helpers.pocket.evaluate", description=__doc__)
    parser.add_argument("--samples", type=int, default=300, help="held-out prompts to draw")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--sheet", type=Path, help="write the first 32 pictures to this PNG file")
    parser.add_argument("--nearest", type=Path, help="write 8 pictures over their nearest training scenes")
    args = parser.parse_args()
    figures, sheet, nearest = evaluate(args.samples)
    print(table(figures))
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    if args.sheet:
        save_image(sheet, args.sheet)
    if args.nearest:
        save_image(nearest, args.nearest)


if __name__ == "__main__":
    main()
