"""The real models, with random weights at 128 × 128, against KerasCV's own `generate_image`."""

import gc

import keras
import keras_cv
import numpy as np
import pytest

from helpers import StableDiffusion
from helpers.diffusion.schedule import ALPHAS_CUMPROD


@pytest.mark.parametrize(
    "name, keras_cv_class",
    [("sd-1.4", keras_cv.models.StableDiffusion), ("sd-2.1", keras_cv.models.StableDiffusionV2)],
)
def test_same_picture_as_keras_cv(name, keras_cv_class, figure):
    keras.utils.set_random_seed(0)
    ours = StableDiffusion(name, 128, 128, jit_compile=False, precision="float32", download_weights=False)
    theirs = keras_cv_class(128, 128, jit_compile=False)
    # the same networks; a random UNet's noise is far from unit size, so bring it there
    ours.diffusion_model.layers[-1].conv2d.kernel.assign(ours.diffusion_model.layers[-1].conv2d.kernel * 0.3)
    theirs._text_encoder, theirs._diffusion_model = ours.text_encoder, ours.diffusion_model
    theirs._decoder = ours.decoder

    rng = np.random.default_rng(0)
    wanted = (77, ours.checkpoint.context_width)
    context = rng.standard_normal(wanted, np.float32)
    noise = rng.standard_normal((16, 16, 4), np.float32)
    settings = dict(batch_size=1, num_steps=3, unconditional_guidance_scale=4.0, diffusion_noise=noise)
    mine = ours.generate_image(context, **settings, sampler="ddim", verbose=False)
    expected = theirs.generate_image(context, **settings)

    difference = np.abs(mine.astype(int) - expected)
    figure(f"{name} against KerasCV: largest difference {difference.max()} of 255, mean {difference.mean():.4f}")
    assert mine.shape == expected.shape == (1, 128, 128, 3)
    assert expected.std() > 5, "a flat picture would prove nothing"
    assert difference.max() <= 1
    del ours, theirs
    gc.collect()


def test_noise_schedule_is_keras_cvs():
    from keras_cv.src.models.stable_diffusion.constants import _ALPHAS_CUMPROD

    np.testing.assert_allclose(ALPHAS_CUMPROD, _ALPHAS_CUMPROD, rtol=1e-5)


def test_weights_come_by_keras_cvs_own_download(monkeypatch):
    asked = []

    def get_file(fname=None, origin=None, file_hash=None):
        asked.append((origin, file_hash))
        raise ConnectionError("no network in tests")

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    model = StableDiffusion("sd-1.4")
    assert asked == [], "nothing is fetched before it is needed"
    with pytest.raises(ConnectionError, match="'kcv_decoder.h5' could not be fetched from https:.*no network in tests"):
        _ = model.decoder
    assert asked[0][0].endswith("/kcv_decoder.h5") and len(asked[0][1]) == 64


def test_without_a_network_a_sentence_says_which_file_and_where_to_put_it(monkeypatch, tmp_path):
    """By Keras's own download, from a port at which nobody listens; a file put there by hand is found."""
    get_file, folder = keras.utils.get_file, tmp_path / "models"
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))

    def nowhere(fname=None, origin=None, file_hash=None):
        url = origin.replace("https://", "http://127.0.0.1:9/")
        return get_file(fname, url, cache_dir=tmp_path, file_hash=file_hash)

    monkeypatch.setattr(keras.utils, "get_file", nowhere)
    model = StableDiffusion("sd-1.4")
    with pytest.raises(ConnectionError) as told:
        model.encode_text("a cat")
    sentence = str(told.value)
    assert sentence.startswith("'kcv_encoder.h5' could not be fetched from https://") and "refused" in sentence
    assert f"by hand into '{folder}'" in sentence and "model='pocket'" in sentence
    assert keras.utils.get_file is nowhere, "Keras's function is put back"


@pytest.mark.parametrize("wanted, rounded", [(192, 256), (300, 256), (320, 256), (330, 384), (10, 128)])
def test_sizes_are_rounded_as_in_keras_cv_but_not_silently(wanted, rounded):
    with pytest.warns(UserWarning, match=f"img_height={wanted} is no multiple of 128; rounded to {rounded}"):
        model = StableDiffusion("sd-2.1", img_height=wanted)
    assert (model.img_height, model.img_width) == (rounded, 512)
