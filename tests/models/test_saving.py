"""What is saved here is read by diffusers, and by this project, as the same model."""

import numpy as np
import oracle
import pytest
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline

from helpers import StableDiffusion
from helpers.models.architectures.configs import Architecture, AutoencoderConfig, TextEncoderConfig, UNetConfig
from helpers.models.files.examples import random_checkpoint
from helpers.models.files.saving import save_folder

SMALL = Architecture(
    TextEncoderConfig(64, 1, 2, "gelu", padding=0),
    UNetConfig((32, 64), (1, 2), 64, linear_projection=True, attention=(True, False)),
    AutoencoderConfig((32, 32, 32, 64), scale=0.2),
    prediction="velocity",
    native_size=128,
)


def test_a_saved_folder_is_the_same_model_here_and_in_diffusers(tmp_path, figure):
    folder = random_checkpoint(tmp_path / "small", SMALL)
    with pytest.raises(FileExistsError):
        save_folder(folder, SMALL, {})
    model = StableDiffusion(folder, engine="graph", precision="float32")
    assert model.checkpoint.source.architecture == SMALL
    pipe = StableDiffusionPipeline.from_pretrained(folder)
    assert pipe.tokenizer.pad_token_id == 0
    pipe.scheduler = DDIMScheduler.from_config(
        pipe.scheduler.config, timestep_spacing="trailing", set_alpha_to_one=True
    )
    pipe.set_progress_bar_config(disable=True)
    noise = np.random.default_rng(1).standard_normal((16, 16, 4), np.float32)
    latents = oracle.channels_first(noise[None])
    expected = pipe.to(torch.float32)(
        "a cat", num_inference_steps=3, guidance_scale=5.0, latents=latents, output_type="np"
    ).images
    ours = model.generate_image(
        model.encode_text("a cat"),
        num_steps=3,
        unconditional_guidance_scale=5.0,
        diffusion_noise=noise,
        sampler="ddim_trailing",
        verbose=False,
    )
    oracle.assert_same(ours, expected, figure, "saved here")


def test_a_folder_half_written_is_taken_away(tmp_path):
    with pytest.raises(KeyError, match="text_encoder"):
        save_folder(tmp_path / "small", SMALL, {})
    assert not (tmp_path / "small").exists()
