"""Checkpoints from files, against diffusers' own pipelines: every network's numbers, and the picture."""

import dataclasses

import numpy as np
import oracle
import pytest
import torch

from helpers import StableDiffusion
from helpers.diffusion.schedule import timestep_embedding
from helpers.models import from_files
from helpers.models.architectures import building
from helpers.models.files.examples import SMALL

TOLERANCE = 1e-4  # of the largest value


@pytest.fixture(scope="module", params=oracle.FAMILIES)
def family(request, tmp_path_factory):
    """Its name, diffusers' pipeline, the folder that it was saved as, and our model of that folder."""
    folder = tmp_path_factory.mktemp("checkpoint") / "small"
    pipe = oracle.pipeline(request.param, folder)
    return request.param, pipe, folder, StableDiffusion(folder, engine="graph", precision="float32")


def test_every_network_gives_diffusers_numbers(family, figure):
    name, pipe, _, model = family
    rng = np.random.default_rng(0)
    tokens = rng.integers(0, 49406, (1, 77)).astype(np.int32)
    latent = rng.standard_normal((2, 16, 16, 4), np.float32)
    context = rng.standard_normal((2, 154, 128), np.float32)  # of a prompt in two pieces
    picture = rng.uniform(-1, 1, (1, 128, 128, 3)).astype(np.float32)
    timesteps = [700, 20]
    with torch.no_grad():
        unet = pipe.unet(oracle.channels_first(latent), torch.tensor(timesteps), torch.from_numpy(context)).sample
        expected = {
            "text_encoder": pipe.text_encoder(torch.from_numpy(tokens).long())[0].numpy(),
            "diffusion_model": oracle.numpy(unet),
            "decoder": oracle.numpy(pipe.vae.decode(oracle.channels_first(latent[:1]) / 0.18215).sample),
            "image_encoder": oracle.numpy(pipe.vae.encode(oracle.channels_first(picture)).latent_dist.mean * 0.18215),
        }
    inputs = {
        "text_encoder": [tokens, np.arange(77, dtype=np.int32)[None]],
        "diffusion_model": [latent, timestep_embedding(timesteps, model.checkpoint.timestep_width), context],
        "decoder": [latent[:1]],
        "image_encoder": [picture],
    }
    for network, arrays in inputs.items():
        difference = oracle.close(model.run(network, *arrays), expected[network])
        figure(f"{name}, {network}: {difference:.1e} of the largest value from diffusers'")
        assert difference < TOLERANCE, network


def test_the_picture_is_diffusers_own(family, figure):
    name, pipe, _, model = family
    noise = np.random.default_rng(1).standard_normal((16, 16, 4), np.float32)
    prompt, negative = "a photo of an astronaut riding a horse, 4K", "blurry"
    expected = pipe(
        prompt,
        negative_prompt=negative,
        num_inference_steps=4,
        guidance_scale=5.0,
        latents=oracle.channels_first(noise[None]),
        output_type="np",
    ).images
    ours = model.generate_image(
        model.encode_text(prompt),
        negative_prompt=negative,
        num_steps=4,
        unconditional_guidance_scale=5.0,
        diffusion_noise=noise,
        sampler="ddim_trailing",
        verbose=False,
    )
    assert ours.shape == (1, 128, 128, 3), "of the size that the folder tells"
    oracle.assert_same(ours, expected, figure, name)


def same(ours: from_files.CheckpointFiles, theirs: from_files.CheckpointFiles, tolerance: float) -> None:
    native = ours.architecture.native_size
    assert ours.architecture == dataclasses.replace(theirs.architecture, native_size=native)
    for network in ("text_encoder", "diffusion_model", "autoencoder"):
        one, other = getattr(ours, network), getattr(theirs, network)
        if network == "autoencoder":
            one, other = one.tensors, other.tensors
        assert one.keys() == other.keys()
        for name in other:
            array = other[name].read()
            np.testing.assert_allclose(
                one[name].read().reshape(array.shape), array, rtol=tolerance, atol=1e-7 * (tolerance > 0), err_msg=name
            )


def test_a_single_file_is_read_as_the_folder_is(family, tmp_path):
    """In full and in half precision; what a file of the second family predicts is told by it, beside it, or asked."""
    name, pipe, folder, _ = family
    in_folder = from_files.opened(folder)
    single, half = tmp_path / "single.safetensors", tmp_path / "half.safetensors"
    told = {"modelspec.prediction_type": oracle.FAMILIES[name]["prediction"]}
    oracle.single_file(pipe, name, single, **told)
    oracle.single_file(pipe, name, half, torch.float16)
    same(from_files.opened(single), in_folder, 0)
    prediction = in_folder.architecture.prediction
    if name == "1.x":
        same(from_files.opened(half), in_folder, 1e-3)
        return
    with pytest.raises(ValueError, match="'half.safetensors' does not tell what its UNet predicts: give prediction="):
        from_files.opened(half)
    same(from_files.opened(half, prediction), in_folder, 1e-3)
    parameterization = '  parameterization: "v"\n' if prediction == "velocity" else '  parameterization: "eps"\n'
    half.with_suffix(".yaml").write_text("model:\n params:\n" + parameterization, encoding="utf-8")
    assert from_files.opened(half).architecture.prediction == prediction


@pytest.mark.parametrize("name", building.NETWORKS)
def test_random_numbers_are_not_drawn_where_a_file_has_others(name):
    """They take longer than reading the file."""
    for random in (True, False):
        network = building.built(name, SMALL, 128, 128, random)
        kernels = [each.numpy() for each in network.weights if each.name in ("kernel", "embeddings")]
        assert kernels and all(np.ptp(each) > 0 for each in kernels) is random, random
        assert random or not any(each.any() for each in kernels)
