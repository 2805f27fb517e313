"""The pocket model as it ships: its weights, what it draws, and that it can be trained again."""

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from helpers import StableDiffusion, load_image
from helpers.diffusion.schedule import ALPHAS_CUMPROD, timestep_embedding
from helpers.models.pocket import weights
from helpers.models.pocket.checkpoint import DRAWING
from helpers.models.pocket.checkpoint import pocket as pocket_checkpoint
from helpers.pocket import data, scenes
from helpers.pocket.classifier import labels, load_classifier
from helpers.pocket.muon import ConvolutionalMuon
from helpers.pocket.run import Run

NETWORKS = ("text_encoder", "diffusion_model", "image_encoder", "decoder")


def test_weights_are_float16_and_at_most_24_mib(figure):
    files = [weights.POCKET.path_of(name) for name in weights.POCKET.sha256]
    size = sum(path.stat().st_size for path in files) / 2**20
    figure(f"pocket weights: {size:.1f} MiB")
    assert size <= 24
    for path in map(weights.POCKET.path_of, NETWORKS):
        items = []
        with h5py.File(path) as file:
            file.visititems(lambda name, item, items=items: items.append(item))
            dtypes = {item.dtype for item in items if isinstance(item, h5py.Dataset)}
        assert dtypes == {np.dtype(np.float16)}, path.name


@pytest.fixture(scope="module")
def new_scenes():
    rng = np.random.default_rng(12345)
    return np.stack([scenes.draw(scenes.sample_scene(rng), 128, rng) for _ in range(16)])


def test_autoencoder_restores_new_scenes(pocket, new_scenes, figure):
    latent = pocket.run("image_encoder", new_scenes / np.float32(127.5) - 1)
    assert latent.shape == (16, 16, 16, 4)
    assert 0.8 < latent.std() < 1.2 and abs(latent.mean()) < 0.2
    restored = pocket.decode(latent)
    error = np.mean((restored.astype(float) - new_scenes) ** 2, axis=(1, 2, 3))
    psnr = np.mean(10 * np.log10(255**2 / error))
    figure(f"pocket autoencoder: {psnr:.1f} dB on 16 new scenes")
    assert psnr > 26


def test_the_unet_reads_the_prompt(pocket, figure):
    """Told what a noisy latent shows, it finds its velocity better than told what another one shows."""
    rng = np.random.default_rng(54321)
    described = [scenes.sample_scene(rng) for _ in range(32)]
    pictures = np.stack([scenes.draw(scene, 128, rng) for scene in described])
    clean = pocket.run("image_encoder", pictures / np.float32(127.5) - 1)
    contexts = np.concatenate([pocket.encode_text(scenes.caption(scene, rng)) for scene in described])
    timestep = 800
    noise = rng.standard_normal(clean.shape, np.float32)
    noisy = np.sqrt(ALPHAS_CUMPROD[timestep]) * clean + np.sqrt(1 - ALPHAS_CUMPROD[timestep]) * noise

    velocity = np.sqrt(ALPHAS_CUMPROD[timestep]) * noise - np.sqrt(1 - ALPHAS_CUMPROD[timestep]) * clean

    def error(contexts):
        embedding = timestep_embedding([timestep] * len(noisy))
        return np.mean((pocket.run("diffusion_model", noisy.astype(np.float32), embedding, contexts) - velocity) ** 2)

    right, wrong = error(contexts), error(np.roll(contexts, 1, axis=0))
    figure(f"pocket: error of the velocity {right:.4f} with its own prompt, {wrong:.4f} with another's")
    assert right < 0.95 * wrong


@pytest.mark.parametrize("damage", ["cut short", "of another version", "missing"])
def test_damaged_weights_are_named_with_the_way_to_restore_them(tmp_path, monkeypatch, damage):
    for path in filter(Path.is_file, weights.FOLDER.iterdir()):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(weights.Files, "path_of", lambda self, name: tmp_path / f"{name}.weights.h5")
    path = weights.POCKET.path_of("decoder")
    if damage == "missing":
        path.unlink()
    else:
        content = path.read_bytes()
        path.write_bytes(content[:-100] if damage == "cut short" else content.replace(content[5000:5008], b"12345678"))
    model = StableDiffusion("pocket", engine="graph")
    with pytest.raises((ValueError, FileNotFoundError), match=f"decoder.weights.h5' are .*{damage}.*git checkout"):
        model.decode(np.zeros((1, 16, 16, 4), np.float32))
    assert model.encode_text("a dog").shape == (1, 24, 160), "the others load"


def test_muon_makes_updates_orthogonal_and_leaves_other_weights_to_adam():
    optimizer = ConvolutionalMuon(0.1, adam_lr_ratio=1 / 3, weight_decay=None, adam_weight_decay=None)
    shapes = {
        "kernel": (3, 3, 64, 96),
        "dense": (128, 64),
        "bias": (96,),
        "first": (4, 4, 3, 64),
        "embedding": (99, 64),
    }
    variables = [keras.Variable(np.zeros(shape, np.float32), name=name) for name, shape in shapes.items()]
    rng = np.random.default_rng(0)
    optimizer.apply_gradients([(rng.standard_normal(v.shape, np.float32), v) for v in variables])
    values = {v.name: np.array(v) for v in variables}
    for name in ("kernel", "dense"):
        matrix = values[name].reshape(-1, shapes[name][-1])
        singular = np.linalg.svd(matrix, compute_uv=False)
        assert singular.min() > 0.5 * singular.max(), "all directions are taken alike"
        assert abs(np.sqrt(np.mean(matrix**2)) / 0.1 - 0.2) < 0.06
    for name in ("bias", "first", "embedding"):
        np.testing.assert_allclose(np.abs(values[name]), 0.1 / 3, rtol=0.1)  # Adam's first step


def test_the_classifier_reads_real_scenes(figure):
    rng = np.random.default_rng(777)
    some = [scenes.sample_scene(rng) for _ in range(300)]
    pictures = np.stack([scenes.draw(scene, 128, rng) for scene in some])
    reading = load_classifier().read(pictures)
    right = (reading.labels == labels(some)).mean(axis=0)
    figure("classifier, 300 real scenes: thing {:.1%}, partner {:.1%}, setting {:.1%}".format(*right))
    assert (right > 0.9).all() and reading.features.shape == (300, 128)


def test_psnr():
    pictures = np.zeros((2, 8, 8, 3), np.uint8)
    pictures[1] = 10
    assert data.psnr(pictures[:1], pictures[1:]) == pytest.approx(20 * np.log10(25.5))


def test_the_evaluation_runs(tmp_path):
    command = [
        sys.executable,
        "-m",
        "helpers.pocket.evaluate",
        "--samples",
        "2",
        "--json",
        str(tmp_path / "figures.json"),
    ]
    command += ["--sheet", str(tmp_path / "sheet.png"), "--nearest", str(tmp_path / "nearest.png")]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], check=True, capture_output=True, text=True)
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert {"psnr", "thing", "partner", "setting", "all", "frechet", "diversity", "samples"} <= set(figures)
    assert "psnr" in done.stdout
    assert load_image(tmp_path / "sheet.png").shape[1] > 2 * 128
    assert load_image(tmp_path / "nearest.png").shape[0] > 2 * 128


def test_a_folder_that_cannot_be_written_is_told_before_training(tmp_path):
    (tmp_path / "file").write_text("")
    command = [sys.executable, "-m", "helpers.pocket.train", "autoencoder", "--run", str(tmp_path / "file" / "run")]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert done.returncode == 2 and "cannot be written" in done.stderr and "--run" in done.stderr


def test_a_run_goes_on_where_it_was_broken_off(tmp_path):
    def new_run():
        keras.utils.set_random_seed(0)
        inputs = keras.Input((4,))
        model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
        run = Run(tmp_path, "test", model, np.zeros((1, 4), np.float32), 1e-2, averaging=5)
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
    second.averaging = 6  # reaches back to where it began
    with second.averaged():
        np.testing.assert_array_equal(before[0], second.model.get_weights()[0])


def test_training_from_nothing_to_weights(tmp_path, monkeypatch):
    """The commands of the recipe, with two steps each; what they export loads and draws."""
    root = Path(__file__).parents[2]

    def train(stage, *options):
        command = [sys.executable, "-m", "helpers.pocket.train", stage, "--run", str(tmp_path / "run"), *options]
        subprocess.run(command, cwd=root, check=True, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"})

    tiny = ("--steps", "2", "--batch", "2", "--scenes", "64", "--precision", "float32")
    train("autoencoder", *tiny)
    train("diffusion", *tiny)
    train("export", "--to", str(tmp_path / "weights"))
    # once more from the exported weights: the decoder for its latents, the other two networks for longer
    before = [weights.sha256(tmp_path / "weights" / f"{name}.weights.h5") for name in NETWORKS]
    again = ("--run", str(tmp_path / "again"), "--start", str(tmp_path / "weights"), "--to", str(tmp_path / "weights"))
    train("decoder", *tiny, *again)
    train("diffusion", *tiny, *again)
    after = [weights.sha256(tmp_path / "weights" / f"{name}.weights.h5") for name in NETWORKS]
    changed = [name for name, a, b in zip(NETWORKS, before, after) if a != b]
    assert changed == ["text_encoder", "diffusion_model", "decoder"]
    assert load_image(tmp_path / "run" / "diffusion.png").shape[1] > 8 * 128

    files = weights.Files(tmp_path / "weights", dict(zip(NETWORKS, after)))
    fresh = pocket_checkpoint(DRAWING._replace(files=files))
    monkeypatch.setattr("helpers.stable_diffusion.checkpoint", lambda name: fresh)
    model = StableDiffusion("pocket")
    picture = model.text_to_image("a dog", num_steps=2, seed=0, verbose=False)
    assert picture.shape == (1, 128, 128, 3)
    scene = scenes.draw(scenes.Scene("dog", "sea"), 128, np.random.default_rng(0))
    assert np.isfinite(model.run("image_encoder", scene[None] / np.float32(127.5) - 1)).all()
