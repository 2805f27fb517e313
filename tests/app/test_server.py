"""Who gets in: on this machine everybody, from others whoever has the token; and what the panels promise there."""

import datetime
import http.client
import io
import socket
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers import GenerationStudio, InpaintStudio, read_recipe
from helpers.app.shared_model import SharedModel, serve
from helpers.diffusion.samplers import Step
from helpers.panels.uploads import SHARED_LIMIT
from helpers.panels.waiting import Waiting
from helpers.recipes.recipe import Recipe

pytest.importorskip("voila")

sys.path[:0] = [str(Path(__file__).parents[1] / "panels")]
from in_a_browser import free_port  # noqa: E402

from tests.app.stand_in import SlowPainter, pages  # noqa: E402

GIVEN = {"sampler": "dpm_solver", "unconditional_guidance_scale": 7.5}
PATHS = ("/", "/voila/render/generation.ipynb", "/voila/tree", "/voila/files/generation.ipynb")


def answer(port, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse()
    finally:
        connection.close()


def status(port, path, **headers):
    return answer(port, path, **headers).status


def test_by_default_nobody_else_gets_in():
    with pages(f"--port={(port := free_port())}") as address:
        assert address == f"http://127.0.0.1:{port}/"
        assert status(port, "/") == 302
        assert status(port, "/", Host="elsewhere.example") == 403
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port), timeout=5)  # this machine's, but not what it listens on


def test_others_need_the_token():
    with pages("--host=0.0.0.0", f"--port={(port := free_port())}") as address:
        _, _, token = address.partition("?token=")
        assert len(token) > 30
        for path in PATHS:
            assert status(port, path) == status(port, f"{path}?token={token[:-1]}") == 403, path
        first = answer(port, f"/?token={token}")
        assert first.status == 302
        cookies = [each.partition(";")[0] for each in first.headers.get_all("Set-Cookie")]
        assert status(port, "/voila/tree", Cookie="; ".join(cookies)) == 200, "who was let in stays so"
        assert status(port, f"/api/kernels/{'-'.join(['0' * 8, *['0' * 4] * 3, '0' * 12])}") == 403


# ---------------------------------------------------------------------- the model of all pages


@pytest.fixture
def shared(tmp_path):
    with serve(SlowPainter(), str(tmp_path / "model")):
        yield SharedModel(str(tmp_path / "model"))


def test_its_pictures_are_the_model_s_to_the_bit(pocket, tmp_path):
    recipe = Recipe(prompt="a cat", num_steps=2, seed=3, **GIVEN)
    expected = pocket.text_to_image("a cat", num_steps=2, seed=3, verbose=False, **GIVEN)
    with serve(pocket, str(tmp_path / "model")):
        shared = SharedModel(str(tmp_path / "model"))
        *_, last = shared.denoise(shared.encode_text("a cat"), recipe)
        assert np.array_equal(shared.decode(last.latent), expected)
        with pytest.warns(UserWarning, match="xyzzy"):
            shared.encode_text("a cat xyzzy")


def test_what_the_model_raises_is_raised_in_the_page(shared):
    with pytest.raises(ValueError, match="it is empty"):
        shared.encode_text(" ")
    studio = GenerationStudio(shared, folder=None)
    studio.prompt.value = " "
    studio.generate_button.click()
    assert "it is empty" in studio.message.value


def test_stopped_while_waiting_it_says_so(shared, monkeypatch):
    studio = GenerationStudio(shared, folder=None)

    def waits(context, recipe):
        for before in (2, 1):
            yield Waiting(before, 90.0)
            seen.append(studio.status.value)
            studio.stop()

    seen = []
    monkeypatch.setattr(shared, "denoise", waits)
    studio.generate_button.click()
    assert seen == ["Place 3 in the queue, done in about 1 min 30 s"]
    assert "Stopped before it began." in studio.message.value and not studio.gallery.views


def test_a_download_is_the_picture_with_its_recipe_and_no_file_is_left(shared, monkeypatch, tmp_path):
    studio = InpaintStudio(shared, np.full((80, 80, 3), 90, np.uint8), "something red", folder=None)
    monkeypatch.chdir(tmp_path)
    before, sent = set(tmp_path.rglob("*")), []
    monkeypatch.setattr(studio.browser[0], "send", lambda said, buffers: sent.append((said, *buffers)))
    studio.num_steps.value = 1
    studio.generate_button.click()
    buttons = studio.gallery.views[0].buttons
    assert not [name for name in buttons if "Save" in name]
    for name in ("Download", "Download photo"):
        buttons[name].click()
    (said, crop), (_, photo) = sent
    assert said == {"what": "download", "name": "picture-0.png"}
    assert set(tmp_path.rglob("*")) == before
    (tmp_path / "crop.png").write_bytes(crop)
    with pytest.warns(UserWarning, match="repainting"):
        assert read_recipe(tmp_path / "crop.png")["prompt"] == "something red"
    assert Image.open(io.BytesIO(photo)).size == (80, 80)


def test_a_page_fetches_nothing_from_the_machine_and_takes_no_huge_upload(shared):
    picker = InpaintStudio(shared, np.full((80, 80, 3), 90, np.uint8), folder=None).crop_picker
    (row, hint) = picker.source.content.children
    assert row.children == (picker.upload,) and "50 MB" in hint.value
    file = {"name": "photo.png", "type": "", "size": 1, "content": memoryview(bytes(SHARED_LIMIT + 1))}
    file["last_modified"] = datetime.datetime.now()
    picker.upload.set_trait("value", (file,))
    assert "up to 50 MB are taken" in picker.message.value and picker.picture.shape == (80, 80, 3)


def test_a_step_comes_as_it_was(shared):
    *waiting, step = list(shared.denoise(shared.encode_text("red"), Recipe(prompt="red", num_steps=1, seed=0, **GIVEN)))
    assert all(isinstance(each, Waiting) for each in waiting)
    assert isinstance(step, Step) and step.latent.shape == (1, 8, 8, 3)
