"""Measure the second edition: `python -m helpers.pocket.second.evaluate`, a table and sheets of pictures, unpicked.

Measured are, at the model's own settings: pictures of held-out scenes from words alone, beside the same scenes drawn by
the world and restored by the autoencoder; whether sizes and colours are as words say; and things painted into
photographs that were never trained on, each into a hole of a quarter of the picture.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from helpers import StableDiffusion, load_image
from helpers.models.pocket.inpainting import SIZE
from helpers.pictures.masks import make_mask
from helpers.pictures.strips import strip
from helpers.pocket.data import psnr
from helpers.pocket.evaluate import generate, table
from helpers.pocket.judge import colours_obeyed, judge, sizes_obeyed, summary
from helpers.pocket.matching import find
from helpers.pocket.measures import mean_distance, seam, sharpness
from helpers.pocket.second.data import drawn_scenes
from helpers.pocket.world.captions import caption
from helpers.pocket.world.photographs import HELD_OUT, photographs
from helpers.pocket.world.scenes import Scene, draw
from helpers.pocket.world.things import PAINTABLE, PAINTS, THINGS
from helpers.recipes.files import save_image

HOLE = SIZE // 2  # pixels of a hole's side: a quarter of the picture


def from_words(model: StableDiffusion, count: int) -> tuple[dict, np.ndarray]:
    """The figures of pictures of so many held-out scenes, and a sheet of the first 32."""
    scenes = drawn_scenes(count)
    rng = np.random.default_rng(0)
    drawn = generate(model, [caption(scene, rng, full=True) for scene in scenes])
    real = np.stack([draw(scene, SIZE, np.random.default_rng([1, n])) for n, scene in enumerate(scenes)])
    restored = np.concatenate([model.decode(model.encode_image(picture)) for picture in real])
    figures: dict = {"pictures": len(scenes), "drawn by the model": summary(judge(drawn, scenes))}
    figures["restored by the autoencoder"] = summary(judge(restored, scenes))
    figures["drawn by the world"] = summary(judge(real, scenes))
    figures["restored, PSNR"] = psnr(restored, real)
    figures["restored, sharpness / world's"] = sharpness(restored) / sharpness(real)
    figures["drawn, sharpness / world's"] = sharpness(drawn) / sharpness(real)
    few = scenes[: max(1, min(8, count // 8))]
    same = [generate(model, [caption(scene, rng, full=True)] * 8) for scene in few]
    worlds = [np.stack([draw(scene, SIZE, np.random.default_rng([3, n])) for n in range(8)]) for scene in few]
    apart, apart_in_world = (np.mean([mean_distance(each) for each in several]) for several in (same, worlds))
    figures["eight seeds / world's"] = float(apart / apart_in_world)
    return figures, strip(drawn[:32], columns=8)


def as_told(model: StableDiffusion, count: int) -> dict:
    """The shares of so many pictures in which a size is as told, and of so many in which a colour is."""
    figures: dict = {}
    for what, options, judged in (("size", ("small", "large"), sizes_obeyed), ("colour", PAINTS, colours_obeyed)):
        scenes = []
        for n in range(count):  # each thing in its setting, and in other sizes and colours from turn to turn
            turn, thing = divmod(n, len(PAINTABLE))
            option = options[(turn + thing) % len(options)]
            scenes.append(Scene(PAINTABLE[thing], ("white", "meadow")[thing < 7], **{what: option}))
        drawn = generate(model, [caption(scene, np.random.default_rng(n), full=True) for n, scene in enumerate(scenes)])
        real = np.stack([draw(scene, SIZE, np.random.default_rng([4, n])) for n, scene in enumerate(scenes)])
        figures |= {f"{what}, drawn by the model": judged(drawn, scenes), f"{what}, by the world": judged(real, scenes)}
    return figures


def into_photographs(model: StableDiffusion, count: int) -> tuple[dict, np.ndarray]:
    """The figures of things painted into so many photographs, and a sheet: each photograph over what became of it."""
    rng = np.random.default_rng(7)
    things = rng.permutation(list(THINGS))
    paths = photographs(HELD_OUT)
    pairs, found, seams = [], [], []
    for number in tqdm(range(count), "into photographs", unit="picture"):
        photo, thing = load_image(paths[number % len(paths)]), str(things[number % len(things)])
        left, bottom = (int(edge) for edge in rng.integers(SIZE - HOLE + 1, size=2))
        mask = make_mask(photo.shape, left, left + HOLE, bottom, bottom + HOLE)
        prompt = caption(Scene(thing, "photo"), rng)
        picture = model.inpaint(prompt, photo, mask, seed=number, verbose=False)[0]
        top = SIZE - bottom - HOLE
        found.append(find(picture, thing, within=(left, top, left + HOLE, top + HOLE)).correlation)
        seams.append((seam(picture, mask), seam(photo, mask)))
        pairs.append(np.concatenate([photo, picture]))
    after, before = np.mean(seams, axis=0)
    correlations = np.array(found)
    figures = {
        "photographs": count,
        "things over 0.7": float((correlations > 0.7).mean()),
        "median": float(np.median(correlations)),
        "seam / photographs' own": float(after / before),
    }
    return figures, strip(pairs, columns=6)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m helpers.pocket.second.evaluate", description=__doc__)
    parser.add_argument("--samples", type=int, default=300, help="held-out scenes to draw")
    parser.add_argument("--told", type=int, default=42, help="pictures to draw of a size, and of a colour")
    parser.add_argument("--photographs", type=int, default=30, help="photographs to paint things into")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--sheets", type=Path, help="write words.png and photographs.png to this folder")
    args = parser.parse_args()
    model = StableDiffusion("pocket-inpainting")
    words, words_sheet = from_words(model, args.samples)
    told = as_told(model, args.told)
    photos, photos_sheet = into_photographs(model, args.photographs)
    figures = {"from words alone": words, "as told": told, "into photographs": photos}
    print(table(figures))
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    if args.sheets:
        args.sheets.mkdir(parents=True, exist_ok=True)
        save_image(words_sheet, args.sheets / "words.png")
        save_image(photos_sheet, args.sheets / "photographs.png")


if __name__ == "__main__":
    main()
