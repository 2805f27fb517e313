"""What the denoiser asks the UNet: guidance, its interval, and reused inner levels."""

import numpy as np
import pytest

from helpers import StableDiffusion
from helpers.diffusion.guidance import UNet, guidance_embedding, guided_denoiser
from helpers.diffusion.schedule import timestep_embedding
from helpers.engines import faster_layers

CONTEXT = np.ones((2, 3, 5), np.float32)
UNCONDITIONAL = np.zeros((1, 3, 5), np.float32)
LATENT = np.random.default_rng(0).standard_normal((2, 4, 4, 4), np.float32)


class Calls(list):
    """Stands in for `Networks.run`: notes the calls, predicts the context's mean."""

    def __call__(self, name, latent, embedding, context, *deep):
        self.append((name, len(latent)))
        assert len(latent) == len(embedding) == len(context)
        predicted = np.ones_like(latent) * context.mean(axis=(1, 2))[:, None, None, None]
        return [predicted, np.full((len(latent), 2), len(self))] if name.startswith("deep") else predicted


def denoiser(run, scale=7.5, interval=(0, 999), reuse_every=1, prediction="noise"):
    unconditional = None if scale == 1 else UNCONDITIONAL
    return guided_denoiser(UNet(run, prediction, 320), unconditional, CONTEXT, scale, interval, reuse_every)


def test_guidance_goes_beyond_the_prompt():
    run = Calls()
    np.testing.assert_array_equal(denoiser(run)(LATENT, 500), np.full_like(LATENT, 7.5))
    assert run == [("diffusion_model", 4)]


def test_outside_its_interval_and_at_scale_1_the_prompt_alone_is_asked_for():
    run = Calls()
    ask = denoiser(run, interval=(200, 700))
    for timestep in (999, 701, 700, 200, 199, 0):
        expected = 7.5 if 200 <= timestep <= 700 else 1
        np.testing.assert_array_equal(ask(LATENT, timestep), np.full_like(LATENT, expected))
    assert [pictures for _, pictures in run] == [2, 2, 4, 4, 2, 2]
    run.clear()
    np.testing.assert_array_equal(denoiser(run, scale=1)(LATENT, 500), np.ones_like(LATENT))
    assert run == [("diffusion_model", 2)]


def test_a_unet_that_is_told_the_guidance_is_asked_once():
    told = []

    def run(name, latent, embedding, context, guidance):
        assert len(latent) == len(context) == len(guidance) == 2
        told.append(guidance)
        return latent

    ask = guided_denoiser(UNet(run, "noise", 320, 256), None, CONTEXT, 8.5, (200, 700), 1)
    ask(LATENT, 500)
    ask(LATENT, 900)
    np.testing.assert_array_equal(told, [guidance_embedding([scale] * 2, 256) for scale in (8.5, 1)])
    assert told[0].dtype == np.float32 and told[0].shape == (2, 256)
    np.testing.assert_allclose(told[0][0, [0, 127, 128]], [np.sin(7500), np.sin(0.75), np.cos(7500)], rtol=1e-4)


def test_inner_levels_are_computed_every_third_call_and_when_guidance_ends():
    run = Calls()
    ask = denoiser(run, interval=(300, 999), reuse_every=3)
    for timestep in (900, 800, 700, 600, 500, 200, 100, 50, 0):
        ask(LATENT, timestep)
    deep = [name.startswith("deep") for name, _ in run]
    assert deep == [True, False, False, True, False, True, False, False, True]


@pytest.mark.parametrize("engine", ["graph", None])
def test_a_unet_in_two_parts_is_the_same_unet(pocket, engine):
    model = StableDiffusion("pocket", engine=engine, precision="float32")
    rng = np.random.default_rng(0)
    latent, context = rng.standard_normal((2, 16, 16, 4), np.float32), rng.standard_normal((2, 24, 160), np.float32)
    whole = model.run("diffusion_model", latent, timestep_embedding([300, 300]), context)
    predicted, deep = model.run("deep_diffusion_model", latent, timestep_embedding([300, 300]), context)
    np.testing.assert_allclose(predicted, whole, atol=1e-4)
    again = model.run("shallow_diffusion_model", latent, timestep_embedding([300, 300]), context, deep)
    np.testing.assert_allclose(again, whole, atol=1e-4)
    other = model.run("shallow_diffusion_model", latent, timestep_embedding([300, 300]), context, 0 * deep)
    assert np.abs(other - whole).max() > 0.1, "the deep features are used"


def test_fewer_tokens_are_looked_at_on_the_largest_level_alone():
    """Where every place holds what its neighbours do, looking at some of them tells as much as looking at all."""
    rng = np.random.default_rng(0)
    models = [StableDiffusion("pocket", engine="graph", precision="float32", token_downsampling=n) for n in (1, 2)]
    transformers = [
        [layer for layer in model.diffusion_model.layers if type(layer).__name__ == "SpatialTransformer"]
        for model in models
    ]
    changed = [type(layer.transformer_block.attn1) is faster_layers.FewerTokensAttention for layer in transformers[1]]
    largest = [layer.output.shape[1] == 16 for layer in transformers[1]]
    assert changed == largest and 0 < sum(changed) < len(changed)
    whole, fewer = (of[largest.index(True)].transformer_block for of in transformers)
    context = rng.standard_normal((1, 24, 160), np.float32)
    blocks = np.kron(rng.standard_normal((1, 8, 8, 64)), np.ones((1, 2, 2, 1))).reshape(1, 256, 64).astype(np.float32)
    np.testing.assert_allclose(fewer([blocks, context]), whole([blocks, context]), atol=1e-4)
    other = rng.standard_normal((1, 256, 64), np.float32)
    assert np.abs(np.asarray(fewer([other, context]) - whole([other, context]))).max() > 1e-2
    assert models[1].settings["token_downsampling"] == "2" and "token_downsampling" not in models[0].settings
    with pytest.raises(ValueError, match="token_downsampling must be a whole number of at least 1"):
        StableDiffusion("pocket", token_downsampling=0)


def test_pictures_stay_close(pocket, figure):
    """Of both shortcuts, on a real picture; the options are told among the settings that a picture is saved with."""
    model = StableDiffusion("pocket", precision="float32", guidance_interval=(100, 999), reuse_every=2)

    def difference(model, seed):
        options = dict(num_steps=20, verbose=False)
        expected = pocket.text_to_image("a cat on a beach", seed=3, **options).astype(int)
        return np.abs(model.text_to_image("a cat on a beach", seed=seed, **options) - expected).mean()

    near, far = difference(model, seed=3), difference(pocket, seed=4)
    figure(f"guidance_interval=(100, 999), reuse_every=2: {near:.1f} of 255 away; another seed: {far:.1f}")
    assert near < 0.7 * far
    assert (model.settings["guidance_interval"], model.settings["reuse_every"]) == ("100-999", "2")
    assert not {"guidance_interval", "reuse_every"} & set(pocket.settings)


@pytest.mark.parametrize("interval", [(700, 200), (0, 1000), (-1, 5), 5, (1, 2, 3), (0.2, 0.8), "ab", (True, 5)])
def test_a_bad_interval(interval):
    with pytest.raises(ValueError, match="guidance_interval must be two timesteps from 0 to 999"):
        StableDiffusion("pocket", guidance_interval=interval)


def test_a_bad_reuse():
    with pytest.raises(ValueError, match="reuse_every must be a whole number of at least 1"):
        StableDiffusion("pocket", reuse_every=0)
