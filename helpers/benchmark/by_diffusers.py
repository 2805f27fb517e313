"""The peers of `helpers.benchmark` from diffusers: its networks as they are, compiled by PyTorch, or by OpenVINO.

Their weights are random, as speed does not depend on them. By OpenVINO they are converted as optimum-intel does it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from diffusers import AutoencoderKL, AutoencoderTiny, EulerDiscreteScheduler, LCMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from helpers.benchmark.bounds import inputs
from helpers.models.architectures.configs import (
    FIRST,
    SECOND,
    Architecture,
    AutoencoderConfig,
    TextEncoderConfig,
    UNetConfig,
)

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
BETAS = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")


class Call(torch.nn.Module):
    """A network and what is asked of it: its tensors alone come in and go out."""

    def __init__(self, network: torch.nn.Module, ask: Callable):
        super().__init__()
        self.network, self.ask = network.eval(), ask

    def forward(self, *tensors):
        return self.ask(self.network, *tensors)


def text_encoder(config: TextEncoderConfig) -> Call:
    """Tokens int64 (N, 77) → context (N, 77, width)."""
    network = CLIPTextModel(
        CLIPTextConfig(
            hidden_size=config.width,
            intermediate_size=4 * config.width,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            hidden_act=config.activation,
        )
    )
    return Call(network, lambda network, tokens: network(tokens)[0])


def unet(config: UNetConfig) -> Call:
    """Latent (N, 4, H, W), a timestep, context → noise."""
    network = UNet2DConditionModel(
        sample_size=64,
        block_out_channels=config.channels,
        attention_head_dim=config.heads,  # diffusers calls it so; it is how many heads
        cross_attention_dim=config.context_width,
        use_linear_projection=config.linear_projection,
    )
    return Call(network, lambda network, latent, timestep, context: network(latent, timestep, context).sample)


def decoder(config: AutoencoderConfig, tiny: bool) -> Call:
    """Latent (N, 4, H, W) → picture (N, 3, 8 H, 8 W)."""
    if tiny:
        network = AutoencoderTiny()
    else:
        levels = len(config.channels)
        network = AutoencoderKL(
            block_out_channels=config.channels,
            down_block_types=("DownEncoderBlock2D",) * levels,
            up_block_types=("UpDecoderBlock2D",) * levels,
            layers_per_block=config.layers,
        )
    return Call(network, lambda network, latent: network.decode(latent).sample)


def ready(call: Call, example: tuple, configuration: dict) -> Callable:
    """The call, as the peer makes it, from float32 tensors to a float32 tensor. example: what it will be given."""
    if configuration["peer"] == "diffusers openvino":
        return _by_openvino(call, example, configuration["precision"])
    dtype = getattr(torch, configuration["precision"])
    # convolutions in the memory order that suits them best
    call = call.to(DEVICE, dtype, memory_format=torch.channels_last)
    run = torch.compile(call) if configuration["peer"] == "diffusers compiled" else call

    def ask(*tensors):
        moved = [each.to(DEVICE, dtype if each.is_floating_point() else each.dtype) for each in tensors]
        with torch.inference_mode():
            return run(*moved).float().cpu()

    return ask


def _by_openvino(call: Call, example: tuple, precision: str) -> Callable:
    import openvino

    from helpers.engines import by_openvino

    model = openvino.convert_model(call, example_input=example)
    model.reshape({tensor: list(each.shape) for tensor, each in zip(model.inputs, example)})
    run = by_openvino.compiled_for(by_openvino.mapped(model), precision)
    return lambda *tensors: torch.from_numpy(run([each.numpy() for each in tensors])[0])


def step(configuration: dict) -> Callable[[], object]:
    """A function that takes a guided step."""
    latent, _, context = (torch.from_numpy(array) for array in inputs(configuration))
    given = latent.permute(0, 3, 1, 2).contiguous(), torch.tensor(500), context
    run = ready(unet(_architecture(configuration).unet), given, configuration)
    return lambda: run(*given)


def picture(configuration: dict) -> Callable[[], np.ndarray]:
    """A function that draws a picture, unguided: the text encoder, the steps, the decoder."""
    told = _architecture(configuration)
    cells = configuration["size"] // told.autoencoder.factor
    tokens, timestep = torch.zeros((1, told.text_encoder.max_length), dtype=torch.long), torch.tensor(500)
    latent = torch.zeros((1, told.unet.latent_channels, cells, cells))
    context = torch.zeros((1, told.text_encoder.max_length, told.unet.context_width))
    encode = ready(text_encoder(told.text_encoder), (tokens,), configuration)
    denoise = ready(unet(told.unet), (latent, timestep, context), configuration)
    decode = ready(decoder(told.autoencoder, bool(configuration["decoder"])), (latent,), configuration)
    consistency = configuration["sampler"] == "lcm"
    scheduler = LCMScheduler(**BETAS) if consistency else EulerDiscreteScheduler(timestep_spacing="trailing", **BETAS)

    def draw():
        context = encode(tokens)
        scheduler.set_timesteps(configuration["num_steps"])
        x = torch.randn(latent.shape) * scheduler.init_noise_sigma
        for timestep in scheduler.timesteps:
            told = denoise(scheduler.scale_model_input(x, timestep), timestep.long(), context)
            x = scheduler.step(told, timestep, x).prev_sample
        pixels = (decode(x) / 2 + 0.5).clamp(0, 1).mul(255).round().byte()
        return pixels.permute(0, 2, 3, 1).numpy()

    return draw


def _architecture(configuration: dict) -> Architecture:
    return SECOND if configuration["model"] in ("sd-2.1", "sd-turbo") else FIRST
