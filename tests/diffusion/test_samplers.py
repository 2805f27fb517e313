"""The samplers against diffusers' schedulers, step for step, on a random noise predictor."""

import functools

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, LCMScheduler

from helpers.diffusion.samplers import SAMPLERS, ddim, dpm_solver, lcm
from helpers.diffusion.schedule import (
    ALPHAS_CUMPROD,
    consistency_timesteps,
    linspace_timesteps,
    noise_from_velocity,
    noisy_and_velocity,
    timestep_embedding,
    trailing_timesteps,
)

SCHEDULE = dict(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
SHAPE = (2, 4, 4, 4)


def predictor(seed):
    """A noise predictor with random weights: deterministic, smooth, different for every timestep."""
    rng = np.random.default_rng(seed)
    weights = rng.standard_normal((4, 4)).astype(np.float32)
    drift = rng.standard_normal(SHAPE).astype(np.float32)
    return lambda latent, timestep: np.tanh(latent @ weights + np.float32(timestep / 500) * drift)


def diffusers_steps(scheduler, start, denoiser):
    latent = torch.from_numpy(start)
    for timestep in scheduler.timesteps:
        noise = torch.from_numpy(denoiser(latent.numpy(), int(timestep)))
        latent = scheduler.step(noise, timestep, latent).prev_sample
        yield int(timestep), latent.numpy()


def assert_same_steps(steps, scheduler, start, denoiser):
    steps = list(steps)
    expected = list(diffusers_steps(scheduler, start, denoiser))
    assert [step.timestep for step in steps] == [timestep for timestep, _ in expected]
    worst = max(np.abs(step.latent - latent).max() / np.abs(latent).max() for step, (_, latent) in zip(steps, expected))
    print(f"{len(steps)} steps, largest relative difference {worst:.1e}")
    assert worst < 1e-4


@pytest.fixture(params=[0, 1])
def start(request):
    return np.random.default_rng(request.param).standard_normal(SHAPE, np.float32)


def test_noise_schedule_is_diffusers():
    np.testing.assert_allclose(ALPHAS_CUMPROD, DDIMScheduler(**SCHEDULE).alphas_cumprod, rtol=2e-5)


def test_noisy_latents_and_their_velocities_are_diffusers(start):
    noise, timesteps = np.random.default_rng(9).standard_normal(SHAPE, np.float32), np.array([17, 940])
    scheduler, tensors = DDIMScheduler(**SCHEDULE), [torch.from_numpy(each) for each in (start, noise, timesteps)]
    noisy, velocity = noisy_and_velocity(start, noise, timesteps)
    np.testing.assert_allclose(noisy, scheduler.add_noise(*tensors), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(velocity, scheduler.get_velocity(*tensors), rtol=1e-3, atol=1e-4)
    again = noise_from_velocity(velocity[1], noisy[1], timesteps[1])
    np.testing.assert_allclose(again, noise[1], rtol=1e-4, atol=1e-5)
    assert noisy.dtype == velocity.dtype == np.float32


@pytest.mark.parametrize("num_steps", [2, 7, 25, 50])
def test_ddim_with_linspace_timesteps(num_steps, start):
    # diffusers' DDIM takes equal strides only; its DPM-Solver of first order is the same formula for any timesteps
    scheduler = DPMSolverMultistepScheduler(**SCHEDULE, solver_order=1, final_sigmas_type="zero")
    timesteps = linspace_timesteps(num_steps)
    scheduler.set_timesteps(timesteps=timesteps.tolist())
    denoiser = predictor(num_steps)
    assert_same_steps(ddim(start, denoiser, timesteps), scheduler, start, denoiser)


@pytest.mark.parametrize("num_steps", [1, 2, 10, 25, 50])
def test_ddim_with_trailing_timesteps(num_steps, start):
    scheduler = DDIMScheduler(**SCHEDULE, timestep_spacing="trailing", clip_sample=False, set_alpha_to_one=True)
    scheduler.set_timesteps(num_steps)
    denoiser = predictor(num_steps)
    assert_same_steps(ddim(start, denoiser, trailing_timesteps(num_steps)), scheduler, start, denoiser)


def generators():
    return [np.random.default_rng(picture) for picture in range(SHAPE[0])]


def solver_of(name):
    """By its name, with noise of the generators above where it draws any."""
    sampler = SAMPLERS[name]
    return functools.partial(sampler.solver, rngs=generators()) if sampler.draws_noise else sampler.solver


@pytest.mark.parametrize("num_steps", [1, 2, 4, 7, 8, 50])
def test_lcm(num_steps, start, monkeypatch):
    """diffusers' scheduler, with the noise that picture i's generator gives."""
    rngs = generators()

    def noise(shape, **_):
        return torch.from_numpy(np.stack([rng.standard_normal(tuple(shape[1:]), np.float32) for rng in rngs]))

    monkeypatch.setattr("diffusers.schedulers.scheduling_lcm.randn_tensor", noise)
    scheduler = LCMScheduler(**SCHEDULE)
    scheduler.set_timesteps(num_steps)
    denoiser = predictor(num_steps)
    steps = lcm(start, denoiser, consistency_timesteps(num_steps), rngs=generators())
    assert_same_steps(steps, scheduler, start, denoiser)
    *_, last = lcm(start, denoiser, consistency_timesteps(num_steps), rngs=generators())
    np.testing.assert_array_equal(last.latent, last.predicted_x0)


def strides(timesteps):
    """In half log signal-to-noise ratio; the last, to a clean latent, is infinite."""
    log_snr = np.log(ALPHAS_CUMPROD[timesteps] / (1 - ALPHAS_CUMPROD[timesteps])) / 2
    return np.diff([*log_snr, np.inf])


@pytest.mark.parametrize("num_steps", [1, 2, 3, 10, 14, 15, 25, 50])
def test_dpm_solver(num_steps, start):
    """diffusers' solver, asked for a step of first order wherever a stride is longer than the one before it."""
    timesteps = trailing_timesteps(num_steps)
    taken = strides(timesteps)
    if num_steps >= 10:
        assert (taken[1:] < taken[:-1]).any() and (taken[1:-1] > taken[:-2]).any(), "both orders occur"

    class Scheduler(DPMSolverMultistepScheduler):
        def step(self, *inputs):
            number = self.step_index or 0
            if number and taken[number] >= taken[number - 1]:
                self.lower_order_nums = 0
            return super().step(*inputs)

    scheduler = Scheduler(**SCHEDULE, timestep_spacing="trailing", final_sigmas_type="zero")
    scheduler.set_timesteps(num_steps)
    denoiser = predictor(num_steps)
    assert_same_steps(dpm_solver(start, denoiser, timesteps), scheduler, start, denoiser)


@pytest.mark.parametrize("num_steps", [1, 10, 25])
def test_velocity(num_steps, start):
    settings = dict(SCHEDULE, timestep_spacing="trailing", prediction_type="v_prediction")
    scheduler = DDIMScheduler(**settings, clip_sample=False, set_alpha_to_one=True)
    scheduler.set_timesteps(num_steps)
    velocity = predictor(num_steps)
    steps = ddim(
        start,
        lambda latent, timestep: noise_from_velocity(velocity(latent, timestep), latent, timestep),
        trailing_timesteps(num_steps),
    )
    assert_same_steps(steps, scheduler, start, velocity)


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_walk_can_stop_at_a_noisy_latent(name, start):
    denoiser = predictor(1)
    whole = [step.latent for step in solver_of(name)(start, denoiser, [999, 700, 400, 100])]
    part = list(solver_of(name)(start, denoiser, [999, 700], end=400))
    np.testing.assert_array_equal(part[-1].latent, whole[1])
    assert len(part) == 2


@pytest.mark.parametrize("sampler", SAMPLERS.values())
def test_timesteps_fall_from_full_noise(sampler):
    for num_steps in range(1, sampler.most_steps + 1):
        timesteps = sampler.timesteps(num_steps)
        assert len(timesteps) == num_steps
        assert timesteps[0] == 999
        assert (np.diff(timesteps) < 0).all() and timesteps[-1] >= 0


def test_linspace_timesteps_are_keras_cvs():
    # what keras_cv 0.9.0 visits in five steps; its pictures are compared in test_keras_cv.py
    assert linspace_timesteps(5).tolist() == [999, 749, 500, 250, 0]


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_perfect_denoiser_gives_the_clean_latent(name):
    rng = np.random.default_rng(3)
    clean = rng.standard_normal(SHAPE, np.float32)
    start = rng.standard_normal(SHAPE, np.float32)

    def denoiser(latent, timestep):
        left = ALPHAS_CUMPROD[timestep]
        return ((latent - np.sqrt(left) * clean) / np.sqrt(1 - left)).astype(np.float32)

    solver, spacing = solver_of(name), SAMPLERS[name].timesteps
    for step in solver(start, denoiser, spacing(8)):
        np.testing.assert_allclose(step.predicted_x0, clean, atol=1e-4)
    np.testing.assert_allclose(step.latent, clean, atol=1e-4)
    assert step.latent.dtype == step.predicted_x0.dtype == np.float32


@pytest.mark.parametrize("name", SAMPLERS)
def test_one_call_a_step_and_none_ahead(name):
    calls = []

    def denoiser(latent, timestep):
        calls.append(timestep)
        return latent

    solver, spacing = solver_of(name), SAMPLERS[name].timesteps
    steps = solver(np.ones(SHAPE, np.float32), denoiser, spacing(10))
    assert calls == []
    next(steps)
    next(steps)
    assert calls == spacing(10)[:2].tolist()


def test_timestep_embedding():
    embedding = timestep_embedding([0, 999])
    assert embedding.shape == (2, 320) and embedding.dtype == np.float32
    np.testing.assert_array_equal(embedding[0], [1] * 160 + [0] * 160)
    np.testing.assert_allclose(embedding[1, [0, 160]], [np.cos(999), np.sin(999)], rtol=1e-5)
    np.testing.assert_allclose(embedding[1, [80, 240]], [np.cos(9.99), np.sin(9.99)], rtol=1e-5)
