"""The real models, with random weights at 128 × 128, against KerasCV's own `generate_image`."""

import inspect
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import keras
import keras_cv
import numpy as np
import pytest
from keras_cv.src.models.stable_diffusion import diffusion_model as unets

from helpers import StableDiffusion
from helpers.diffusion.schedule import ALPHAS_CUMPROD
from helpers.models import keras_cv_weights


def pictures(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Ours and KerasCV's, of the same networks and noise."""
    keras_cv_class = {"sd-1.4": keras_cv.models.StableDiffusion, "sd-2.1": keras_cv.models.StableDiffusionV2}[name]
    keras.utils.set_random_seed(0)
    options = dict(jit_compile=False, precision="float32", download_weights=False, weights="keras")
    ours = StableDiffusion(name, 128, 128, **options)
    theirs = keras_cv_class(128, 128, jit_compile=False)
    # a random UNet's noise is far from unit size, so bring it there
    ours.diffusion_model.layers[-1].conv2d.kernel.assign(ours.diffusion_model.layers[-1].conv2d.kernel * 0.3)
    theirs._text_encoder, theirs._diffusion_model = ours.text_encoder, ours.diffusion_model
    theirs._decoder = ours.decoder

    rng = np.random.default_rng(0)
    wanted = (77, ours.checkpoint.context_width)
    context = rng.standard_normal(wanted, np.float32)
    noise = rng.standard_normal((16, 16, 4), np.float32)
    settings = dict(batch_size=1, num_steps=3, unconditional_guidance_scale=4.0, diffusion_noise=noise)
    mine = ours.generate_image(context, **settings, sampler="ddim", verbose=False)
    return mine, theirs.generate_image(context, **settings)


@pytest.mark.parametrize("name", ["sd-1.4", "sd-2.1"])
def test_same_picture_as_keras_cv(name, figure):
    # in a process of its own: some of its gigabytes TensorFlow would never give back
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
        mine, expected = alone.submit(pictures, name).result()
    difference = np.abs(mine.astype(int) - expected)
    figure(f"{name} against KerasCV: largest difference {difference.max()} of 255, mean {difference.mean():.4f}")
    assert mine.shape == expected.shape == (1, 128, 128, 3)
    assert expected.std() > 5, "a flat picture would prove nothing"
    assert difference.max() <= 1


def test_noise_schedule_is_keras_cvs():
    from keras_cv.src.models.stable_diffusion.constants import _ALPHAS_CUMPROD

    np.testing.assert_allclose(ALPHAS_CUMPROD, _ALPHAS_CUMPROD, rtol=1e-5)


def test_weights_come_from_the_hub_where_keras_cv_has_them_and_are_loaded(monkeypatch, tmp_path):
    asked = []

    def fetched(repository, name, sha256):
        asked.append((repository, name, sha256))
        return path

    monkeypatch.setattr(keras_cv_weights, "fetch_file", fetched)
    written = keras_cv.models.stable_diffusion.ImageEncoder(download_weights=False)
    path = tmp_path / "written.weights.h5"
    written.save_weights(path)
    model = StableDiffusion("sd-1.4", weights="keras", precision="float32", engine="graph")
    assert asked == [], "nothing is fetched before it is needed"
    for mine, theirs in zip(model.image_encoder.get_weights(), written.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert asked == [keras_cv_weights.FILES["ImageEncoder"]]


def test_the_table_of_weights_is_keras_cvs():
    for kind, (repository, name, sha256) in keras_cv_weights.FILES.items():
        source = inspect.getsource(getattr(keras_cv.models.stable_diffusion, kind, None) or getattr(unets, kind))
        assert f"https://huggingface.co/{repository}/resolve/main/{name}" in source and sha256 in source


@pytest.mark.parametrize("wanted, rounded", [(192, 256), (300, 256), (320, 256), (330, 384), (10, 128)])
def test_sizes_are_rounded_as_in_keras_cv_but_not_silently(wanted, rounded):
    with pytest.warns(UserWarning, match=f"img_height={wanted} is no multiple of 128; rounded to {rounded}"):
        model = StableDiffusion("sd-2.1", img_height=wanted)
    assert (model.img_height, model.img_width) == (rounded, 512)
