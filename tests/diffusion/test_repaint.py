"""RePaint on denoisers that know the answer: what the UNet is shown, in which order, and what comes out."""

import numpy as np
import pytest
from diffusers import RePaintScheduler

from helpers.diffusion.repaint import renoise, repaint
from helpers.diffusion.samplers import ddim, dpm_solver
from helpers.diffusion.schedule import ALPHAS_CUMPROD, trailing_timesteps

SHAPE = (2, 16, 16, 4)
KEEP = np.zeros((16, 16), bool)
KEEP[:, :8] = True
KNOWN = np.full((1, 16, 16, 4), 3.0, np.float32)
ANSWER = -2.0  # what the denoiser finds in the hole


def rngs(*seeds):
    return [np.random.default_rng(seed) for seed in seeds]


def signal_sigma(timestep):
    return np.sqrt(ALPHAS_CUMPROD[timestep]), np.sqrt(1 - ALPHAS_CUMPROD[timestep])


class Perfect:
    """A denoiser that finds ANSWER everywhere, and remembers what it was shown."""

    def __init__(self):
        self.shown = []

    def __call__(self, latent, timestep):
        self.shown.append((timestep, latent.copy()))
        signal, sigma = signal_sigma(timestep)
        return ((latent - signal * ANSWER) / sigma).astype(np.float32)


def run(num_steps=6, sampler=ddim, seeds=(0, 1), **options):
    denoiser = Perfect()
    sources = rngs(*seeds)
    start = np.stack([rng.standard_normal(SHAPE[1:], np.float32) for rng in sources])
    steps = list(repaint(start, denoiser, trailing_timesteps(num_steps), KNOWN, KEEP, sources, sampler, **options))
    return denoiser.shown, steps


@pytest.mark.parametrize("sampler", [ddim, dpm_solver])
@pytest.mark.parametrize("options", [{}, {"num_resamples": 3}, {"num_resamples": 2, "jump_length": 4}])
def test_the_hole_becomes_what_the_denoiser_finds_and_the_rest_stays(sampler, options):
    shown, steps = run(sampler=sampler, **options)
    for step in steps:
        np.testing.assert_array_equal(step.predicted_x0[:, KEEP], 3.0)
        np.testing.assert_allclose(step.predicted_x0[:, ~KEEP], ANSWER, atol=1e-4)
    np.testing.assert_array_equal(steps[-1].latent[:, KEEP], 3.0)
    np.testing.assert_allclose(steps[-1].latent[:, ~KEEP], ANSWER, atol=1e-4)
    assert len(shown) == len(steps) == 6 * options.get("num_resamples", 1)
    assert [step.timestep for step in steps] == [timestep for timestep, _ in shown]


@pytest.mark.parametrize("options", [{}, {"num_resamples": 3}, {"num_resamples": 3, "jump_length": 3}])
def test_both_parts_are_as_noisy_as_the_timestep_says_at_every_call(options):
    """Also in every resample, where the removed KerasCV code showed the UNet a latent without its new noise."""
    for timestep, latent in run(**options)[0]:
        signal, sigma = signal_sigma(timestep)
        for part, mean in ((latent[:, KEEP], 3 * signal), (latent[:, ~KEEP], ANSWER * signal)):
            assert abs(part.mean() - mean) < 0.15 * sigma  # pure noise to begin with has no signal yet
            assert 0.93 * sigma < part.std() < 1.07 * sigma


def test_noise_is_new_for_each_image_and_call():
    shown, _ = run(num_resamples=2)
    noises = []
    for timestep, latent in shown:
        signal, sigma = signal_sigma(timestep)
        noises += [(image[KEEP] - 3 * signal).ravel() / sigma for image in latent]
    between = np.corrcoef(noises) - np.eye(len(noises))
    assert np.abs(between).max() < 0.2
    # in the hole each resample starts from other noise
    first, again = shown[0][1][:, ~KEEP], shown[1][1][:, ~KEEP]
    assert shown[0][0] == shown[1][0] and np.abs(np.corrcoef(first.ravel(), again.ravel())[0, 1]) < 0.9


def test_one_seed_one_picture():
    together = run(num_resamples=2, jump_length=2, seeds=(4, 5))[0]
    alone = run(num_resamples=2, jump_length=2, seeds=(5,))[0]
    for (_, both), (_, one) in zip(together, alone, strict=True):
        np.testing.assert_array_equal(both[1], one[0])


@pytest.mark.parametrize(
    ("num_steps", "num_resamples", "jump_length", "calls"),
    [
        (3, 1, 1, [0, 1, 2]),
        (3, 2, 1, [0, 0, 1, 1, 2, 2]),
        (5, 2, 2, [0, 0, 1, 2, 1, 2, 3, 4, 3, 4]),
        (4, 2, 10, [0, 1, 2, 3, 0, 1, 2, 3]),
    ],
)
def test_the_order_of_the_walk(num_steps, num_resamples, jump_length, calls):
    shown, _ = run(num_steps, num_resamples=num_resamples, jump_length=jump_length)
    timesteps = trailing_timesteps(num_steps).tolist()
    assert [timesteps.index(timestep) for timestep, _ in shown] == calls


@pytest.mark.parametrize(("num_steps", "jump_length", "num_resamples"), [(12, 3, 4), (10, 1, 3), (20, 10, 10)])
def test_the_order_is_the_papers_but_for_the_first_stretch(num_steps, jump_length, num_resamples):
    """The authors' code goes back from every stretch but the first, of pure noise; this one from every stretch."""
    scheduler = RePaintScheduler()
    scheduler.set_timesteps(num_steps, jump_length=jump_length, jump_n_sample=num_resamples)
    theirs, last = [], int(scheduler.timesteps[0]) + 1
    for timestep in map(int, scheduler.timesteps):
        if timestep < last:  # going down: a call of the UNet
            theirs.append(num_steps - 1 - timestep // (1000 // num_steps))
        last = timestep
    timesteps = trailing_timesteps(num_steps).tolist()
    shown, _ = run(num_steps, num_resamples=num_resamples, jump_length=jump_length)
    ours = [timesteps.index(timestep) for timestep, _ in shown]
    assert ours[(num_resamples - 1) * jump_length :] == theirs


def test_renoise_is_the_forward_process():
    clean = np.full((4, 64, 64, 4), 1.5, np.float32)
    direct = renoise(clean, None, 800, rngs(0, 1, 2, 3))
    by_way_of_300 = renoise(renoise(clean, None, 300, rngs(4, 5, 6, 7)), 300, 800, rngs(8, 9, 10, 11))
    signal, sigma = signal_sigma(800)
    for noisy in (direct, by_way_of_300):
        assert noisy.dtype == np.float32
        assert abs(noisy.mean() - 1.5 * signal) < 0.01 and abs(noisy.std() - sigma) < 0.01
