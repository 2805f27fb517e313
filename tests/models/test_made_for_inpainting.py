"""Checkpoints whose UNet is made for inpainting, against diffusers' pipeline with the same noise."""

import json

import numpy as np
import oracle
import pytest
import torch
from diffusers import DiffusionPipeline, StableDiffusionInpaintPipeline
from PIL import Image

from helpers import InpaintStudio, StableDiffusion, make_mask
from helpers.diffusion.guidance import UNet, guided_denoiser
from helpers.diffusion.schedule import ALL_TIMESTEPS, timestep_embedding
from helpers.models import from_files
from helpers.models.architectures.configs import Architecture, AutoencoderConfig, TextEncoderConfig, UNetConfig
from helpers.models.files.examples import random_checkpoint
from helpers.teach.lora import lora

WIDTHS = oracle.Widths((64, 64, 128, 128), (64, 64, 64, 64), 64, 2)
OPTIONS = dict(engine="graph", precision="float32")
PROMPT, NEGATIVE = "a photo of an astronaut riding a horse", "blurry"
RNG = np.random.default_rng(1)
NOISE = RNG.standard_normal((16, 16, 4), np.float32)
PHOTO = np.asarray(Image.fromarray(RNG.integers(0, 256, (8, 8, 3), np.uint8)).resize((128, 128)))
MASK = make_mask((128, 128), 32, 96, 40, 104)  # of whole cells: diffusers takes one pixel of each
INPAINT = "diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion_inpaint"
TINY = Architecture(
    TextEncoderConfig(64, 1, 2, "gelu", padding=0),
    UNetConfig((32, 64), (1, 2), 64, linear_projection=True, attention=(True, False), in_channels=9),
    AutoencoderConfig((32, 32, 32, 64)),
    native_size=128,
)


@pytest.fixture(scope="module", params=["1.x", "2.x noise in a file"])
def made(request, tmp_path_factory):
    """Its name, diffusers' pipeline, and our model of the folder or file that it was saved as."""
    family, path = request.param.removesuffix(" in a file"), tmp_path_factory.mktemp("inpainting") / "small"
    networks = oracle.pipeline(family, path, WIDTHS, in_channels=9)
    pipe = StableDiffusionInpaintPipeline(**networks.components, requires_safety_checker=False)
    pipe.set_progress_bar_config(disable=True)
    pipe.save_pretrained(path)
    if request.param.endswith("in a file"):
        path = path.with_suffix(".safetensors")
        oracle.single_file(networks, family, path)
    prediction = "noise" if path.is_file() else None  # such a file does not tell
    return request.param, pipe, StableDiffusion(path, 128, 128, prediction=prediction, **OPTIONS)


@pytest.fixture
def same_noise(monkeypatch):
    """diffusers' latents are their distributions' means, and its noise is what the generator of seed 0 gives here."""
    rng = np.random.default_rng(0)
    noise = oracle.channels_first(rng.standard_normal(NOISE.shape, np.float32)[None])
    monkeypatch.setattr(f"{INPAINT}.retrieve_latents", lambda output, generator: output.latent_dist.mean)
    monkeypatch.setattr(f"{INPAINT}.randn_tensor", lambda *_, **__: noise)


def theirs(pipe, hole, **options):
    given = {} if options.get("strength", 1) < 1 else {"latents": oracle.channels_first(NOISE[None])}
    options = dict(num_inference_steps=4, guidance_scale=5.0, output_type="np", height=128, width=128) | given | options
    image, mask = Image.fromarray(PHOTO), Image.fromarray(np.uint8(255 * hole))
    return pipe(PROMPT, image, mask, negative_prompt=NEGATIVE, **options).images


def ours(model, mask=MASK, image=PHOTO, **options):
    options = dict(num_steps=4, unconditional_guidance_scale=5.0, sampler="ddim_trailing") | options
    options |= dict(negative_prompt=NEGATIVE, diffusion_noise=NOISE)
    context = model.encode_text(PROMPT)
    steps = (
        model.denoise_hole(context, image, mask, **options) if mask is not None else model.denoise(context, **options)
    )
    return model.decode(list(steps)[-1].latent)


def test_the_unet_gives_diffusers_numbers(made, figure):
    name, pipe, model = made
    assert model.checkpoint.inpaints and model.checkpoint.in_channels == 9
    assert model.checkpoint.repainting == model.checkpoint.drawing
    rng = np.random.default_rng(0)
    seen, context = rng.standard_normal((2, 16, 16, 9), np.float32), rng.standard_normal((2, 77, 64), np.float32)
    with torch.no_grad():
        expected = pipe.unet(oracle.channels_first(seen), torch.tensor([700, 20]), torch.from_numpy(context)).sample
    embedding = timestep_embedding([700, 20], model.checkpoint.timestep_width)
    difference = oracle.close(model.run("diffusion_model", seen, embedding, context), oracle.numpy(expected))
    figure(f"made for inpainting, {name}, UNet: {difference:.1e} of the largest value from diffusers'")
    assert difference < 1e-4


def test_a_hole_is_repainted_as_by_diffusers(made, same_noise, figure):
    name, pipe, model = made
    expected = theirs(pipe, MASK == 0)
    what = f"made for inpainting, {name}"
    oracle.assert_same(ours(model), expected, figure, what)
    half = theirs(pipe, MASK == 0, strength=0.5)
    oracle.assert_same(ours(model, strength=0.5), half, figure, f"{what}, half the strength")
    other = np.abs(ours(model, image=PHOTO[::-1].copy()).astype(int) - np.floor(expected * 255))
    assert other.max() > 1, "what is around the hole counts"
    drawn = ours(model, mask=None)
    # a grey picture has hardly any variance for norms to divide by, so that rounding shows
    oracle.assert_same(drawn, theirs(pipe, np.ones((128, 128))), figure, f"{what}, everything masked", most=20)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return random_checkpoint(tmp_path_factory.mktemp("tiny") / "small", TINY)


@pytest.fixture(scope="module")
def model(tiny):
    return StableDiffusion(tiny, **OPTIONS)


def test_it_learns_to_draw_where_all_is_to_be_painted(model):
    learning = lora(model, [PHOTO, PHOTO[::-1], PHOTO[:, ::-1]], "a photo of {}", word="<it>", like="cat", batch_size=2)
    noisy, embedded, target, weights, tokens, places = learning.batch(1)
    assert noisy.shape == (2, 16, 16, 9) and target.shape == (2, 16, 16, 4) and (noisy[..., 4] == 1).all()
    grey = model.encode_image(np.full((128, 128, 3), 127.5, np.float32))
    np.testing.assert_allclose(noisy[..., 5:], np.broadcast_to(grey, (2, 16, 16, 4)), atol=1e-5)
    told = model.networks.run("diffusion_model", noisy, embedded, model.encode_text("a photo of cat").repeat(2, axis=0))
    expected = (weights * np.square(told - target).mean(axis=(1, 2, 3))).sum()
    assert next(learning.steps(1)).loss == pytest.approx(expected, rel=1e-4)


def test_the_calls(tiny, model):
    """Kept pixels stay, nothing is resampled, batches are the pictures made alone, and images are drawn anew."""
    assert DiffusionPipeline.from_pretrained(tiny).__class__ is StableDiffusionInpaintPipeline
    assert model.checkpoint.source.architecture == TINY
    quick = dict(num_steps=2, seed=1, verbose=False)
    ragged = make_mask((128, 128), 33, 90, 50, 121)
    pictures = model.inpaint(PROMPT, PHOTO, np.stack([MASK, ragged]), **quick)
    for number, (picture, mask) in enumerate(zip(pictures, (MASK, ragged))):
        np.testing.assert_array_equal(picture[mask == 1], PHOTO[mask == 1])
        alone = model.inpaint(PROMPT, PHOTO, mask, **{**quick, "seed": 1 + number})[0]
        assert np.abs(picture.astype(int) - alone).max() <= 1
    with pytest.warns(UserWarning, match="'small' is made to draw without num_resamples and jump_length: no effect."):
        steps = list(model.denoise_hole(model.encode_text(PROMPT), PHOTO, MASK, num_resamples=2, jump_length=3, seed=1))
    assert len(steps) == model.checkpoint.drawing.num_steps
    near, far = (model.image_to_image(PROMPT, PHOTO, strength, **quick) for strength in (0.5, 1.0))
    np.testing.assert_array_equal(far, model.text_to_image(PROMPT, **quick))
    assert (near != far).any()
    with pytest.raises(ValueError, match="100 × 128 pixels and the model draws 128 × 128"):
        model.image_to_image(PROMPT, PHOTO[:, :100], **quick)
    assert InpaintStudio(model, PHOTO).num_resamples.disabled


def test_inner_levels_are_reused_and_openvino_takes_nine_channels_too(tiny, model, tmp_path, monkeypatch):
    pytest.importorskip("openvino")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    quick = dict(num_steps=3, sampler="ddim_trailing", seed=1, verbose=False)
    exact = model.inpaint(PROMPT, PHOTO, MASK, **quick)
    by_openvino = StableDiffusion(tiny, engine="openvino", precision="float32").inpaint(PROMPT, PHOTO, MASK, **quick)
    assert np.abs(by_openvino.astype(int) - exact).max() <= 1
    monkeypatch.setattr(model, "reuse_every", 2)
    reused = model.inpaint(PROMPT, PHOTO, MASK, **quick)
    assert 0 < np.abs(reused.astype(int) - exact).mean() < 20


def test_what_is_beside_the_latent_is_every_halfs_and_every_pictures():
    """The order of the channels, for guided batches, with one for all and with one for each picture."""
    seen = []

    def run(name, latent, *_):
        seen.append(latent)
        return latent[..., :4]

    latent, context = RNG.standard_normal((2, 4, 4, 4), np.float32), np.zeros((2, 7, 3), np.float32)
    for count in (1, 2):
        beside = RNG.standard_normal((count, 4, 4, 5), np.float32)
        unet = UNet(run, "noise", 8, beside=beside)
        guided_denoiser(unet, context[:1], context, 2.0, ALL_TIMESTEPS, 1)(latent, 10)
        expected = np.concatenate([latent, np.broadcast_to(beside, (2, 4, 4, 5))], axis=-1)
        np.testing.assert_array_equal(seen.pop(), np.concatenate([expected, expected]))


def test_other_numbers_of_channels_are_told(tiny):
    config = tiny / "unet" / "config.json"
    told = config.read_text(encoding="utf-8")
    config.write_text(json.dumps(json.loads(told) | {"in_channels": 8}), encoding="utf-8")
    try:
        with pytest.raises(ValueError, match="UNet of 'small' takes 8 channels; those that are used here take 4, or 9"):
            from_files.opened(tiny)
    finally:
        config.write_text(told, encoding="utf-8")
