"""How good few or cheap calls are: `python -m tests.measure_samplers`, a table of the pocket model.

Of held-out prompts, by the classifier all three right at once, and how far the pictures are, in the mean, from
those that a walk of 500 steps from the same noise ends at. Work is counted in UNet evaluations for one picture:
a guided step makes two, one outside the guidance interval makes one, and with reused inner levels it counts as the
measured share of their time.
"""

import argparse
import time

import numpy as np
from tqdm.auto import tqdm

from helpers import StableDiffusion
from helpers.pocket.classifier import labels, load_classifier, shares
from helpers.pocket.data import held_out_scenes
from helpers.pocket.evaluate import full_caption

BATCH = 10
ALL = (0, 999)
# sampler, steps, guidance interval, calls in turn that share inner levels, token down-sampling
ARMS = [
    *[("ddim", steps, ALL, 1, 1) for steps in (10, 12, 20, 50)],
    *[("ddim_trailing", steps, ALL, 1, 1) for steps in (5, 10, 20)],
    *[("dpm_solver", steps, ALL, 1, 1) for steps in (5, 8, 10, 12, 15, 20)],
    *[("dpm_solver", 12, (lowest, 999), 1, 1) for lowest in (50, 200, 400)],
    *[("dpm_solver", 12, (0, highest), 1, 1) for highest in (900, 700)],
    *[("dpm_solver", 20, ALL, every, 1) for every in (2, 3)],
    *[("ddim", 50, ALL, every, 1) for every in (2, 3, 5)],
    *[("dpm_solver", 12, ALL, 1, downsampling) for downsampling in (2, 4)],
]


def counted(token_downsampling):
    """A model with the UNet evaluations that it makes, by the network's name, in its `counts`."""
    model = StableDiffusion("pocket", token_downsampling=token_downsampling)
    model.counts, current = {}, model.networks.current

    def counting(name):
        def run(*arrays):
            model.counts[name] = model.counts.get(name, 0) + len(arrays[0])
            return current(name)(*arrays)

        return run

    model.networks.current = counting
    return model


def drawn(model, contexts, guidance, sampler, steps, interval, every) -> tuple[np.ndarray, dict]:
    model.guidance_interval, model.reuse_every, model.counts = interval, every, {}
    options = dict(unconditional_guidance_scale=guidance, num_steps=steps, sampler=sampler, verbose=False)
    parts = range(0, len(contexts), BATCH)
    pictures = [model.generate_image(contexts[i : i + BATCH], batch_size=BATCH, seed=i, **options) for i in parts]
    return np.concatenate(pictures), model.counts


def shallow_share(model, contexts) -> float:
    """The time of the outermost level alone, as a share of the whole UNet's; the two are called in turn."""
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((2 * BATCH, *shape), np.float32) for shape in ((16, 16, 4), (320,))]
    arrays.append(np.concatenate([contexts[:BATCH]] * 2))
    _, deep = model.run("deep_diffusion_model", *arrays)
    seconds = {"deep": [], "shallow": []}
    for _ in range(9):
        for name, extra in (("deep", []), ("shallow", [deep])):
            begin = time.perf_counter()
            model.run(f"{name}_diffusion_model", *arrays, *extra)
            seconds[name].append(time.perf_counter() - begin)
    return np.median(seconds["shallow"]) / np.median(seconds["deep"])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="prompts, in tens")
    parser.add_argument("--guidance", type=float, default=7.5)
    args = parser.parse_args()
    models = {number: counted(number) for number in (1, 2, 4)}
    model, classifier = models[1], load_classifier()
    chosen, rng = held_out_scenes(args.count, seed=1), np.random.default_rng(0)
    contexts = np.concatenate([model.encode_text(full_caption(scene, rng)) for scene in chosen])
    few = contexts[: max(BATCH, args.count // 5 // BATCH * BATCH)]
    share = shallow_share(model, contexts)
    limit, _ = drawn(model, few, args.guidance, "ddim_trailing", 500, ALL, 1)
    print(f"{args.count} prompts, distance of {len(few)}; guidance {args.guidance}; the outermost level {share:.0%}")
    headings = f"{'sampler':14}{'steps':>6}{'guided at':>11}{'reuse':>7}{'tokens':>8}"
    print(f"{headings}{'evaluations':>13}{'all right':>11}{'distance':>10}")
    for sampler, steps, interval, every, downsampling in tqdm(ARMS):
        pictures, counts = drawn(models[downsampling], contexts, args.guidance, sampler, steps, interval, every)
        work = counts.get("diffusion_model", 0) + counts.get("deep_diffusion_model", 0)
        work = (work + share * counts.get("shallow_diffusion_model", 0)) / args.count
        right = shares(classifier.read(pictures).labels, labels(chosen))["all"]
        distance = np.sqrt(np.mean((pictures[: len(few)].astype(float) - limit) ** 2, axis=(1, 2, 3))).mean()
        guided, tokens = "{}…{}".format(*interval), f"1/{downsampling**2}"
        line = f"{sampler:14}{steps:>6}{guided:>11}{every:>7}{tokens:>8}{work:>13.1f}{right:>11.0%}{distance:>10.1f}"
        tqdm.write(line)


if __name__ == "__main__":
    main()
