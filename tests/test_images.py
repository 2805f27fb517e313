"""Pictures in and out: every kind of source, every refusal, and recipes that come back as they went in."""

import http.server
import io
import os
import re
import stat
import struct
import subprocess
import sys
import threading
import time
import warnings
import zlib
from multiprocessing.pool import ThreadPool
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, PngImagePlugin

from helpers import images
from helpers.images import load_image, read_recipe, read_settings, save_image, strip

ROOT = Path(__file__).resolve().parents[1]
PICTURE = np.random.default_rng(7).integers(0, 256, (6, 9, 3), dtype=np.uint8)
RECIPE = {
    "prompt": "a cat",
    "negative_prompt": "dogs, blur",
    "num_steps": 25,
    "unconditional_guidance_scale": 7.5,
    "seed": 42,
    "sampler": "ddim",
}


def encoded(image, kind="PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    """A part of a PNG file."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def refused(error, call, *arguments, says: str = "", **options) -> str:
    """The one sentence with which a call is refused."""
    with pytest.raises(error) as caught:
        call(*arguments, **options)
    sentence = str(caught.value)
    assert "\n" not in sentence and sentence.endswith(".") and says in sentence, sentence
    return sentence


def with_text(text: str, folder: Path) -> Path:
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("parameters", text)
    Image.fromarray(PICTURE).save(folder / "foreign.png", pnginfo=chunks)
    return folder / "foreign.png"


def text_of(path: Path) -> str:
    with Image.open(path) as image:
        return image.info["parameters"]


# ---- load_image: sources ----


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "größe 1.png"
    path.write_bytes(encoded(PICTURE))
    return path


@pytest.mark.parametrize(
    "source",
    [
        str,
        Path,
        Path.read_bytes,
        lambda path: bytearray(path.read_bytes()),
        lambda path: memoryview(path.read_bytes()),
        Image.open,
        lambda path: PICTURE,
        lambda path: np.asfortranarray(PICTURE),
        lambda path: PICTURE / 255,
        lambda path: (PICTURE / 255).astype("f4"),
        lambda path: PICTURE.astype("u2") * 257,
        lambda path: PICTURE.astype(">u2") * 257,
    ],
)
def test_every_source_gives_the_same_new_array(source, file):
    source = source(file)
    array = load_image(source)
    np.testing.assert_array_equal(array, PICTURE)
    assert array.dtype == np.uint8 and array.flags.writeable and array.flags.c_contiguous
    assert not np.shares_memory(array, PICTURE)


def test_path_may_start_at_the_users_home(file, monkeypatch):
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(file.parent))
    np.testing.assert_array_equal(load_image(f"~/{file.name}"), PICTURE)


@pytest.mark.parametrize("shape", [(6, 9), (6, 9, 1)])
@pytest.mark.parametrize("dtype, scale", [("u1", 1), ("u2", 257), ("f8", 1 / 255)])
def test_grey_array_has_three_equal_channels(shape, dtype, scale):
    grey = PICTURE[:, :, 0]
    array = load_image((grey * float(scale)).astype(dtype).reshape(shape))
    np.testing.assert_array_equal(array, np.stack([grey] * 3, axis=2))
    assert array.flags.writeable and array.flags.c_contiguous


@pytest.mark.parametrize("dtype, scale", [("u1", 1), ("u2", 257), ("f4", 1 / 255)])
def test_transparency_becomes_white(dtype, scale):
    colour, alpha = np.array([0, 10, 200]), np.array([0, 51, 100, 255])
    rgba = np.concatenate([np.tile(colour, (1, 4, 1)), alpha.reshape(1, 4, 1)], axis=2)
    expected = [[[255, 255, 255], [204, 206, 244], [155, 159, 233], [0, 10, 200]]]
    np.testing.assert_array_equal(load_image((rgba * scale).astype(dtype)), expected)
    np.testing.assert_array_equal(load_image(encoded(rgba.astype("u1"))), expected)


@pytest.mark.parametrize(
    "array, says",
    [
        (PICTURE[None], "(1, 6, 9, 3)"),
        (PICTURE[0, 0], "(3,)"),
        (PICTURE[:, :, :2], "(6, 9, 2)"),
        (PICTURE[:0], "(0, 9, 3)"),
        (np.uint8(3)[...], "()"),
        (PICTURE.astype(int), "int64"),
        (PICTURE > 9, "bool"),
        (PICTURE.astype("u4"), "uint32"),
        (PICTURE.astype(float), "float64"),
        (PICTURE / 127.5 - 1, "-1.0"),
        (np.full((2, 2), np.nan), "nan"),
        (np.full((2, 2), 1.5, np.float16), "1.5"),
    ],
)
def test_other_arrays_are_refused(array, says):
    refused(ValueError, load_image, array, says=says)


@pytest.mark.parametrize("source", [None, 3, [PICTURE], {"content": b""}, io.BytesIO()])
def test_other_types_are_refused(source):
    refused(TypeError, load_image, source, says=type(source).__name__)


# ---- load_image: what stands in a file ----

TURNED = {  # the stored array that an EXIF orientation turns into PICTURE
    1: PICTURE,
    2: PICTURE[:, ::-1],
    3: PICTURE[::-1, ::-1],
    4: PICTURE[::-1],
    5: PICTURE.swapaxes(0, 1),
    6: np.rot90(PICTURE),
    7: PICTURE[::-1, ::-1].swapaxes(0, 1),
    8: np.rot90(PICTURE, -1),
}


@pytest.mark.parametrize("orientation", TURNED)
def test_photo_is_turned_upright(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(TURNED[orientation], exif=exif)
    np.testing.assert_array_equal(load_image(content), PICTURE)
    given = Image.open(io.BytesIO(content))
    np.testing.assert_array_equal(load_image(given), PICTURE)
    np.testing.assert_array_equal(np.asarray(given), TURNED[orientation])  # left as it was


def test_palette_with_transparency():
    image = Image.new("P", (3, 1))
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.putdata([0, 1, 2])
    red, green, blue, white = [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]
    np.testing.assert_array_equal(load_image(encoded(image)), [[red, green, blue]])
    np.testing.assert_array_equal(load_image(encoded(image, transparency=1)), [[red, white, blue]])
    half = load_image(encoded(image, transparency=bytes([255, 0, 51])))
    np.testing.assert_array_equal(half, [[red, white, [204, 204, 255]]])
    np.testing.assert_array_equal(load_image(encoded(image, "GIF", transparency=0)), [[white, green, blue]])


def test_transparent_colour_of_an_rgb_picture():
    image = Image.fromarray(np.uint8([[[1, 2, 3], [4, 5, 6]]]))
    np.testing.assert_array_equal(load_image(encoded(image, transparency=(1, 2, 3))), [[[255] * 3, [4, 5, 6]]])


def test_modes_of_few_and_many_colours():
    grey = Image.fromarray(np.uint8([[0, 128, 255]]))
    expected = [[[0] * 3, [128] * 3, [255] * 3]]
    np.testing.assert_array_equal(load_image(encoded(grey)), expected)
    np.testing.assert_array_equal(load_image(encoded(grey.convert("LA"))), expected)
    grey.putalpha(Image.fromarray(np.uint8([[255, 0, 51]])))
    np.testing.assert_array_equal(load_image(encoded(grey)), [[[0] * 3, [255] * 3, [255] * 3]])
    np.testing.assert_array_equal(load_image(Image.fromarray(np.array([[True, False]]))), [[[255] * 3, [0] * 3]])
    cmyk = Image.merge("CMYK", [Image.new("L", (8, 8), ink) for ink in (0, 255, 255, 0)])
    np.testing.assert_array_equal(load_image(cmyk)[0, 0], [255, 0, 0])
    for kind in ("JPEG", "TIFF"):
        assert np.abs(load_image(encoded(cmyk, kind))[0, 0] - [255.0, 0, 0]).max() < 4


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bits_are_scaled_and_not_clipped(kind):
    values = np.array([[0, 200, 257, 32896, 65280, 65535]], np.uint16)
    expected = [[[value] * 3 for value in (0, 1, 1, 128, 254, 255)]]
    np.testing.assert_array_equal(load_image(encoded(values, kind)), expected)
    np.testing.assert_array_equal(load_image(Image.fromarray(values.astype(np.int32))), expected)
    np.testing.assert_array_equal(load_image(values), expected)


def test_16_bits_in_the_other_byte_order():
    values = Image.frombytes("I;16B", (2, 1), struct.pack(">2H", 257, 65535))
    np.testing.assert_array_equal(load_image(encoded(values, "TIFF")), [[[1] * 3, [255] * 3]])


@pytest.mark.parametrize("values", [np.int32([[70000]]), np.int32([[-1]]), np.float32([[7.0]])])
def test_grey_beyond_16_bits_is_refused(values):
    refused(ValueError, load_image, encoded(values, "TIFF"), says=str(values[0, 0]))


def test_float_picture():
    np.testing.assert_array_equal(load_image(encoded(np.float32([[0, 1]]), "TIFF")), [[[0] * 3, [255] * 3]])


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_animation_gives_its_first_frame(kind):
    red, blue = Image.new("RGB", (16, 16), "red"), Image.new("RGB", (16, 16), "blue")
    content = encoded(red, kind, save_all=True, append_images=[blue], duration=9)
    assert Image.open(io.BytesIO(content)).n_frames == 2
    assert np.abs(load_image(content) - [255.0, 0, 0]).max() < 6


# ---- load_image: what is refused ----


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header promises more than its few bytes of data hold."""
    header = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize("limit_of_pillow", [None, 1, 10**9])
@pytest.mark.parametrize("size", [(8001, 8000), (50_000, 50_000)])
def test_bomb_is_refused_by_its_header(size, limit_of_pillow, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit_of_pillow)
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("decoded"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        refused(ValueError, load_image, bomb(*size), says=f"{size[0]} × {size[1]} pixels")
    assert Image.MAX_IMAGE_PIXELS == limit_of_pillow


def test_limit_of_pixels_is_the_callers(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1)
    for source in (encoded(PICTURE), Image.fromarray(PICTURE)):
        np.testing.assert_array_equal(load_image(source, max_pixels=54), PICTURE)
        refused(ValueError, load_image, source, max_pixels=53, says="max_pixels=53")
    assert Image.MAX_IMAGE_PIXELS == 1
    refused(ValueError, load_image, Image.new("RGB", (0, 4)), says="0 × 4")


@pytest.mark.parametrize("lax", [False, True])
@pytest.mark.parametrize("kind", images.FORMATS)
def test_cut_short_is_refused_and_not_filled(kind, lax, monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", lax)
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    content = encoded(noise, kind)
    load_image(content)
    for length in (len(content) * 9 // 10, len(content) - 40):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of Pillow, for a TIFF
            refused(ValueError, load_image, content[:length])
    refused(ValueError, load_image, encoded(noise)[:-500], says="cut short")
    lazy = Image.open(io.BytesIO(encoded(noise)[:-500]))
    refused(ValueError, load_image, lazy, says="cut short")
    assert ImageFile.LOAD_TRUNCATED_IMAGES == lax


def test_pillows_switches_survive_threads(monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    opened = Image.open
    monkeypatch.setattr(Image, "open", lambda *a, **k: (time.sleep(0.01), opened(*a, **k))[1])
    with ThreadPool(4) as pool:
        pool.map(load_image, [encoded(PICTURE)] * 8)
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True and Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize(
    "content", [b"", b"just text", b"<svg></svg>", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"]
)
def test_what_is_no_picture_is_refused(content, tmp_path):
    (tmp_path / "a.png").write_bytes(content)
    refused(ValueError, load_image, tmp_path / "a.png", says=f"'{tmp_path / 'a.png'}' is not a PNG, JPEG")
    refused(ValueError, load_image, content, says="is not a PNG, JPEG")


def test_formats_that_start_programs_are_not_read():
    refused(ValueError, load_image, encoded(PICTURE, "EPS"), says="is not a PNG")


def test_paths_that_cannot_be_read(tmp_path, file, monkeypatch):
    refused(FileNotFoundError, load_image, tmp_path / "no.png", says=str(tmp_path / "no.png"))
    refused(FileNotFoundError, load_image, "no.png", says="'no.png'")
    refused(FileNotFoundError, load_image, "C:/no.png", says="'C:/no.png'")
    refused((IsADirectoryError, PermissionError), load_image, tmp_path, says=str(tmp_path))

    def denied(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_bytes", denied)
    refused(PermissionError, load_image, file, says="Permission denied")


# ---- load_image: addresses ----


class Site(http.server.BaseHTTPRequestHandler):
    closed = threading.Event()  # the client went away from a slow answer
    stop = threading.Event()

    def log_message(self, *arguments):
        pass

    def head(self, status=200, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def slowly(self, data: bytes):
        try:
            while not self.stop.wait(0.02):
                self.wfile.write(data)
                self.wfile.flush()
        except OSError:
            self.closed.set()

    def do_GET(self):
        picture, page = encoded(PICTURE), b"<html>no</html>"
        match self.path.split("/"):
            case _, "picture.png":
                self.server.headers = self.headers
                self.head(Content_Type="image/png", Content_Length=len(picture))
                self.wfile.write(picture)
            case _, "to", *target:
                self.head(302, Location="/".join(target))
            case _, "page":
                self.head(Content_Type="text/HTML; charset=utf-8", Content_Length=len(page))
                self.wfile.write(page)
            case _, "half":  # less than it promises
                self.head(Content_Type="image/png", Content_Length=len(picture) + 9)
                self.wfile.write(picture)
            case _, "lie":  # more than it promises
                self.head(Content_Type="image/png", Content_Length=len(picture) // 2)
                self.wfile.write(picture)
            case _, "big":  # promises nothing, and goes on
                self.head(Content_Type="image/png")
                for _ in range(100):
                    self.wfile.write(bytes(10_000))
            case _, "drip":
                self.head(Content_Type="image/png", Content_Length=10_000_000)
                self.slowly(b"x")
            case _, "drip-in-chunks":
                self.head(Content_Type="image/png", Transfer_Encoding="chunked")
                self.slowly(b"1\r\nx\r\n")
            case _, "drip-headers":
                self.wfile.write(b"HTTP/1.0 200 OK\r\nX: ")
                self.slowly(b"x")
            case _, "silence":
                self.stop.wait(30)
            case _:
                self.send_error(404)


@pytest.fixture(scope="module")
def server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    Site.stop.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def site(server, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    Site.closed.clear()
    return f"http://127.0.0.1:{server.server_port}/"


def test_address(site, server):
    np.testing.assert_array_equal(load_image(site + "picture.png"), PICTURE)
    assert not server.headers["User-Agent"].startswith("python-requests")
    np.testing.assert_array_equal(load_image(f" {site.replace('http', 'HTTP')}to//picture.png\n"), PICTURE)


@pytest.mark.parametrize(
    "path, error, says",
    [
        ("nothing.png", OSError, "404"),
        ("page", ValueError, "web page"),
        ("half", OSError, "could not be fetched"),
        ("lie", ValueError, "cut short"),
        ("to/file:///etc/hostname", OSError, "file:///etc/hostname"),
        ("to/ftp://127.0.0.1/a.png", OSError, "ftp://"),
    ],
)
def test_answers_that_are_refused(site, path, error, says):
    sentence = refused(error, load_image, site + path, says=says)
    assert site + path in sentence


@pytest.mark.parametrize(
    "address", ["file:///etc/hostname", "FILE:/etc/hostname", "ftp://host/a.png", "data:image/png;base64,AA"]
)
def test_only_http_addresses_are_fetched(address):
    refused(OSError, load_image, address, says="http(s)")


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/a.png", "http://", "https://[/"])
def test_addresses_without_an_answer(address, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    refused(OSError, load_image, address, says=address)


def test_large_download_is_cut_off(site):
    refused(ValueError, load_image, site + "big", max_bytes=123_456, says="max_bytes=123,456")
    size = len(encoded(PICTURE))
    np.testing.assert_array_equal(load_image(site + "picture.png", max_bytes=size), PICTURE)
    refused(ValueError, load_image, site + "picture.png", max_bytes=size - 1, says="max_bytes")


@pytest.mark.parametrize("path", ["drip", "drip-in-chunks", "drip-headers", "silence"])
def test_slow_download_is_cut_off(site, path):
    start = time.monotonic()
    refused(TimeoutError, load_image, site + path, timeout=0.2, says="timeout=0.2 s")
    assert time.monotonic() - start < 5
    if path.startswith("drip") and path != "drip-headers":
        assert Site.closed.wait(5), "the connection stays open"


def test_slow_download_does_not_keep_python_from_ending(site):
    code = f"from helpers import load_image; load_image({site + 'drip-headers'!r}, timeout=0.1)"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=20)
    assert ended.stderr.splitlines()[-1].startswith("TimeoutError: ")


# ---- save_image ----


def test_png_holds_the_pixels_and_the_text(tmp_path):
    path = tmp_path / "a.png"
    save_image(
        PICTURE, path, {**RECIPE, "batch_size": 4, "verbose": False}, model="pocket", precision="float32", ui=None
    )
    np.testing.assert_array_equal(load_image(path), PICTURE)
    assert text_of(path) == (
        "a cat\n"
        "Negative prompt: dogs, blur\n"
        "Steps: 25, Sampler: DDIM, CFG scale: 7.5, Seed: 42, Size: 9x6, Model: pocket, Precision: float32"
    )
    assert read_recipe(path) == RECIPE
    assert read_settings(path) == {"size": "9x6", "model": "pocket", "precision": "float32"}


def test_schedule_type_follows_the_sampler(tmp_path):
    path = tmp_path / "a.png"
    for sampler, text in [
        ("ddim_trailing", "Sampler: DDIM, Schedule type: Trailing, Seed: 1, Size: 9x6"),
        ("dpm_solver", "Sampler: DPM++ 2M, Seed: 1, Size: 9x6"),
    ]:
        recipe = {"prompt": "x", "sampler": sampler, "seed": 1}
        save_image(PICTURE, path, recipe)
        assert text_of(path) == f"x\n{text}" and read_recipe(path) == recipe
        assert read_settings(path) == {"size": "9x6"}


def test_settings_are_quoted_as_the_web_ui_does(tmp_path):
    path = tmp_path / "a.png"
    save_image(
        PICTURE, path, {"prompt": "x"}, model="a, b", version="1.2: é", lora_hashes='k: "v"', engine="graph mode", n=3
    )
    assert text_of(path) == (
        'x\nSize: 9x6, Model: "a, b", Version: "1.2: é", Lora hashes: "k: \\"v\\"", Engine: graph mode, N: 3'
    )
    notes = {"model": "a, b", "version": "1.2: é", "lora_hashes": 'k: "v"', "engine": "graph mode", "n": "3"}
    assert read_settings(path) == {"size": "9x6", **notes}


@pytest.mark.parametrize("prompt, chunk", [("café", b"tEXt"), ("猫 в шляпе 🐈", b"iTXt")])
def test_text_of_any_language_survives(prompt, chunk, tmp_path):
    path = tmp_path / "a.png"
    save_image(PICTURE, path, {"prompt": prompt}, model=prompt)
    assert chunk + b"parameters\0" in path.read_bytes()
    assert read_recipe(path) == {"prompt": prompt} and read_settings(path)["model"] == prompt


def test_picture_without_a_recipe(tmp_path):
    save_image(PICTURE, tmp_path / "a.PNG")
    np.testing.assert_array_equal(load_image(tmp_path / "a.PNG"), PICTURE)
    refused(ValueError, read_recipe, tmp_path / "a.PNG", says="no recipe")
    refused(ValueError, read_settings, tmp_path / "a.PNG", says="no recipe")


def test_values_of_numpy_and_defaults(tmp_path):
    path = tmp_path / "a.png"
    recipe = {
        "prompt": "",
        "seed": np.int64(2**40),
        "num_steps": np.int32(7),
        "unconditional_guidance_scale": np.float64(0.1),
    }
    save_image(PICTURE, path, {**recipe, "sampler": None, "negative_prompt": None})
    assert read_recipe(path) == recipe and text_of(path).startswith("Steps: 7, ")
    save_image(PICTURE, path, {"prompt": "x", "negative_prompt": "", "seed": None})
    assert read_recipe(path) == {"prompt": "x"}
    save_image(PICTURE, path, {"prompt": "", "negative_prompt": "y"})
    assert read_recipe(path) == {"prompt": "", "negative_prompt": "y"}


@pytest.mark.parametrize(
    "change, says",
    [
        ({"prompt": None}, "prompt=None"),
        ({"prompt": 5}, "prompt=5"),
        ({"prompt": ["a"]}, "prompt="),
        ({"prompt": "a\nNegative prompt: b"}, "'Negative prompt:'"),
        ({"prompt": "Negative prompt: b"}, "'Negative prompt:'"),
        ({"prompt": "a\n  Negative prompt:b"}, "'Negative prompt:'"),
        ({"negative_prompt": "a\nNegative prompt: b"}, "negative_prompt="),
        ({"negative_prompt": 5}, "negative_prompt=5"),
        ({"prompt": "a\0b"}, "prompt="),
        ({"prompt": "a\ud800"}, "prompt="),
        ({"num_steps": 2.5}, "num_steps=2.5"),
        ({"num_steps": "25"}, "num_steps='25'"),
        ({"num_steps": True}, "num_steps=True"),
        ({"seed": 1.0}, "a whole number"),
        ({"unconditional_guidance_scale": float("nan")}, "a number"),
        ({"unconditional_guidance_scale": "7.5"}, "a number"),
        ({"sampler": "euler"}, "ddim, ddim_trailing, dpm_solver"),
        ({"sampler": "DDIM"}, "ddim, ddim_trailing, dpm_solver"),
        ({"sampler": ""}, "sampler=''"),
        ({"steps": 25}, "'steps'; expected prompt, negative_prompt, num_steps"),
    ],
)
def test_recipe_that_the_text_cannot_hold_is_refused(change, says, tmp_path):
    refused(ValueError, save_image, PICTURE, tmp_path / "a.png", {**RECIPE, **change}, says=says)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "setting", [{"steps": "3"}, {"seed": "3"}, {"sampler": "x"}, {"Model": "x"}, {"a,b": "1"}, {"x": "\0"}]
)
@pytest.mark.parametrize("recipe", [RECIPE, {"prompt": "x"}])
def test_setting_that_the_text_cannot_hold_is_refused(setting, recipe, tmp_path):
    refused(
        ValueError,
        save_image,
        PICTURE,
        tmp_path / "a.png",
        recipe,
        **setting,
        says="{}={!r}".format(*next(iter(setting.items()))),
    )
    assert not list(tmp_path.iterdir())


def test_settings_need_a_recipe_and_the_size_is_the_pictures(tmp_path):
    refused(ValueError, save_image, PICTURE, tmp_path / "a.png", model="pocket", says="prompt=None")
    with pytest.raises(TypeError, match="size"):
        save_image(PICTURE, tmp_path / "a.png", RECIPE, size="1x1")


@pytest.mark.parametrize(
    "picture, says",
    [
        (PICTURE[None], "uint8 (1, 6, 9, 3)"),
        (PICTURE[:, :, 0], "uint8 (6, 9)"),
        (np.dstack([PICTURE, PICTURE])[:, :, :4], "uint8 (6, 9, 4)"),
        (PICTURE / 255, "float64"),
        (PICTURE[:0], "(0, 9, 3)"),
        (Image.fromarray(PICTURE), "Image"),
        (PICTURE.tolist(), "list"),
    ],
)
def test_other_pictures_are_not_written(picture, says, tmp_path):
    refused(ValueError, save_image, picture, tmp_path / "a.png", says=says)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.jpg", "a", "a.png.txt", ".png"])
def test_only_png_is_written(name, tmp_path):
    refused(ValueError, save_image, PICTURE, tmp_path / name, says=".png")


def test_paths_that_cannot_be_written(tmp_path):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").write_bytes(b"")
    refused(FileNotFoundError, save_image, PICTURE, tmp_path / "no" / "a.png", says=str(tmp_path / "no" / "a.png"))
    refused(OSError, save_image, PICTURE, tmp_path / "folder.png", says=str(tmp_path / "folder.png"))
    refused(OSError, save_image, PICTURE, tmp_path / "file" / "a.png", says=str(tmp_path / "file" / "a.png"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.png"]


@pytest.mark.parametrize(
    "fault",
    [
        OSError(28, "No space left on device"),
        PermissionError(13, "denied"),
        OSError("encoder error"),
        KeyboardInterrupt(),
    ],
)
def test_file_is_written_whole_or_not_at_all(fault, tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    save_image(PICTURE, path, RECIPE)
    before = path.read_bytes()

    def fail(self, file, *arguments, **options):
        file.write(b"half")
        assert path.read_bytes() == before
        raise fault

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(type(fault)) as caught:
        save_image(255 - PICTURE, path, RECIPE)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
    if isinstance(fault, OSError):
        assert str(path) in str(caught.value) and (fault.strerror or "encoder error") in str(caught.value)


def test_failed_replacement_leaves_the_old_file(tmp_path, monkeypatch):
    save_image(PICTURE, tmp_path / "a.png")
    monkeypatch.setattr(os, "replace", lambda *paths: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    refused(PermissionError, save_image, 255 - PICTURE, tmp_path / "a.png", says="Permission denied")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    np.testing.assert_array_equal(load_image(tmp_path / "a.png"), PICTURE)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
def test_file_has_the_permissions_of_a_new_file(tmp_path):
    before = os.umask(0o027)
    try:
        save_image(PICTURE, tmp_path / "a.png")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.png").stat().st_mode) == 0o640


# ---- recipes come back as they went in ----

TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('\n\r\t ,:"\\\0'), max_size=40)
HARD = [
    "Negative prompt: x", "Negative prompt:", "Negative prompt", "a\nNegative prompt: b", "a Negative prompt: b", "\n",
    " a ", "a\n", "\n\na", "Steps: 3, Sampler: Euler a, CFG scale: 7, Size: 1x1", "a\nSteps: 3", '"', '""', '"a"',
    '"a, b"', "\\", "a\\nb", "Size: 1x1", "\r\n", "\x1f", "\u2028",
]  # fmt: skip
PROMPT = TEXT | st.sampled_from(HARD) | st.lists(st.sampled_from(HARD), max_size=3).map("\n".join)
NUMBER = st.integers() | st.integers(0, 2**64)
RECIPES = st.fixed_dictionaries(
    {"prompt": PROMPT},
    optional={
        "negative_prompt": PROMPT | st.none(),
        "num_steps": NUMBER | st.none(),
        "unconditional_guidance_scale": st.floats(allow_nan=False) | st.integers(-(2**53), 2**53),
        "seed": NUMBER | st.none(),
        "sampler": st.sampled_from([*images.SAMPLERS]) | st.none(),
        "batch_size": st.integers(1, 4),
        "verbose": st.booleans(),
    },
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("recipes")


@settings(deadline=None)
@given(recipe=RECIPES)
@example(recipe={"prompt": "a\n", "negative_prompt": "\nb"})
@example(recipe={"prompt": "Steps: 1, Sampler: DDIM, CFG scale: 2, Size: 1x1"})
def test_recipe_comes_back_exactly(recipe, folder):
    texts = [recipe["prompt"], recipe.get("negative_prompt") or ""]
    holdable = not any("\0" in text or re.search(r"^[ \t]*Negative prompt:", text, re.M) for text in texts)
    try:
        save_image(PICTURE, folder / "a.png", recipe)
    except ValueError:
        assert not holdable or "\nNegative prompt: Negative prompt:" in "\nNegative prompt: " + texts[1]
        return
    assert "\0" not in "".join(texts)
    left_out = ("batch_size", "verbose")
    expected = {key: value for key, value in recipe.items() if value is not None and key not in left_out}
    if expected.get("negative_prompt") == "":
        del expected["negative_prompt"]
    assert read_recipe(folder / "a.png") == expected


KEYS = st.lists(st.text("abyz", min_size=2, max_size=5), min_size=1, max_size=3).map("_".join)


@settings(deadline=None)
@given(notes=st.dictionaries(KEYS, (TEXT | st.sampled_from(HARD)).filter(lambda text: "\0" not in text), max_size=3))
def test_settings_come_back_exactly(notes, folder):
    save_image(PICTURE, folder / "b.png", RECIPE, **notes)
    assert read_recipe(folder / "b.png") == RECIPE
    assert read_settings(folder / "b.png") == {"size": "9x6", **notes}
    assert text_of(folder / "b.png").count("\n") == 2


# ---- files of the web UI ----

WEB_UI = (
    "a girl, (blue eyes:1.2) <lora:style:0.8>\nsecond line\n"
    "Negative prompt: lowres, bad hands,\nblurry\n"
    "Steps: 28, Sampler: {sampler}, CFG scale: 6.5, Seed: 18446744073709551615, Size: 832x1216, "
    "Model hash: 31e35c80fc, Model: sd_xl, Denoising strength: 0.4, "
    'Lora hashes: "style: 11, more: 22", TI hashes: "", Version: v1.10.1'
)


@pytest.mark.parametrize(
    "sampler, ours",
    [("DDIM", "ddim"), ("DDIM, Schedule type: Automatic", "ddim"), ("DPM++ 2M", "dpm_solver")],
)
def test_recipe_of_the_web_ui(sampler, ours, tmp_path):
    path = with_text(WEB_UI.format(sampler=sampler), tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_recipe(path) == {
            "prompt": "a girl, (blue eyes:1.2) <lora:style:0.8>\nsecond line",
            "negative_prompt": "lowres, bad hands,\nblurry",
            "num_steps": 28,
            "sampler": ours,
            "unconditional_guidance_scale": 6.5,
            "seed": 18446744073709551615,
        }
    assert read_settings(path) == {
        "size": "832x1216",
        "model_hash": "31e35c80fc",
        "model": "sd_xl",
        "denoising_strength": "0.4",
        "lora_hashes": "style: 11, more: 22",
        "ti_hashes": "",
        "version": "v1.10.1",
    }


@pytest.mark.parametrize(
    "sampler", ["Euler a", "DPM++ 2M Karras", "DPM++ 2M, Schedule type: Karras", "LMS, Schedule type: Automatic"]
)
def test_other_samplers_are_left_out_with_a_warning(sampler, tmp_path):
    path = with_text(WEB_UI.format(sampler=sampler), tmp_path)
    name = sampler.removesuffix(", Schedule type: Automatic")
    with pytest.warns(UserWarning, match=re.escape(f"Sampler: {name}, ")) as caught:
        recipe = read_recipe(path)
    assert "sampler" not in recipe and recipe["num_steps"] == 28
    assert len(caught) == 1 and caught[0].filename == __file__


def test_damaged_numbers_are_left_out_with_a_warning(tmp_path):
    path = with_text("x\nSteps: many, CFG scale: 7, Seed: 0x2, Size: 8x8", tmp_path)
    with pytest.warns(UserWarning) as caught:
        assert read_recipe(path) == {"prompt": "x", "unconditional_guidance_scale": 7.0}
    assert len(caught) == 2


@pytest.mark.parametrize(
    "text, recipe",
    [
        ("only a prompt: yes, really", {"prompt": "only a prompt: yes, really"}),
        ("two\nlines, a: b", {"prompt": "two\nlines, a: b"}),
        ("x\nNegative prompt: y", {"prompt": "x", "negative_prompt": "y"}),
        ("Steps: 3, Seed: 4, Size: 8x8", {"prompt": "", "num_steps": 3, "seed": 4}),
        (
            "Negative prompt: y\nSteps: 3, Seed: 4, Size: 8x8",
            {"prompt": "", "negative_prompt": "y", "num_steps": 3, "seed": 4},
        ),
        ('x\nSteps: 3, Seed: 4, Note: ", Odd: "a"b"', {"prompt": "x", "num_steps": 3, "seed": 4}),
        ("", {"prompt": ""}),
    ],
)
def test_other_texts(text, recipe, tmp_path):
    assert read_recipe(with_text(text, tmp_path)) == recipe


def test_text_behind_the_pixels_and_compressed_text(tmp_path):
    text, content = b"x\nSize: 9x6", encoded(PICTURE)
    start, end = content[:33], content[-12:]  # signature and IHDR; IEND
    plain = chunk(b"tEXt", b"parameters\0" + text)
    packed = chunk(b"zTXt", b"parameters\0\0" + zlib.compress(text))
    path = tmp_path / "a.png"
    for whole in (content[:-12] + plain + end, start + packed + content[33:]):
        path.write_bytes(whole)
        assert read_recipe(path) == {"prompt": "x"} and read_settings(path) == {"size": "9x6"}


def test_long_text_is_read_in_time(tmp_path):
    path = with_text("x\n" + "a" * 100_000, tmp_path)
    start = time.monotonic()
    assert read_recipe(path)["prompt"].endswith("aaa")
    assert time.monotonic() - start < 3


def test_files_without_a_recipe(tmp_path):
    (tmp_path / "a.jpg").write_bytes(encoded(PICTURE, "JPEG"))
    (tmp_path / "a.txt").write_bytes(b"text")
    for read in (read_recipe, read_settings):
        refused(ValueError, read, tmp_path / "a.jpg", says="no recipe")
        refused(ValueError, read, tmp_path / "a.txt", says="is not a PNG")
        refused(FileNotFoundError, read, tmp_path / "no.png", says="no.png")
        refused((IsADirectoryError, PermissionError), read, tmp_path)


# ---- strip ----


def test_strip_puts_pictures_side_by_side():
    a, b, c = (np.full((2, 3, 3), value, np.uint8) for value in (1, 2, 3))
    sheet = strip([a, b, c], gap=2)
    assert sheet.shape == (2, 13, 3) and sheet.dtype == np.uint8
    np.testing.assert_array_equal(sheet[0, :, 0], [1, 1, 1, 255, 255, 2, 2, 2, 255, 255, 3, 3, 3])
    np.testing.assert_array_equal(strip(np.stack([a, b, c]), gap=2), sheet)
    np.testing.assert_array_equal(strip((p for p in (a, b, c)), columns=9, gap=2), sheet)
    np.testing.assert_array_equal(strip([a]), a)


def test_strip_in_rows_ends_in_white():
    a, b, c = (np.full((2, 3, 3), value, np.uint8) for value in (1, 2, 3))
    sheet = strip([a, b, c], columns=2, gap=1)
    assert sheet.shape == (5, 7, 3)
    expected = [[1, 1, 1, 255, 2, 2, 2]] * 2 + [[255] * 7] + [[3, 3, 3] + [255] * 4] * 2
    np.testing.assert_array_equal(sheet[:, :, 2], expected)
    np.testing.assert_array_equal(strip([a, b], columns=1, gap=0), np.concatenate([a, b]))
    assert strip([a, b]).shape == (2, 10, 3)


@pytest.mark.parametrize(
    "pictures", [[], PICTURE, [PICTURE, PICTURE[1:]], [PICTURE / 255], [PICTURE, PICTURE / 255], [PICTURE[:, :, 0]]]
)
def test_strip_refuses_other_pictures(pictures):
    with pytest.raises(ValueError):
        strip(pictures)


# ---- the module ----


def test_import_is_quick():
    code = "import sys, helpers.images; print(*sys.modules)"
    modules = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).split()
    assert not {"requests", "urllib3", "tensorflow", "keras", "matplotlib"} & set(modules)
