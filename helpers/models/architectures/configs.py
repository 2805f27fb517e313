"""What tells one Stable Diffusion's networks from another's: their widths, and how the original computes them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TextEncoderConfig:
    """Of CLIP's text encoder. The second family leaves out OpenCLIP's last layer, which is not among `layers`."""

    width: int
    heads: int
    layers: int
    activation: str  # "quick_gelu" or "gelu"
    vocabulary: int = 49408
    max_length: int = 77
    padding: int | None = None  # the token that fills a prompt up; None: the end of text


@dataclass(frozen=True)
class UNetConfig:
    """Of the UNet. `heads` and `attention` (whether it has transformers) are told level by level, from the outermost.

    linear_projection: before and after its transformers are dense layers (the second family), not 1 × 1 convolutions.
    """

    channels: tuple[int, ...]
    heads: tuple[int, ...]
    context_width: int
    linear_projection: bool
    attention: tuple[bool, ...] = (True, True, True, False)
    in_channels: int = 4  # 9 of a network made for inpainting: latent, mask, the masked picture's latent
    latent_channels: int = 4
    layers: int = 2  # residual blocks at each level, on the way down
    guidance_width: int | None = None  # of the guidance's sines and cosines, where it is distilled to be told them

    @property
    def inpaints(self) -> bool:
        """Whether it is made for inpainting."""
        return self.in_channels > self.latent_channels


@dataclass(frozen=True)
class AutoencoderConfig:
    """Of the autoencoder. scale: what a latent is multiplied by for about unit variance."""

    channels: tuple[int, ...] = (128, 256, 512, 512)
    latent_channels: int = 4
    layers: int = 2
    scale: float = 0.18215

    @property
    def factor(self) -> int:
        """How many times as wide as its latent a picture is."""
        return 2 ** (len(self.channels) - 1)


@dataclass(frozen=True)
class TinyDecoderConfig:
    """Of a decoder that takes the place of the autoencoder's. blocks: at each level, from the latent's size on."""

    width: int = 64
    latent_channels: int = 4
    blocks: tuple[int, ...] = (3, 3, 3, 1)

    @property
    def factor(self) -> int:
        """How many times as wide as its latent a picture is."""
        return 2 ** (len(self.blocks) - 1)


@dataclass(frozen=True)
class Architecture:
    """All networks of one checkpoint.

    prediction: "noise" or "velocity", what the UNet tells of a latent; native_size: pixels it was trained at.
    """

    text_encoder: TextEncoderConfig
    unet: UNetConfig
    autoencoder: AutoencoderConfig
    prediction: str = "noise"
    native_size: int = 512


FIRST = Architecture(
    TextEncoderConfig(width=768, heads=12, layers=12, activation="quick_gelu"),
    UNetConfig((320, 640, 1280, 1280), heads=(8, 8, 8, 8), context_width=768, linear_projection=False),
    AutoencoderConfig(),
)
SECOND = Architecture(
    TextEncoderConfig(width=1024, heads=16, layers=23, activation="gelu", padding=0),
    UNetConfig((320, 640, 1280, 1280), heads=(5, 10, 20, 20), context_width=1024, linear_projection=True),
    AutoencoderConfig(),
)
