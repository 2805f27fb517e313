"""The tiny decoder against diffusers' AutoencoderTiny, alone and in a whole pipeline; and previews without one."""

import numpy as np
import oracle
import pytest
import torch
from diffusers import AutoencoderTiny
from safetensors.numpy import save_file

from helpers import StableDiffusion
from helpers.models import hub
from helpers.models.checkpoints import checkpoint
from helpers.models.files import tiny_decoders

PROMPT = "a photo of an astronaut riding a horse"
NOISE = np.random.default_rng(1).standard_normal((16, 16, 4), np.float32)
WIDTHS = oracle.Widths((64, 64, 128, 128), (32, 32, 64, 64), 64, 2)
OPTIONS = dict(engine="graph", precision="float32")


def tiny(folder, **options) -> AutoencoderTiny:
    """diffusers' network with weights of a seed, saved in the folder."""
    torch.manual_seed(0)
    made = AutoencoderTiny(**options).eval()
    with torch.no_grad():
        made.decoder.layers[-1].weight *= 8  # pictures that are not flat
        made.decoder.layers[-1].bias += 0.5
    made.save_pretrained(folder)
    return made


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """diffusers' pipeline, its folder, and that of its tiny autoencoder, of the published one's size."""
    folder = tmp_path_factory.mktemp("tiny")
    pipe = oracle.pipeline("1.x", folder / "small", WIDTHS)
    pipe.vae = tiny(folder / "taesd")
    return pipe, folder / "small", folder / "taesd"


def test_its_pictures_are_diffusers_own(made, figure, monkeypatch):
    pipe, folder, weights = made
    monkeypatch.setattr(hub, "fetch_file", lambda repo_id, name: weights / name)
    model = StableDiffusion(folder, decoder="tiny", **OPTIONS)
    latent = 3 * np.random.default_rng(0).standard_normal((2, 16, 16, 4), np.float32)  # with outliers
    with torch.no_grad():
        expected = oracle.numpy(pipe.vae.decode(oracle.channels_first(latent)).sample)
    difference = oracle.close(model.run("decoder", latent), expected)
    figure(f"tiny decoder: {difference:.1e} of the largest value from diffusers'")
    assert difference < 1e-4
    options = dict(num_inference_steps=3, guidance_scale=5.0, output_type="np")
    theirs = pipe(PROMPT, latents=oracle.channels_first(NOISE[None]), **options).images
    options = dict(num_steps=3, unconditional_guidance_scale=5.0, sampler="ddim_trailing", verbose=False)
    ours = model.generate_image(model.encode_text(PROMPT), diffusion_noise=NOISE, **options)
    oracle.assert_same(ours, theirs, figure, "1.x with a tiny decoder")
    assert model.settings["decoder"] == "tiny"
    np.testing.assert_array_equal(model.preview(latent), model.decode(latent))


def test_the_published_one_is_fetched_when_it_is_needed(made, monkeypatch):
    asked = []

    def fetch(*arguments):
        asked.append(arguments)
        return made[2] / "diffusion_pytorch_model.safetensors"

    monkeypatch.setattr(hub, "fetch_file", fetch)
    described = checkpoint("sd-turbo", decoder="tiny")
    assert described.decoder(128, 128, False).count_params() == 1_222_531 and not asked
    described.decoder(128, 128, True)
    assert described.version("decoder") and asked == [("madebyollin/taesd", "diffusion_pytorch_model.safetensors")]
    assert described.drawing == checkpoint("sd-turbo").drawing


def test_one_of_other_widths_from_a_folder_or_a_file(made, tmp_path):
    options = dict(decoder_block_out_channels=(32,) * 4, num_decoder_blocks=(1, 2, 1, 1))
    theirs = tiny(tmp_path / "other", **options)
    with torch.no_grad():
        expected = oracle.numpy(theirs.decode(oracle.channels_first(NOISE[None])).sample)
    versions = {checkpoint(made[1]).version("decoder")}
    for path in (tmp_path / "other", str(tmp_path / "other" / "diffusion_pytorch_model.safetensors")):
        described = checkpoint(made[1], decoder=path)
        ours = described.decoder(128, 128, True)(NOISE[None])
        assert oracle.close(ours, expected) < 1e-4
        versions.add(described.version("decoder"))
    assert len(versions) == 2, "a decoder converted before is not taken for another"
    assert described.version("image_encoder") == checkpoint(made[1]).version("image_encoder")


def test_what_does_not_fit_is_told(made, tmp_path):
    with pytest.raises(ValueError, match="decoder cannot be given with 'pocket', only with Stable Diffusion 1.x and"):
        StableDiffusion("pocket", decoder="tiny")
    with pytest.raises(ValueError, match="'madebyollin/taesdxl' is made for the latents of Stable Diffusion XL"):
        checkpoint("sd-1.5", decoder="madebyollin/taesdxl")
    with pytest.raises(ValueError, match="'.*small/vae' holds no tiny decoder in diffusers' naming.* given as vae="):
        checkpoint("sd-1.5", decoder=made[1] / "vae")
    save_file({"1.weight": np.ones((64, 4, 3, 3), np.float32)}, tmp_path / "taesd_decoder.safetensors")
    with pytest.raises(ValueError, match="holds no tiny decoder in diffusers' naming"):
        checkpoint("sd-1.5", decoder=tmp_path / "taesd_decoder.safetensors")
    with pytest.raises(FileNotFoundError, match="diffusion_pytorch_model.safetensors"):
        checkpoint("sd-1.5", decoder=tmp_path)
    tiny(tmp_path / "taesd3", latent_channels=16)
    with pytest.raises(ValueError, match="takes latents of 16 channels and makes them 8 times as wide; those of 'sd-"):
        checkpoint("sd-1.5", decoder=tmp_path / "taesd3")
    tiny(tmp_path / "taef", num_decoder_blocks=(1, 1, 1), decoder_block_out_channels=(64,) * 3)
    with pytest.raises(
        ValueError, match="of 4 channels and makes them 4 times as wide; .* have 4 and are made 8 times"
    ):
        checkpoint("sd-1.5", decoder=tmp_path / "taef")
    path = made[2] / tiny_decoders.FILE
    assert tiny_decoders.published().config == (tiny_decoders.read_tiny_decoder("", path).config)


def test_previews_without_it_are_a_linear_map_and_no_network(made, pocket):
    model = StableDiffusion(made[1], **OPTIONS)
    latent = np.zeros((2, 16, 16, 4), np.float32)
    latent[0, :8, :, 0], latent[0, 8:, :, 3], latent[1] = 1, 1, 9
    pictures = model.preview(latent)
    assert pictures.shape == (2, 128, 128, 3) and pictures.dtype == np.uint8
    assert pictures[0, 63, 5].tolist() == [165, 153, 154] and pictures[0, 64, 5].tolist() == [104, 92, 67]
    assert pictures[1].max() == 255, "cut off, and not around the clock"
    assert not model.networks._runs
    latent = np.zeros((1, *pocket.networks.latent_shape), np.float32)
    np.testing.assert_array_equal(pocket.preview(latent), pocket.decode(latent))
