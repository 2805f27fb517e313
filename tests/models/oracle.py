"""diffusers' own pipelines with small random networks, as folders and as single files, to compare with."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

ROOT = Path(__file__).parents[2]
# Of each family: has it linear projections, and heads of 64; what its UNet predicts; its text encoder.
FAMILIES = {
    "1.x": dict(linear=False, prediction="epsilon", activation="quick_gelu", padding="<|endoftext|>"),
    "2.x noise": dict(linear=True, prediction="epsilon", activation="gelu", padding="!"),
    "2.x velocity": dict(linear=True, prediction="v_prediction", activation="gelu", padding="!"),
}


def tokenizer(folder: Path, padding: str) -> CLIPTokenizer:
    """transformers' CLIP tokenizer with CLIP's vocabulary."""
    with gzip.open(ROOT / "assets" / "clip" / "bpe_simple_vocab_16e6.txt.gz", "rt", encoding="utf-8") as file:
        merges = file.read().split("\n")[1 : 49152 - 256 - 2 + 1]
    from helpers.models.clip_tokenizer import ClipTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n", encoding="utf-8")
    (folder / "vocab.json").write_text(json.dumps(ClipTokenizer().encoder), encoding="utf-8")
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), pad_token=padding, model_max_length=77)


class Widths(NamedTuple):
    """Of a pipeline's networks; sample_size: of its latents, in cells."""

    unet: tuple[int, ...] = (64, 128, 256, 256)
    autoencoder: tuple[int, ...] = (32, 64, 128, 128)
    text: int = 128
    text_layers: int = 3
    sample_size: int = 16


SMALL = Widths()
FULL = {
    "1.x": Widths((320, 640, 1280, 1280), (128, 256, 512, 512), 768, 12, 64),
    "2.x noise": Widths((320, 640, 1280, 1280), (128, 256, 512, 512), 1024, 23, 64),
    "2.x velocity": Widths((320, 640, 1280, 1280), (128, 256, 512, 512), 1024, 23, 96),
}


def pipeline(family: str, folder: Path, widths: Widths = SMALL, **options) -> StableDiffusionPipeline:
    """A pipeline of the family, with weights of a seed; its norms and biases are noisy too, to hide nothing.

    It is saved in the folder. options: of its UNet, instead of the family's.
    """
    told = FAMILIES[family]
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=widths.sample_size,
        block_out_channels=widths.unet,
        attention_head_dim=[each // 64 for each in widths.unet] if told["linear"] else 8,
        cross_attention_dim=widths.text,
        use_linear_projection=told["linear"],
        **options,
    )
    vae = AutoencoderKL(
        block_out_channels=widths.autoencoder,
        down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4,
        latent_channels=4,
        layers_per_block=2,
        scaling_factor=0.18215,
    )
    text_config = CLIPTextConfig(
        hidden_size=widths.text,
        intermediate_size=4 * widths.text,
        num_attention_heads=widths.text // 64,
        num_hidden_layers=widths.text_layers,
        hidden_act=told["activation"],
        vocab_size=49408,
        projection_dim=widths.text,
        bos_token_id=49406,
        eos_token_id=49407,
    )
    text_encoder = CLIPTextModel(text_config)
    with torch.no_grad():
        for network in (unet, vae, text_encoder):
            for parameter in network.parameters():
                if parameter.ndim == 1:
                    parameter += 0.1 * torch.randn_like(parameter)
        unet.conv_out.weight *= 3  # noise of about unit size
        vae.decoder.conv_out.weight *= 4  # pictures that are not flat
    schedule = DDIMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        timestep_spacing="trailing",
        clip_sample=False,
        set_alpha_to_one=True,
        prediction_type=told["prediction"],
    )
    made = StableDiffusionPipeline(
        vae=vae.eval(),
        text_encoder=text_encoder.eval(),
        tokenizer=tokenizer(folder.with_name(folder.name + "-tokenizer"), told["padding"]),
        unet=unet.eval(),
        scheduler=schedule,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    made.set_progress_bar_config(disable=True)
    made.save_pretrained(folder)
    return made


def single_file(pipe: StableDiffusionPipeline, family: str, path: Path, dtype=torch.float32, **metadata: str) -> None:
    """The pipeline's weights under the original's names, written down here the other way round, from diffusers' names.

    With what such files carry besides: averages for training, the schedule, position ids, an unused last layer.
    """
    tensors = {f"model.diffusion_model.{_unet(name)}": each for name, each in pipe.unet.state_dict().items()}
    for name, each in pipe.vae.state_dict().items():
        name = _autoencoder(name)
        if re.search(r"attn_1\.(q|k|v|proj_out)\.weight", name):
            each = each[:, :, None, None]
        tensors[f"first_stage_model.{name}"] = each
    text = pipe.text_encoder.state_dict()
    text = {name if name.startswith("text_model.") else f"text_model.{name}": each for name, each in text.items()}
    if family == "1.x":
        tensors |= {f"cond_stage_model.transformer.{name}": each for name, each in text.items()}
        ids = torch.arange(77)[None]
        tensors["cond_stage_model.transformer.text_model.embeddings.position_ids"] = ids
    else:
        tensors |= {f"cond_stage_model.model.{name}": each for name, each in _open_clip(text).items()}
    tensors["model_ema.diffusion_modelinput_blocks00weight"] = torch.zeros(3)
    tensors["alphas_cumprod"] = torch.zeros(1000)
    stored = {
        name: (each.to(dtype) if each.is_floating_point() else each).contiguous() for name, each in tensors.items()
    }
    save_file(stored, path, metadata or None)


def _unet(name: str) -> str:
    single = {
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "conv_in": "input_blocks.0.0",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
        "mid_block.resnets.0": "middle_block.0",
        "mid_block.attentions.0": "middle_block.1",
        "mid_block.resnets.1": "middle_block.2",
    }
    for theirs, original in single.items():
        if name.startswith(theirs + "."):
            name = original + name[len(theirs) :]
    if match := re.match(r"down_blocks\.(\d)\.(resnets|attentions)\.(\d)\.(.*)", name):
        level, kind, place, rest = int(match[1]), match[2], int(match[3]), match[4]
        name = f"input_blocks.{1 + 3 * level + place}.{int(kind == 'attentions')}.{rest}"
    if match := re.match(r"down_blocks\.(\d)\.downsamplers\.0\.conv\.(.*)", name):
        name = f"input_blocks.{3 * (int(match[1]) + 1)}.0.op.{match[2]}"
    if match := re.match(r"up_blocks\.(\d)\.(resnets|attentions)\.(\d)\.(.*)", name):
        level, kind, place, rest = int(match[1]), match[2], int(match[3]), match[4]
        name = f"output_blocks.{3 * level + place}.{int(kind == 'attentions')}.{rest}"
    if match := re.match(r"up_blocks\.(\d)\.upsamplers\.0\.conv\.(.*)", name):
        level = int(match[1])
        name = f"output_blocks.{3 * level + 2}.{2 if level else 1}.conv.{match[2]}"  # the innermost has no attention
    within = {"norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0"}
    within |= {"conv2": "out_layers.3", "conv_shortcut": "skip_connection"}
    if ".transformer_blocks." not in name:
        for theirs, original in within.items():
            name = name.replace(f".{theirs}.", f".{original}.")
    return name


def _autoencoder(name: str) -> str:
    name = re.sub(r"down_blocks\.(\d)\.resnets\.(\d)", r"down.\1.block.\2", name)
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
    name = re.sub(r"up_blocks\.(\d)\.resnets\.(\d)", lambda m: f"up.{3 - int(m[1])}.block.{m[2]}", name)
    name = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{3 - int(m[1])}.upsample", name)
    name = name.replace("mid_block.resnets.0", "mid.block_1").replace("mid_block.resnets.1", "mid.block_2")
    name = name.replace("mid_block.attentions.0.group_norm", "mid.attn_1.norm")
    name = re.sub(r"mid_block\.attentions\.0\.to_(q|k|v)", r"mid.attn_1.\1", name)
    name = name.replace("mid_block.attentions.0.to_out.0", "mid.attn_1.proj_out")
    return name.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")


def _open_clip(text: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    width = len(text["text_model.final_layer_norm.weight"])
    told = {
        "positional_embedding": text["text_model.embeddings.position_embedding.weight"],
        "token_embedding.weight": text["text_model.embeddings.token_embedding.weight"],
        "ln_final.weight": text["text_model.final_layer_norm.weight"],
        "ln_final.bias": text["text_model.final_layer_norm.bias"],
        "text_projection": torch.zeros(width, width),
        "logit_scale": torch.zeros(()),
    }
    layers = len({name.split(".")[3] for name in text if ".layers." in name})
    for layer in range(layers + 1):
        if layer == layers:  # is not looked at
            text = {name: 2 * each for name, each in text.items()}
        source = f"text_model.encoder.layers.{min(layer, layers - 1)}."
        block = f"transformer.resblocks.{layer}."
        for end in ("weight", "bias"):
            told[f"{block}ln_1.{end}"] = text[f"{source}layer_norm1.{end}"]
            told[f"{block}ln_2.{end}"] = text[f"{source}layer_norm2.{end}"]
            told[f"{block}mlp.c_fc.{end}"] = text[f"{source}mlp.fc1.{end}"]
            told[f"{block}mlp.c_proj.{end}"] = text[f"{source}mlp.fc2.{end}"]
            told[f"{block}attn.out_proj.{end}"] = text[f"{source}self_attn.out_proj.{end}"]
            parts = [text[f"{source}self_attn.{each}_proj.{end}"] for each in "qkv"]
            told[f"{block}attn.in_proj_{end}"] = torch.cat(parts)
    return told


def numpy(tensor: torch.Tensor) -> np.ndarray:
    """Of a picture or a latent, channels last."""
    array = tensor.detach().float().numpy()
    return array.transpose(0, 2, 3, 1) if array.ndim == 4 else array


def channels_first(array: np.ndarray) -> torch.Tensor:
    """The other way round."""
    return torch.from_numpy(array.transpose(0, 3, 1, 2).copy())


def close(ours, theirs) -> float:
    """The largest difference through the largest value."""
    return float(np.abs(np.asarray(ours) - theirs).max() / np.abs(theirs).max())


def assert_same(ours, theirs, figure, what, most=1) -> None:
    """Our pictures, uint8, are diffusers', floats of 0…1, but for so many of 255; tells how many it was."""
    difference = np.abs(ours.astype(int) - np.floor(theirs * 255))
    figure(f"{what}: the picture is at most {difference.max():.0f} of 255 from diffusers' pipeline's")
    assert theirs.std() > 0.05, "a flat picture would prove nothing"
    assert difference.max() <= most and difference.mean() < 1
