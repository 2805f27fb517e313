"""A checkpoint in a folder, as diffusers saves it: a folder for each network, its configuration beside its weights."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.models.architectures.configs import Architecture, AutoencoderConfig, TextEncoderConfig, UNetConfig
from helpers.models.files.checkpoint_files import Autoencoder, CheckpointFiles, prediction
from helpers.models.files.original_names import autoencoder_name, clip_name
from helpers.models.files.tensor_files import PICKLES, StoredTensor, TensorFile, listed, near

if TYPE_CHECKING:
    from helpers.models.clip_tokenizer import ClipTokenizer

# What every checkpoint of both families has, and the networks here take for granted.
_SCHEDULE = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "num_train_timesteps": 1000}
_SCHEDULE |= {"rescale_betas_zero_snr": False}
_PIPELINES = r"(?!.*(XL|3|Upscale|Gligen|Video)).*(StableDiffusion|LatentConsistencyModel)"
_UNET = {"act_fn": "silu", "norm_num_groups": 32, "transformer_layers_per_block": 1, "class_embed_type": None}
_UNET |= {"addition_embed_type": None, "mid_block_type": "UNetMidBlock2DCrossAttn"}


def read_folder(folder: Path) -> CheckpointFiles:
    """The checkpoint in a folder.

    Raises ValueError for a folder that holds something else, which it names, or networks of another family;
    FileNotFoundError for one that lacks a file.
    """
    from helpers.models.clip_tokenizer import ClipTokenizer  # which loads Keras

    index = folder / "model_index.json"
    if not index.is_file():
        raise ValueError(f"'{folder}' holds no checkpoint: {_instead(folder)}.")
    pipeline = _json(index).get("_class_name", "")
    if not re.match(_PIPELINES, pipeline):
        raise ValueError(
            f"'{folder.name}' was saved for diffusers' {pipeline or 'unnamed pipeline'}; a model is a checkpoint of "
            "Stable Diffusion 1.x or 2.x."
        )
    unet, schedule = _json(folder / "unet" / "config.json"), _json(folder / "scheduler" / "scheduler_config.json")
    _expect(folder / "scheduler" / "scheduler_config.json", schedule, _SCHEDULE)
    tokenizer = ClipTokenizer.from_folder(folder / "tokenizer") if (folder / "tokenizer").is_dir() else None
    autoencoder = read_autoencoder_folder(folder / "vae")
    architecture = Architecture(
        _text_config(folder / "text_encoder" / "config.json", tokenizer),
        _unet_config(folder / "unet" / "config.json", unet),
        autoencoder.config,
        prediction(schedule.get("prediction_type", "epsilon"), folder.name),
        native_size=int(unet.get("sample_size", 64)) * autoencoder.config.factor,
    )
    return CheckpointFiles(
        architecture,
        _tensors(folder / "text_encoder", clip_name),
        _tensors(folder / "unet", lambda name: name),
        autoencoder,
        tokenizer,
    )


def read_autoencoder_folder(folder: Path) -> Autoencoder:
    """The autoencoder in a folder of its own, as diffusers saves it: config.json and weights."""
    config = _json(folder / "config.json")
    channels = tuple(config["block_out_channels"])
    return Autoencoder(
        AutoencoderConfig(
            channels,
            config["latent_channels"],
            config["layers_per_block"],
            config.get("scaling_factor", AutoencoderConfig.scale),
        ),
        _tensors(folder, lambda name: autoencoder_name(name, len(channels))),
    )


def _instead(folder: Path) -> str:
    if (config := folder / "config.json").is_file():
        return f"it is {_json(config).get('_class_name', 'one network')} alone, and a whole checkpoint has several"
    names = sorted(each.name for each in folder.iterdir())
    if single := [name for name in names if name.endswith(".safetensors")]:
        return f"'model_index.json' is missing; to load a single file, name it: {listed(single)}"
    return f"'model_index.json' is missing; there are {listed(names)}" if names else "it is empty"


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(f"There is no '{path}'{near(path)}; save the checkpoint again, or fetch it anew.")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"'{path}' is no JSON ({error}); fetch it again.") from error


def _expect(path: Path, config: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Every one of these where the file tells it."""
    for name, expected in values.items():
        if (found := config.get(name, expected)) != expected:
            raise ValueError(f"'{path}' has {name} {found!r}; Stable Diffusion 1.x and 2.x have {expected!r}.")


def _text_config(path: Path, tokenizer: ClipTokenizer | None) -> TextEncoderConfig:
    config = _json(path)
    _expect(path, config, {"intermediate_size": 4 * config["hidden_size"]})
    return TextEncoderConfig(
        width=config["hidden_size"],
        heads=config["num_attention_heads"],
        layers=config["num_hidden_layers"],
        activation=config["hidden_act"],
        vocabulary=config["vocab_size"],
        max_length=config["max_position_embeddings"],
        padding=None if tokenizer is None or tokenizer.padding == tokenizer.end_of_text else tokenizer.padding,
    )


def _unet_config(path: Path, config: Mapping[str, Any]) -> UNetConfig:
    _expect(path, config, _UNET)
    channels = tuple(config["block_out_channels"])
    # the number of heads, whatever its name says, until files told it apart
    heads = config.get("num_attention_heads") or config["attention_head_dim"]
    return UNetConfig(
        channels=channels,
        heads=tuple(heads) if isinstance(heads, list) else (heads,) * len(channels),
        context_width=config["cross_attention_dim"],
        linear_projection=config.get("use_linear_projection", False),
        attention=tuple(kind == "CrossAttnDownBlock2D" for kind in config["down_block_types"]),
        in_channels=config["in_channels"],
        latent_channels=config["out_channels"],
        layers=config["layers_per_block"],
        guidance_width=config.get("time_cond_proj_dim"),
    )


def _tensors(folder: Path, told: Callable[[str], str]) -> dict[str, StoredTensor]:
    """All tensors of a network's folder; of several sets of files the one in full precision, unless it is not there."""
    found = [*folder.glob("*.safetensors")]
    sets = [
        [path for path in found if ".fp16" not in path.name and "non_ema" not in path.name],
        [path for path in found if ".fp16" in path.name and "non_ema" not in path.name],
    ]
    paths = next(filter(None, sets), [])
    if not paths:
        pickles = sorted(each.name for each in folder.iterdir() if each.suffix in PICKLES) if folder.is_dir() else []
        only = f"; '{pickles[0]}' is a pickle, which is not opened here, for it can run any program" if pickles else ""
        raise FileNotFoundError(f"There is no '.safetensors' file in '{folder}'{only}.")
    files = [TensorFile(path) for path in sorted(paths)]
    return {
        told(key): StoredTensor(file, key) for file in files for key in file.shapes if not key.endswith("position_ids")
    }
