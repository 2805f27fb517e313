"""The names of the original files (CompVis's, OpenCLIP's), told in diffusers' names.

What becomes what is described by diffusers' conversion scripts; the numbers in the names follow from the order in
which the original lists its blocks, down and up, with `layers` residual blocks at each level.
"""

from __future__ import annotations

import re

UNET, AUTOENCODER = "model.diffusion_model.", "first_stage_model."
TEXT_ENCODERS = {"1": "cond_stage_model.transformer.", "2": "cond_stage_model.model."}  # of each family

_UNET_ENDS = {
    "in_layers.0": "norm1",
    "in_layers.2": "conv1",
    "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2",
    "out_layers.3": "conv2",
    "skip_connection": "conv_shortcut",
}
_UNET_SINGLE = {
    "time_embed.0": "time_embedding.linear_1",
    "time_embed.2": "time_embedding.linear_2",
    "time_embed.cond_proj": "time_embedding.cond_proj",
    "input_blocks.0.0": "conv_in",
    "out.0": "conv_norm_out",
    "out.2": "conv_out",
    "middle_block.0": "mid_block.resnets.0",
    "middle_block.1": "mid_block.attentions.0",
    "middle_block.2": "mid_block.resnets.1",
}
_AUTOENCODER = {
    r"\.nin_shortcut\.": ".conv_shortcut.",
    r"\.norm_out\.": ".conv_norm_out.",
    r"\.mid\.block_1\.": ".mid_block.resnets.0.",
    r"\.mid\.block_2\.": ".mid_block.resnets.1.",
    r"\.mid\.attn_1\.norm\.": ".mid_block.attentions.0.group_norm.",
    r"\.mid\.attn_1\.(q|k|v)\.": r".mid_block.attentions.0.to_\1.",
    r"\.mid\.attn_1\.proj_out\.": ".mid_block.attentions.0.to_out.0.",
    r"\.(down|up)\.(\d+)\.block\.(\d+)\.": r".\1_blocks.\2.resnets.\3.",
    r"\.(down|up)\.(\d+)\.(down|up)sample\.conv\.": r".\1_blocks.\2.\3samplers.0.conv.",
}
_OPEN_CLIP = {
    r"^positional_embedding$": "text_model.embeddings.position_embedding.weight",
    r"^token_embedding\.": "text_model.embeddings.token_embedding.",
    r"^ln_final\.": "text_model.final_layer_norm.",
    r"^transformer\.resblocks\.": "text_model.encoder.layers.",
    r"\.ln_([12])\.": r".layer_norm\1.",
    r"\.c_fc\.": ".fc1.",
    r"\.c_proj\.": ".fc2.",
    r"\.attn\.out_proj\.": ".self_attn.out_proj.",
}
# Of older files of diffusers.
_OLDER_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}


def unet_name(name: str, layers: int) -> str:
    """Of a tensor of the UNet, without the prefix UNET."""
    for original, told in _UNET_SINGLE.items():
        if name.startswith(f"{original}."):
            name = f"{told}{name.removeprefix(original)}"
    if match := re.match(r"(input|output)_blocks\.(\d+)\.(\d+)\.(.*)", name):
        way, number, part, rest = match[1], int(match[2]), int(match[3]), match[4]
        level, place = divmod(number - (way == "input"), layers + 1)
        block = f"{'down' if way == 'input' else 'up'}_blocks.{level}"
        if rest.startswith("op."):
            name = f"{block}.downsamplers.0.conv.{rest.removeprefix('op.')}"
        elif rest.startswith("conv."):
            name = f"{block}.upsamplers.0.{rest}"
        else:
            name = f"{block}.{'attentions' if part else 'resnets'}.{place}.{rest}"
    for original, told in _UNET_ENDS.items():
        name = name.replace(f".{original}.", f".{told}.")
    return name


def autoencoder_name(name: str, levels: int) -> str:
    """Of a tensor of the autoencoder, without the prefix AUTOENCODER; of older files of diffusers too.

    The original counts the decoder's levels from the outermost, diffusers as they are passed.
    """
    for pattern, told in _AUTOENCODER.items():
        name, found = re.subn(pattern, told, name)
        if found and (match := re.match(r"decoder\.up_blocks\.(\d+)\.", name)):
            name = f"decoder.up_blocks.{levels - 1 - int(match[1])}.{name[match.end() :]}"
    return re.sub(
        r"\.attentions\.0\.(query|key|value|proj_attn)\.",
        lambda match: f".attentions.0.{_OLDER_ATTENTION[match[1]]}.",
        name,
    )


def clip_name(name: str) -> str:
    """Of a tensor of the first family's text encoder, without its prefix, in any of transformers' ways."""
    return name if name.startswith("text_model.") else f"text_model.{name}"


def open_clip_names(name: str) -> list[str]:
    """Of a tensor of the second family's text encoder, without its prefix; three where three lie in one."""
    for pattern, told in _OPEN_CLIP.items():
        name = re.sub(pattern, told, name)
    if match := re.fullmatch(r"(.*)\.attn\.in_proj_(weight|bias)", name):
        return [f"{match[1]}.self_attn.{each}_proj.{match[2]}" for each in "qkv"]
    return [name]
