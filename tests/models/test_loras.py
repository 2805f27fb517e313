"""Low-rank updates, against diffusers: made by peft, saved in its naming and in kohya's, loaded here."""

import re

import numpy as np
import oracle
import pytest
import torch
from peft import LoraConfig, get_peft_model_state_dict, inject_adapter_in_model
from safetensors.torch import load_file, save_file

from helpers import StableDiffusion
from helpers.diffusion.schedule import timestep_embedding

STRENGTH = 0.8
UNET_TARGETS = ["to_q", "to_k", "to_v", "to_out.0", "proj_in", "ff.net.0.proj", "conv1", "downsamplers.0.conv"]
TEXT_TARGETS = ["q_proj", "v_proj", "fc1"]
rng = np.random.default_rng(0)
LATENT, CONTEXT = rng.standard_normal((1, 16, 16, 4), np.float32), rng.standard_normal((1, 77, 128), np.float32)
TOKENS, POSITIONS = rng.integers(0, 49406, (1, 77)).astype(np.int32), np.arange(77, dtype=np.int32)[None]


@pytest.fixture(scope="module", params=["1.x", "2.x velocity"])
def made(request, tmp_path_factory):
    """The folder of a checkpoint, the two files of a LoRA, and what diffusers' networks give with it."""
    folder = tmp_path_factory.mktemp("loras") / "small"
    pipe = oracle.pipeline(request.param, folder)
    torch.manual_seed(1)
    for network, targets in ((pipe.unet, UNET_TARGETS), (pipe.text_encoder, TEXT_TARGETS)):
        config = LoraConfig(r=4, lora_alpha=6, target_modules=targets, init_lora_weights="gaussian")
        inject_adapter_in_model(config, network)
        with torch.no_grad():  # peft begins with a factor of noughts
            for name, parameter in network.named_parameters():
                if "lora_B" in name:
                    parameter.normal_(std=0.05)
    layers = {"unet_lora_layers": pipe.unet, "text_encoder_lora_layers": pipe.text_encoder}
    layers = {name: get_peft_model_state_dict(network) for name, network in layers.items()}
    alphas = {f"{name}_lora_adapter_metadata": {"r": 4, "lora_alpha": 6} for name in ("unet", "text_encoder")}
    pipe.save_lora_weights(folder.parent, weight_name="theirs.safetensors", **layers, **alphas)
    theirs = folder.parent / "theirs.safetensors"
    kohya = {}
    for name, each in load_file(theirs).items():
        module, factor, _ = name.rsplit(".", 2)  # with text_model or without, as the version of transformers has it
        module = re.sub(r"^text_encoder\.(text_model\.)?", "lora_te.text_model.", module)
        module = module.replace("unet.", "lora_unet.", 1).replace(".", "_")
        kohya[f"{module}.{'lora_down' if factor == 'lora_A' else 'lora_up'}.weight"] = each.half()
        kohya[f"{module}.alpha"] = torch.tensor(6.0)
    save_file(kohya, folder.parent / "kohya.safetensors")
    for network in (pipe.unet, pipe.text_encoder):
        for module in network.modules():
            if hasattr(module, "set_scale"):
                module.set_scale("default", STRENGTH)
    with torch.no_grad():
        latent = oracle.channels_first(LATENT)
        unet = oracle.numpy(pipe.unet(latent, torch.tensor([500]), torch.from_numpy(CONTEXT)).sample)
        text = pipe.text_encoder(torch.from_numpy(TOKENS).long())[0].numpy()
    return folder, {"theirs": theirs, "kohya": folder.parent / "kohya.safetensors"}, unet, text


def outputs(model):
    embedding = timestep_embedding([500], model.checkpoint.timestep_width)
    return model.run("diffusion_model", LATENT, embedding, CONTEXT), model.run("text_encoder", TOKENS, POSITIONS)


def test_loras_give_diffusers_numbers_and_go_again(made, figure):
    folder, files, *expected = made
    options = dict(engine="graph", precision="float32")
    model = StableDiffusion(folder, **options)
    plain = outputs(model)
    assert min(map(oracle.close, plain, expected)) > 0.003, "a LoRA that changes nothing would prove nothing"
    for naming, path in files.items():
        model.use_loras({path: STRENGTH})
        differences = [*map(oracle.close, outputs(model), expected)]
        figure(f"LoRA in {naming} naming: at most {max(differences):.1e} of the largest value from diffusers'")
        # kohya's file is of half precision
        assert max(differences) < (1e-4 if naming == "theirs" else 2e-3)
    model.use_loras({files["theirs"]: 0.5, files["kohya"]: 0.3})
    assert max(map(oracle.close, outputs(model), expected)) < 2e-3, "several are added up"
    assert model.settings["loras"] == "theirs.safetensors: 0.5, kohya.safetensors: 0.3"
    model.use_loras({})
    for one, other in zip(outputs(model), plain):
        np.testing.assert_array_equal(one, other)
