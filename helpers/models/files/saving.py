"""A checkpoint's networks saved as diffusers saves them: for other programs, and to be loaded here again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
from safetensors.numpy import save_file

from helpers.models.architectures.configs import Architecture
from helpers.models.architectures.tensors import tensors
from helpers.models.clip_tokenizer import ClipTokenizer
from helpers.models.files.checkpoint_files import PREDICTIONS

# Of each folder: its networks here, and its file of weights.
_FOLDERS = {
    "text_encoder": (["text_encoder"], "model"),
    "unet": (["diffusion_model"], "diffusion_pytorch_model"),
    "vae": (["decoder", "image_encoder"], "diffusion_pytorch_model"),
}
_PIPELINE = {
    "_diffusers_version": "0.21.0",  # of such a layout; diffusers asks for it where a pipeline inpaints
    "feature_extractor": [None, None],
    "requires_safety_checker": False,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}


def save_folder(folder: Path | str, architecture: Architecture, networks: Mapping[str, keras.Model]) -> Path:
    """Save a checkpoint's four networks, by the names of `Networks`, in half precision in a new folder; returns it.

    It holds what diffusers' `DiffusionPipeline.from_pretrained` needs, and `StableDiffusion(folder)`.
    Raises FileExistsError for a folder that is there; one half written is taken away again.
    """
    folder = Path(folder)
    folder.mkdir(parents=True)
    try:
        for name, (parts, file) in _FOLDERS.items():
            arrays = {key: array for part in parts for key, array in _arrays(networks[part]).items()}
            (folder / name).mkdir()
            save_file(arrays, folder / name / f"{file}.safetensors", {"format": "pt"})
        for path, config in _configs(architecture).items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        merges = [" ".join(pair) for pair in ClipTokenizer().bpe_ranks]
        (folder / "tokenizer" / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8")
    except BaseException:
        shutil.rmtree(folder)
        raise
    return folder


def _arrays(network: keras.Model) -> dict[str, np.ndarray]:
    """Its weights under diffusers' names, in diffusers' layouts."""
    arrays = {}
    for name, (variable, _, to_file) in tensors(network).items():
        array = to_file(keras.ops.convert_to_numpy(variable))
        if ".mid_block.attentions." in name and name.startswith(("encoder.", "decoder.")):
            array = array.reshape(array.shape[:2])  # dense there, and 1 × 1 convolutions in KerasCV
        arrays[name] = np.ascontiguousarray(array, np.float16)
    return arrays


def _configs(architecture: Architecture) -> dict[str, dict]:
    text, unet, autoencoder = architecture.text_encoder, architecture.unet, architecture.autoencoder
    kinds = [
        ("CrossAttnDownBlock2D", "CrossAttnUpBlock2D") if each else ("DownBlock2D", "UpBlock2D")
        for each in unet.attention
    ]
    levels = len(autoencoder.channels)
    tokenizer = ClipTokenizer()
    padding = tokenizer.end_of_text if text.padding is None else text.padding
    told = {ours: theirs for theirs, ours in PREDICTIONS.items()}
    return {
        "model_index.json": {**_PIPELINE, "_class_name": f"StableDiffusion{'Inpaint' * unet.inpaints}Pipeline"},
        "text_encoder/config.json": {
            "architectures": ["CLIPTextModel"],
            "model_type": "clip_text_model",
            "hidden_size": text.width,
            "intermediate_size": 4 * text.width,
            "num_attention_heads": text.heads,
            "num_hidden_layers": text.layers,
            "hidden_act": text.activation,
            "vocab_size": text.vocabulary,
            "max_position_embeddings": text.max_length,
            "projection_dim": text.width,
            "bos_token_id": tokenizer.start_of_text,
            "eos_token_id": tokenizer.end_of_text,
        },
        "unet/config.json": {
            "_class_name": "UNet2DConditionModel",
            "sample_size": architecture.native_size // autoencoder.factor,
            "in_channels": unet.in_channels,
            "out_channels": unet.latent_channels,
            "block_out_channels": unet.channels,
            "down_block_types": [down for down, _ in kinds],
            "up_block_types": [up for _, up in reversed(kinds)],
            "attention_head_dim": unet.heads,  # the number of heads, for all that the name says
            "cross_attention_dim": unet.context_width,
            "use_linear_projection": unet.linear_projection,
            "layers_per_block": unet.layers,
        },
        "vae/config.json": {
            "_class_name": "AutoencoderKL",
            "block_out_channels": autoencoder.channels,
            "down_block_types": ["DownEncoderBlock2D"] * levels,
            "up_block_types": ["UpDecoderBlock2D"] * levels,
            "latent_channels": autoencoder.latent_channels,
            "layers_per_block": autoencoder.layers,
            "scaling_factor": autoencoder.scale,
        },
        "scheduler/scheduler_config.json": {
            "_class_name": "DDIMScheduler",
            "beta_schedule": "scaled_linear",
            "beta_start": 0.00085,
            "beta_end": 0.012,
            "clip_sample": False,
            "prediction_type": told[architecture.prediction],
        },
        "tokenizer/vocab.json": tokenizer.encoder,
        "tokenizer/tokenizer_config.json": {
            "model_max_length": text.max_length,
            "pad_token": tokenizer.decoder[padding],
            "tokenizer_class": "CLIPTokenizer",
        },
    }
