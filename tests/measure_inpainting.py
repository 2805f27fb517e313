"""Measure inpainting on the pocket model: `python -m tests.measure_inpainting`, a table.

Riders of scenes are masked and repainted as others. Compared are `inpaint` and the algorithm that KerasCV had
until version 0.4, written here anew from its description with the defects that it had.
"""

import argparse
import time

import numpy as np
from tqdm.auto import tqdm

from helpers import StableDiffusion, denoising
from helpers.diffusion.schedule import signal_sigma
from helpers.pictures.masks import make_mask
from helpers.pocket import scenes
from helpers.pocket.classifier import labels, load_classifier
from helpers.pocket.evaluate import draw_real, full_caption, with_other_riders
from helpers.pocket.measures import seam
from helpers.recipes.recipe import Recipe

STEPS = 20
GUIDANCE = 7.5


def keras_cv_inpaint(model, prompt, photo, mask, num_resamples, seed):
    """The removed algorithm: what it put its new noise on was not what the UNet saw next; no pixel was put back."""
    rng = np.random.default_rng(seed)
    known = model.encode_image(photo)
    # its pooling of the mask kept a cell if any of its pixels was to be kept
    keep = mask.reshape(16, 8, 16, 8).max(axis=(1, 3))[..., None]
    recipe = Recipe(num_steps=STEPS, unconditional_guidance_scale=GUIDANCE, seed=seed, sampler="ddim")
    start = denoising.start(model.networks, model.encode_text(prompt), recipe, None, (0, 999), 1)
    latent, denoiser = start.latent, start.denoiser
    timesteps = list(range(1, 1000, 1000 // STEPS))[::-1]
    for timestep, following in zip(timesteps, [*timesteps[1:], None]):
        signal, sigma = signal_sigma(timestep)
        next_signal, next_sigma = signal_sigma(following)
        before = latent
        for resample in range(num_resamples):
            noise = denoiser(latent, timestep)
            x0 = (before - sigma * noise) / signal
            latent = next_signal * x0 + next_sigma * noise
            fresh = rng.standard_normal(known.shape, np.float32)
            latent = np.where(keep, next_signal * known + next_sigma * fresh, latent).astype(np.float32)
            if resample < num_resamples - 1 and following is not None:
                ratio = signal / next_signal
                fresh = rng.standard_normal(known.shape, np.float32)
                before = (ratio * latent + np.sqrt(1 - ratio**2) * fresh).astype(np.float32)
    return model.decode(latent)[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    count = parser.parse_args().count
    model, classifier = StableDiffusion("pocket"), load_classifier()
    rng = np.random.default_rng(0)
    before = []
    while len(before) < count:
        if (scene := scenes.sample_scene(rng)).relation == "riding":
            before.append(scene)
    after = with_other_riders(before, rng)
    photos, wanted = draw_real(before, seed=1), labels(after)
    prompts = [full_caption(scene, rng) for scene in after]
    # the edges of the hole vary, so that they meet the latent's cells in every way
    masks = [
        make_mask(photos.shape[1:], *rng.integers((12, 104), (25, 117)), *rng.integers((44, 114), (53, 127)))
        for _ in range(count)
    ]

    def ours(n):
        return lambda *args: model.inpaint(*args[:3], None, n, 1, STEPS, GUIDANCE, seed=args[3], verbose=False)[0]

    def theirs(n):
        return lambda *args: keras_cv_inpaint(model, *args[:3], n, args[3])

    arms = {
        "inpaint, 1 resample": ours(1),
        "inpaint, 5 resamples": ours(5),
        "inpaint, 10 resamples": ours(10),
        "KerasCV's, 1 resample": theirs(1),
        "KerasCV's, 5 resamples": theirs(5),
    }
    results = {name: [] for name in arms}
    for seed in tqdm(range(count)):
        for name, arm in arms.items():
            results[name].append(arm(prompts[seed], photos[seed], masks[seed], seed))

    print(f"{count} photos, {STEPS} steps; kept pixels changed; seam, 0…255; right thing; right partner and setting")
    own = np.mean([seam(photo, mask) for photo, mask in zip(photos, masks)])
    print(f"{'the photos themselves':26}{'':>10}{own:8.2f}")
    for name, pictures in results.items():
        kept = np.mean([(p != q).any(axis=2)[m == 1].mean() for p, q, m in zip(pictures, photos, masks)])
        edge = np.mean([seam(picture, mask) for picture, mask in zip(pictures, masks)])
        right = (classifier.read(np.stack(pictures)).labels == wanted).mean(axis=0)
        print(f"{name:26}{kept:10.1%}{edge:8.2f}{right[0]:8.0%}{right[1]:8.0%}{right[2]:8.0%}")

    context = model.encode_text(prompts[0])
    seconds = {"inpainting": [], "text to image": []}
    for _ in range(7):  # alternating, because machines are noisy
        for name, steps in (
            ("inpainting", model.denoise_hole(context, photos[0], masks[0], num_steps=STEPS, seed=1)),
            ("text to image", model.denoise(context, num_steps=STEPS, seed=1)),
        ):
            begin = time.perf_counter()
            for _ in steps:
                pass
            seconds[name].append((time.perf_counter() - begin) / STEPS)
    ratio = np.median(seconds["inpainting"]) / np.median(seconds["text to image"])
    print(f"an inpainting step takes {ratio:.3f} times a text-to-image step")


if __name__ == "__main__":
    main()
