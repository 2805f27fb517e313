"""KerasCV's own networks with every width narrowed to 32: the same layers in the same order, a thousandth of the size.

For KerasCV 0.4.2 with Keras 2 and KerasCV 0.9 with Keras 3 alike: both make their networks of the names replaced here.
"""

import contextlib
import functools

WIDTH = 32  # the least that their 32 groups of normalisation allow
LENGTH = 7  # tokens of a prompt
VOCABULARY = 50
_WIDE = {128, 256, 320, 512, 640, 768, 1024, 1280}


def _narrow(width):
    return WIDTH if width in _WIDE else width


class _With:
    """A module with some of its names replaced."""

    def __init__(self, module, **replaced):
        self._module = module
        vars(self).update(replaced)

    def __getattr__(self, name):
        return getattr(self._module, name)


@contextlib.contextmanager
def narrowed(*modules):
    """While it lasts, what these modules of KerasCV make is narrow."""
    kept = {module: dict(vars(module)) for module in modules}
    for module in modules:
        old = kept[module]
        keras = old["keras"]

        def dense(units, *, _dense=keras.layers.Dense, **options):
            return _dense(WIDTH if units == 1280 else units, **options)  # the wide one of the timestep

        def given(shape, *, _input=keras.layers.Input, **options):
            if shape == (512, 512, 3):  # the older image encoder has a size
                shape = (64, 64, 3)
            return _input((*shape[:-1], WIDTH if shape[-1] in (768, 1024) else shape[-1]), **options)

        module.keras = _With(keras, layers=_With(keras.layers, Dense=dense, Input=given))
        for name in ("PaddedConv2D", "ResBlock", "ResnetBlock", "AttentionBlock", "Upsample"):
            if name in old:
                setattr(module, name, functools.partial(_first_narrow, old[name]))
        if "SpatialTransformer" in old:  # heads and their size
            module.SpatialTransformer = lambda heads, size, _old=old["SpatialTransformer"], **options: _old(
                4, WIDTH // 4, **options
            )
        if "CLIPEmbedding" in old:
            module.CLIPEmbedding = lambda tokens, width, length, _old=old["CLIPEmbedding"]: _old(tokens, WIDTH, length)
            module.CLIPEncoderLayer = lambda width, heads, _old=old["CLIPEncoderLayer"], **options: _old(
                WIDTH, 4, **options
            )
    try:
        yield
    finally:
        for module in modules:
            vars(module).update(kept[module])


def _first_narrow(layer, width, *arguments, **options):
    return layer(_narrow(width), *arguments, **options)


def makers(diffusion_model, text_encoder, decoder, image_encoder):
    """By name, what makes each network, of KerasCV's four modules; to be called within `narrowed`."""
    size = 64
    return {
        "text_encoder": lambda: text_encoder.TextEncoder(LENGTH, VOCABULARY, download_weights=False),
        "text_encoder_v2": lambda: text_encoder.TextEncoderV2(LENGTH, VOCABULARY, download_weights=False),
        "diffusion_model": lambda: diffusion_model.DiffusionModel(size, size, LENGTH, download_weights=False),
        "diffusion_model_v2": lambda: diffusion_model.DiffusionModelV2(size, size, LENGTH, download_weights=False),
        "decoder": lambda: decoder.Decoder(size, size, download_weights=False),
        "image_encoder": lambda: image_encoder.ImageEncoder(download_weights=False),
    }
