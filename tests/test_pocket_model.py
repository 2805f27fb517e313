"""The pocket model as it ships: its weights, what it draws, and that it can be trained again."""

import os
import subprocess
import sys
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from helpers import StableDiffusion, load_image
from helpers.checkpoints import POCKET_WEIGHTS
from helpers.pocket import scenes
from helpers.pocket.run import Run
from helpers.samplers import ALPHAS_CUMPROD, timestep_embedding

NETWORKS = ("text_encoder", "diffusion_model", "image_encoder", "decoder")


def test_weights_are_float16_and_at_most_24_mib(capsys):
    files = [POCKET_WEIGHTS / f"{name}.weights.h5" for name in NETWORKS]
    size = sum(path.stat().st_size for path in files) / 2**20
    with capsys.disabled():
        print(f"\npocket weights: {size:.1f} MiB")
    assert size <= 24
    for path in files:
        items = []
        with h5py.File(path) as file:
            file.visititems(lambda name, item, items=items: items.append(item))
            dtypes = {item.dtype for item in items if isinstance(item, h5py.Dataset)}
        assert dtypes == {np.dtype(np.float16)}, path.name


@pytest.fixture(scope="module")
def new_scenes():
    rng = np.random.default_rng(12345)
    return np.stack([scenes.draw(scenes.sample_scene(rng), 128, rng) for _ in range(16)])


def test_autoencoder_restores_new_scenes(pocket, new_scenes, capsys):
    latent = pocket.run("image_encoder", new_scenes / np.float32(127.5) - 1)
    assert latent.shape == (16, 16, 16, 4)
    assert 0.8 < latent.std() < 1.2 and abs(latent.mean()) < 0.2
    restored = pocket.decode(latent)
    error = np.mean((restored.astype(float) - new_scenes) ** 2, axis=(1, 2, 3))
    psnr = np.mean(10 * np.log10(255**2 / error))
    with capsys.disabled():
        print(f"\npocket autoencoder: {psnr:.1f} dB on 16 new scenes")
    assert psnr > 22


def test_the_unet_reads_the_prompt(pocket, capsys):
    """Told what a noisy latent shows, it finds the noise better than told what another one shows."""
    rng = np.random.default_rng(54321)
    described = [scenes.sample_scene(rng) for _ in range(32)]
    pictures = np.stack([scenes.draw(scene, 128, rng) for scene in described])
    clean = pocket.run("image_encoder", pictures / np.float32(127.5) - 1)
    contexts = np.concatenate([pocket.encode_text(scenes.caption(scene, rng)) for scene in described])
    timestep = 800
    noise = rng.standard_normal(clean.shape, np.float32)
    noisy = np.sqrt(ALPHAS_CUMPROD[timestep]) * clean + np.sqrt(1 - ALPHAS_CUMPROD[timestep]) * noise

    def error(contexts):
        embedding = timestep_embedding([timestep] * len(noisy))
        return np.mean((pocket.run("diffusion_model", noisy.astype(np.float32), embedding, contexts) - noise) ** 2)

    right, wrong = error(contexts), error(np.roll(contexts, 1, axis=0))
    with capsys.disabled():
        print(f"\npocket: error of the noise {right:.4f} with its own prompt, {wrong:.4f} with another's")
    assert right < 0.95 * wrong


def test_a_run_goes_on_where_it_was_broken_off(tmp_path):
    def new_run():
        keras.utils.set_random_seed(0)
        inputs = keras.Input((4,))
        model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
        run = Run(tmp_path, "test", model, np.zeros((1, 4), np.float32), 1e-2)
        model.loss = "mse"
        model.compile(optimizer=run.optimizer, loss="mse")
        return run

    def batches(start):
        for step in range(start, 100):
            rng = np.random.default_rng(step)
            x = rng.standard_normal((8, 4), np.float32)
            yield {"x": x, "y": x.sum(axis=1, keepdims=True)}

    seen = []
    whole = new_run()
    whole.train(batches(0), steps=20, decay=5, look=lambda: seen.append("whole"))
    whole.file.unlink()
    first = new_run()
    first.train(batches(0), steps=10, decay=0, look=lambda: None)
    second = new_run()
    assert second.step == 10
    second.train(batches(10), steps=20, decay=5, look=lambda: None)
    for a, b in zip(whole.model.get_weights(), second.model.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-5)
    assert seen == ["whole"]

    before = second.model.get_weights()
    with second.averaged():
        assert not np.allclose(before[0], second.model.get_weights()[0])
    np.testing.assert_array_equal(before[0], second.model.get_weights()[0])


def test_training_from_nothing_to_weights(tmp_path, monkeypatch):
    """The three commands of the recipe, with two steps each; what they export loads and draws."""
    root = Path(__file__).parents[1]

    def train(stage, *options):
        command = [sys.executable, "-m", "helpers.pocket.train", stage, "--run", str(tmp_path / "run"), *options]
        subprocess.run(command, cwd=root, check=True, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"})

    tiny = ("--steps", "2", "--batch", "2", "--scenes", "64", "--precision", "float32")
    train("autoencoder", *tiny)
    train("diffusion", *tiny)
    train("export", "--to", str(tmp_path / "weights"))
    assert load_image(tmp_path / "run" / "diffusion.png").shape[1] > 8 * 128

    monkeypatch.setattr("helpers.checkpoints.POCKET_WEIGHTS", tmp_path / "weights")
    from helpers import checkpoints

    fresh = checkpoints._pocket()
    monkeypatch.setattr("helpers.stable_diffusion.checkpoint", lambda name: fresh)
    model = StableDiffusion("pocket")
    picture = model.text_to_image("a dog", num_steps=2, seed=0, verbose=False)
    assert picture.shape == (1, 128, 128, 3)
    scene = scenes.draw(scenes.Scene("dog", "sea"), 128, np.random.default_rng(0))
    assert np.isfinite(model.run("image_encoder", scene[None] / np.float32(127.5) - 1)).all()
