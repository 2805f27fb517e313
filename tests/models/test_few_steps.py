"""Models distilled to few steps, against diffusers' pipelines with the same noise."""

import dataclasses

import numpy as np
import oracle
import pytest
import torch
from diffusers import EulerDiscreteScheduler, LatentConsistencyModelPipeline, LCMScheduler
from peft import LoraConfig, get_peft_model_state_dict, inject_adapter_in_model
from safetensors.torch import save_file

from helpers import StableDiffusion
from helpers.diffusion.schedule import signal_sigma
from helpers.models import from_files
from helpers.models.checkpoints import CHECKPOINTS

PROMPT = "a photo of an astronaut riding a horse"
NOISE = np.random.default_rng(1).standard_normal((16, 16, 4), np.float32)
OPTIONS = dict(engine="graph", precision="float32")
WIDTHS = oracle.Widths((64, 64, 128, 128), (32, 32, 64, 64), 64, 2)


def latents(scale=1.0):
    return oracle.channels_first(NOISE[None] * np.float32(scale))


@pytest.fixture
def same_noise(monkeypatch):
    """What diffusers' scheduler draws is what the generator of seed 0 gives here."""
    rng = np.random.default_rng(0)

    def noise(shape, **_):
        return oracle.channels_first(rng.standard_normal(NOISE.shape, np.float32)[None])

    monkeypatch.setattr("diffusers.schedulers.scheduling_lcm.randn_tensor", noise)


def drawn(model, noise=NOISE, **options):
    return model.generate_image(model.encode_text(PROMPT), diffusion_noise=noise, verbose=False, **options)


@pytest.fixture(scope="module")
def consistency(tmp_path_factory):
    """A consistency model that is told the guidance: diffusers' pipeline, its folder, a single file, our model."""
    folder = tmp_path_factory.mktemp("consistency") / "small"
    made = oracle.pipeline("1.x", folder, WIDTHS, time_cond_proj_dim=256)
    oracle.single_file(made, "1.x", folder.with_suffix(".safetensors"))
    networks = dict(vae=made.vae, text_encoder=made.text_encoder, tokenizer=made.tokenizer, unet=made.unet)
    pipe = LatentConsistencyModelPipeline(
        **networks,
        scheduler=LCMScheduler.from_config(made.scheduler.config),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipe.set_progress_bar_config(disable=True)
    pipe.save_pretrained(folder)
    return pipe, folder, StableDiffusion(folder, **OPTIONS)


def test_a_consistency_model_is_told_the_guidance(consistency, same_noise, figure):
    pipe, folder, model = consistency
    assert model.checkpoint.drawing == ("lcm", 4, 8.5), "right without options"
    theirs = pipe(PROMPT, latents=latents(), num_inference_steps=4, guidance_scale=8.5, output_type="np").images
    oracle.assert_same(drawn(model), theirs, figure, "LCM, 4 steps")
    other = drawn(model, unconditional_guidance_scale=2.0)
    assert np.abs(other.astype(int) - np.floor(theirs * 255)).max() > 1, "the guidance counts"
    with pytest.warns(UserWarning, match="'small' is made to draw without negative_prompt: no effect."):
        np.testing.assert_array_equal(drawn(model, negative_prompt="blurry"), drawn(model))
    with pytest.warns(UserWarning, match="'small' is made for 1 to 8 steps; 9 take longer and do not draw better."):
        model.denoise(model.encode_text(PROMPT), num_steps=9, seed=1)
    in_file = from_files.opened(folder.with_suffix(".safetensors"))
    in_folder = from_files.opened(folder)
    assert in_file.diffusion_model.keys() == in_folder.diffusion_model.keys()
    assert in_folder.architecture.unet == in_file.architecture.unet


def test_a_consistency_lora_on_any_checkpoint(tmp_path, same_noise, figure):
    folder = tmp_path / "small"
    pipe = oracle.pipeline("1.x", folder, WIDTHS)
    torch.manual_seed(1)
    targets = ["to_q", "to_k", "to_v", "to_out.0", "proj_in", "proj_out", "ff.net.0.proj", "ff.net.2", "conv1", "conv2"]
    targets += ["conv_shortcut", "time_emb_proj", "downsamplers.0.conv", "upsamplers.0.conv"]
    inject_adapter_in_model(LoraConfig(r=4, lora_alpha=4, target_modules=targets), pipe.unet)
    with torch.no_grad():
        for name, parameter in pipe.unet.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.1)
    lora = {}
    for name, each in get_peft_model_state_dict(pipe.unet).items():  # in kohya's naming, as the published ones
        module, factor, _ = name.rsplit(".", 2)
        module = f"lora_unet_{module.replace('.', '_')}"
        lora[f"{module}.{'lora_down' if factor == 'lora_A' else 'lora_up'}.weight"] = each.contiguous()
        lora[f"{module}.alpha"] = torch.tensor(4.0)
    save_file(lora, tmp_path / "lcm.safetensors")
    pipe.scheduler = LCMScheduler.from_config(pipe.scheduler.config)
    theirs = pipe(PROMPT, latents=latents(), num_inference_steps=4, guidance_scale=1.5, output_type="np").images
    model = StableDiffusion(folder, loras={tmp_path / "lcm.safetensors": 1.0}, **OPTIONS)
    ours = drawn(model, sampler="lcm", num_steps=4, unconditional_guidance_scale=1.5)
    oracle.assert_same(ours, theirs, figure, "LCM LoRA, 4 steps, guidance 1.5")


def test_turbo(tmp_path, figure):
    """Unguided and in trailing steps. diffusers begins with sigma · noise, the original, as here, with noise alone."""
    pipe = oracle.pipeline("2.x noise", tmp_path / "small", WIDTHS)
    pipe.scheduler = EulerDiscreteScheduler.from_config(pipe.scheduler.config, timestep_spacing="trailing")
    turbo = CHECKPOINTS["sd-turbo"]
    assert (turbo.drawing, turbo.repainting) == (("ddim_trailing", 1, 1.0), ("ddim_trailing", 4, 1.0))
    model = StableDiffusion(tmp_path / "small", **OPTIONS)
    distilled = {name: getattr(turbo, name) for name in ("drawing", "unguided", "most_steps")}
    model.networks.checkpoint = dataclasses.replace(model.checkpoint, **distilled)
    sigma = signal_sigma(999)[1]
    for steps in (1, 4):
        theirs = pipe(PROMPT, latents=latents(), num_inference_steps=steps, guidance_scale=0.0, output_type="np").images
        ours = drawn(model, sigma * NOISE, num_steps=steps)
        oracle.assert_same(ours, theirs, figure, f"turbo, steps: {steps}")
    told = "'small' is made to draw without unconditional_guidance_scale and negative_prompt: no effect."
    with pytest.warns(UserWarning, match=told) as warned:
        guided = drawn(model, sigma * NOISE, num_steps=4, unconditional_guidance_scale=7.5, negative_prompt="blurry")
    assert warned[0].filename == __file__
    np.testing.assert_array_equal(guided, ours)
    with pytest.warns(UserWarning, match="'small' is made for 1 to 4 steps; 5 take longer"):
        model.denoise(model.encode_text(PROMPT), num_steps=5, seed=1)


def test_more_steps_than_consistency_models_have(pocket):
    with pytest.raises(ValueError, match="num_steps must be from 1 to 50 for the sampler 'lcm', got 51"):
        pocket.text_to_image(PROMPT, num_steps=51, sampler="lcm")
