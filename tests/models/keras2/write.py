"""Writes the packed `.h5` files beside it with Keras 2, as KerasCV's published ones, and what their networks gave.

In a Python 3.10 of its own, from the repository's root:
pip install tensorflow-cpu==2.12.1 keras-cv==0.4.2 numpy==1.23.5 tensorflow-datasets==4.9.2 tensorflow-metadata==1.13.1
python -m tests.models.keras2.write
"""

import lzma
import tempfile
from pathlib import Path

import numpy as np
from keras_cv.models.stable_diffusion import decoder, diffusion_model, image_encoder, text_encoder

from tests.models.keras2.narrow import LENGTH, VOCABULARY, WIDTH, makers, narrowed

FOLDER = Path(__file__).parent


def weights(rng, shape):
    """Of a kernel only the signs differ, so that the files can be kept small; others are near 0 or 1 as trained."""
    if len(shape) == 1:
        return rng.normal(0, 0.2, shape).astype(np.float32)
    fan_in = np.prod(shape[:-1])
    return (rng.choice([-1, 1], shape) * 2.0 ** -np.round(np.log2(fan_in) / 2)).astype(np.float32)


def inputs(rng, name):
    if name.startswith("text_encoder"):
        return [rng.integers(0, VOCABULARY, (1, LENGTH)).astype(np.int32), np.arange(LENGTH, dtype=np.int32)[None]]
    if name.startswith("diffusion_model"):
        return [rng.standard_normal(shape, np.float32) for shape in ((1, 8, 8, 4), (1, 320), (1, LENGTH, WIDTH))]
    return [rng.standard_normal((1, 8, 8, 4) if name == "decoder" else (1, 64, 64, 3), np.float32)]


def main():
    rng = np.random.default_rng(0)
    kept = {}
    modules = diffusion_model, text_encoder, decoder, image_encoder
    with narrowed(*modules):
        for name, make in makers(*modules).items():
            network = make()
            if name == "image_encoder":  # it padded the wrong side before its strides; mended in later versions
                for layer in network.layers:
                    if getattr(getattr(layer, "conv2d", None), "strides", None) == (2, 2):
                        layer.padding2d.padding = ((0, 1), (0, 1))
            for weight in network.weights:
                one = weight.name.split("/")[-1].startswith("gamma")
                weight.assign(weights(rng, weight.shape) + one)
            given = inputs(rng, name)
            told = network(given if len(given) > 1 else given[0]).numpy()
            kept |= {f"{name} input {index}": array for index, array in enumerate(given)} | {f"{name} output": told}
            with tempfile.TemporaryDirectory() as folder:
                network.save_weights(Path(folder, f"{name}.h5"))
                packed = lzma.compress(Path(folder, f"{name}.h5").read_bytes(), preset=9)
            (FOLDER / f"{name}.h5.xz").write_bytes(packed)
            print(f"{name}: {network.count_params():,} weights, {len(packed):,} bytes, output {told.std():.3g}")
    np.savez_compressed(FOLDER / "expected.npz", **kept)


if __name__ == "__main__":
    main()
