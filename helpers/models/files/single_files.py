"""A checkpoint in one `.safetensors` file with the original's names, as web UIs share it; or an autoencoder in one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from helpers.models.architectures.configs import Architecture, TextEncoderConfig, UNetConfig
from helpers.models.files import original_names
from helpers.models.files.checkpoint_files import (
    Autoencoder,
    CheckpointFiles,
    Tensors,
    autoencoder_config,
    count,
    prediction,
    widths,
)
from helpers.models.files.tensor_files import StoredTensor, TensorFile, listed

LAYERS = 2  # residual blocks a level, in all of them
HEAD_SIZE = 64  # of the text encoders, and of the second family's UNet; the first family's UNet has 8 heads
_SHORT = {"eps": "epsilon", "v": "v_prediction"}  # what web UIs' configurations call a prediction

# What a file may hold that no picture needs: averages for training, the noise schedule, the contrastive head.
_UNUSED = re.compile(
    r"model_ema\.|betas$|(sqrt_)?(one_minus_)?(recip_|recipm1_)?(log_one_minus_)?alphas_cumprod|posterior_|logvar$"
    r"|sqrt_|log_one_|lvlb_weights|.*position_ids$|.*\.(logit_scale|text_projection)(\.weight)?$|first_stage_model\.loss\."
    r"|cond_stage_model\.(logit_scale|text_projection)"
)
# How to tell what else a file is, by a part of one of its names: of which other family, of which other kind.
_FAMILIES = {
    r"conditioner\.embedders\.|add_embedding\.": "of Stable Diffusion XL",
    r"joint_blocks\.": "of Stable Diffusion 3",
    r"double_blocks\.|single_transformer_blocks\.": "of Flux",
}
_KINDS = {
    r"lora_(up|down|A|B)\b|\.lora\.|hada_w": "a LoRA alone: name the checkpoint it is for and give loras={path: 1.0}",
    r"control_model\.|controlnet_": "a ControlNet",
    r"emb_params$|string_to_param": "a learned word alone",
    r"^(first_stage_model\.)?(encoder|decoder)\.|^decode_head": (
        "an autoencoder alone: name the checkpoint it is for and give vae=path"
    ),
}


def read_single_file(path: Path, predicts: str | None = None) -> CheckpointFiles:
    """The checkpoint in a file.

    predicts: "noise" or "velocity"; needed where a file of the second family does not tell it.
    Raises ValueError for a file of another family, or of another kind, which it names.
    """
    file = TensorFile(path)
    family = _family(file)
    unet = _named(file, original_names.UNET, lambda name: [original_names.unet_name(name, LAYERS)])
    prefix = original_names.TEXT_ENCODERS[family]
    names = original_names.open_clip_names if family == "2" else lambda name: [original_names.clip_name(name)]
    text = _named(file, prefix, names)
    known = (original_names.UNET, original_names.AUTOENCODER, prefix)
    if left := [name for name in file.shapes if not name.startswith(known) and not _UNUSED.match(name)]:
        raise ValueError(f"'{path.name}' has {len(left)} tensors that no network here takes: {listed(left)}.")
    config = _text_config(text, family)
    if family == "2":  # the original looks at the last layer but one
        text = {name: each for name, each in text.items() if f".layers.{config.layers}." not in name}
    architecture = Architecture(
        config,
        _unet_config(unet, family),
        autoencoder_config(vae := _autoencoder(file)),
        _prediction(file, predicts, family),
    )
    return CheckpointFiles(architecture, text, unet, Autoencoder(architecture.autoencoder, vae))


def read_autoencoder(path: Path) -> Autoencoder:
    """The autoencoder in a file, alone or with a checkpoint around it. Raises ValueError where there is none."""
    tensors = _autoencoder(TensorFile(path))
    return Autoencoder(autoencoder_config(tensors), tensors)


def _named(file: TensorFile, prefix: str, told: Callable[[str], Iterable[str]]) -> dict[str, StoredTensor]:
    """The file's tensors with that prefix, under the names that `told` makes of the rest of theirs."""
    named = {}
    for key in file.shapes:
        if key.startswith(prefix) and not _UNUSED.match(key):
            names = list(told(key.removeprefix(prefix)))
            for number, name in enumerate(names):
                named[name] = StoredTensor(file, key, number if len(names) > 1 else None)
    return named


def _autoencoder(file: TensorFile) -> dict[str, StoredTensor]:
    inside = any(key.startswith(original_names.AUTOENCODER) for key in file.shapes)
    prefix = original_names.AUTOENCODER if inside else ""
    levels = {match[1] for key in file.shapes if (match := re.search(r"encoder\.down(?:_blocks)?\.(\d+)\.", key))}
    return _named(file, prefix, lambda name: [original_names.autoencoder_name(name, len(levels))])


def _family(file: TensorFile) -> str:
    def has(pattern: str) -> bool:
        return any(re.search(pattern, key) for key in file.shapes)

    if has("^" + re.escape(original_names.UNET)) and not has("|".join(_FAMILIES)):
        for family, prefix in original_names.TEXT_ENCODERS.items():
            if has("^" + re.escape(prefix)):
                return family
    kinds = [kind for pattern, kind in (_FAMILIES | _KINDS).items() if has(pattern)]
    kind = kinds[0] if kinds else f"of no kind known here; it begins with {listed([*file.shapes], 3)}"
    raise ValueError(
        f"'{file.path.name}' is {kind}. A model is a checkpoint of Stable Diffusion 1.x or 2.x with all its networks."
    )


def _text_config(text: Tensors, family: str) -> TextEncoderConfig:
    vocabulary, width = text["text_model.embeddings.token_embedding.weight"].shape
    layers = count(text, "text_model.encoder.layers.{}.layer_norm1.weight")
    return TextEncoderConfig(
        width=width,
        heads=width // HEAD_SIZE,
        layers=layers - (family == "2"),
        activation="gelu" if family == "2" else "quick_gelu",
        vocabulary=vocabulary,
        max_length=text["text_model.embeddings.position_embedding.weight"].shape[0],
        padding=0 if family == "2" else None,
    )


def _unet_config(unet: Tensors, family: str) -> UNetConfig:
    levels = count(unet, "down_blocks.{}.resnets.0.conv1.weight")
    guidance = "time_embedding.cond_proj.weight"
    channels = widths(unet, [f"down_blocks.{level}.resnets.0.conv1.weight" for level in range(levels)])
    return UNetConfig(
        channels=channels,
        heads=tuple(each // HEAD_SIZE if family == "2" else 8 for each in channels),
        context_width=unet["mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight"].shape[1],
        linear_projection=len(unet["mid_block.attentions.0.proj_in.weight"].shape) == 2,
        attention=tuple(f"down_blocks.{level}.attentions.0.norm.weight" in unet for level in range(levels)),
        in_channels=unet["conv_in.weight"].shape[1],
        latent_channels=unet["conv_out.weight"].shape[0],
        layers=LAYERS,
        guidance_width=unet[guidance].shape[1] if guidance in unet else None,
    )


def _prediction(file: TensorFile, given: str | None, family: str) -> str:
    """Asked for, told by the file, told by a web UI's configuration beside it, or the only one of the family."""
    beside = file.path.with_suffix(".yaml")
    parameterization = beside.is_file() and re.search(r"parameterization:\s*\"?(\w+)", beside.read_text("utf-8"))
    told = file.metadata.get("modelspec.prediction_type") or (parameterization[1] if parameterization else None)
    if given is None and told is None and family == "2":
        raise ValueError(
            f"'{file.path.name}' does not tell what its UNet predicts: give prediction='velocity' (2.0 and 2.1 at 768 "
            "pixels) or prediction='noise' (2.0-base, 2.1-base, 2.0-inpainting, turbo)."
        )
    return given or prediction(_SHORT.get(told, told) if told else "epsilon", file.path.name)
