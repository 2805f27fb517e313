"""Pictures from anywhere: every kind of source, every refusal."""

import http.server
import io
import re
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
import pillow_heif
import pytest
from PIL import Image, ImageFile

import helpers
from helpers.pictures.downloading import CLIENT
from helpers.pictures.loading import FORMATS, load_image, load_images

ROOT = Path(__file__).resolve().parents[2]
PICTURE = np.random.default_rng(7).integers(0, 256, (6, 9, 3), dtype=np.uint8)


def encoded(image, kind="PNG", **options) -> bytes:
    pillow_heif.register_heif_opener()
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
        lambda path: PICTURE.astype(float),
        lambda path: PICTURE.astype("f4") + 0.3 * (PICTURE < 255),  # as a filter leaves them
        lambda path: PICTURE.astype("f2"),
        lambda path: PICTURE.astype(int),
        lambda path: PICTURE.astype("u4"),
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
        (PICTURE.astype(int) - 1, "int64 -1…"),
        (PICTURE.astype(int) * 2, "int64"),
        ((PICTURE > 9).astype(int), "int64 0…1"),
        (PICTURE > 9, "bool"),
        (PICTURE.astype("u4") * 257, "uint32"),
        (PICTURE * 1.5, "float64"),
        (PICTURE / 127.5 - 1, "(image + 1) / 2"),
        (np.array([[0, 0.5, 1.004]]), "1.004"),
        (PICTURE / 200 + 0.001, "float64"),
        (np.full((2, 2), np.nan), "nan"),
        (np.full((2, 2), 1.5, np.float16), "1.5"),
    ],
)
def test_other_arrays_are_refused(array, says):
    refused(ValueError, load_image, array, says=says)


def tensors_of_tensorflow(tensorflow):
    return [tensorflow.constant(PICTURE), tensorflow.constant(PICTURE // 16 * 16, tensorflow.bfloat16)]


def tensors_of_torch(torch):
    first = torch.tensor(PICTURE).permute(2, 0, 1)
    coarse = torch.tensor(PICTURE // 16 * 16, dtype=torch.bfloat16)
    return [torch.tensor(PICTURE), first, (first / 255).requires_grad_(), coarse, coarse.permute(2, 0, 1)]


def tensors_of_jax(jax):
    return [jax.numpy.asarray(PICTURE), jax.numpy.asarray(PICTURE // 16 * 16, jax.numpy.bfloat16)]


@pytest.mark.parametrize("framework", ["tensorflow", "torch", "jax"])
def test_tensors_are_pictures_too(framework):
    for tensor in globals()[f"tensors_of_{framework}"](pytest.importorskip(framework)):
        coarse = "bfloat16" in str(tensor.dtype)  # which holds multiples of 16 as they are
        np.testing.assert_array_equal(load_image(tensor), PICTURE // 16 * 16 if coarse else PICTURE)


def test_several_pictures(file):
    large = np.stack([PICTURE, 255 - PICTURE])
    for source in (large, large / 255, [file, 255 - PICTURE], (PICTURE, Image.fromarray(255 - PICTURE))):
        np.testing.assert_array_equal(load_images(source), large)
    for source in (PICTURE, PICTURE[None], file):
        np.testing.assert_array_equal(load_images(source), PICTURE[None])
    dark = np.stack([PICTURE * 1.0, PICTURE > 200])  # 0 and 1 are dark in a batch of 0…255
    assert load_images(dark)[1].max() == 1
    refused(ValueError, load_images, [PICTURE, PICTURE[1:]], says="[(9, 5), (9, 6)]")
    refused(ValueError, load_images, [], says="one or more")
    refused(ValueError, load_images, PICTURE[None][:0], says="(0, 6, 9, 3)")


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


@pytest.mark.parametrize("values", [np.int32([[70000]]), np.int32([[-1]]), np.float32([[300.0]])])
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


@pytest.mark.parametrize("orientation", TURNED)
def test_a_phones_heic_is_read_upright(orientation, tmp_path):
    large = np.kron(PICTURE, np.ones((16, 16, 1), np.uint8))
    # these bytes have the turn written as phones write it: as a property of HEIF, and once more in EXIF
    stored = {1: large, 3: large[::-1, ::-1], 6: np.rot90(large), 8: np.rot90(large, -1)}.get(orientation)
    if stored is None:
        pytest.skip("no phone mirrors its photos")
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "IMG_0001.HEIC"
    path.write_bytes(encoded(stored, "HEIF", quality=-1, exif=exif.tobytes()))
    for source in (path, path.read_bytes(), Image.open(path)):
        assert load_image(source).shape == large.shape
        assert np.abs(load_image(source).astype(int) - large).mean() < 8


def test_heic_needs_no_opener_that_others_registered():
    heic = encoded(np.kron(PICTURE, np.ones((8, 8, 1), np.uint8)), "HEIF")
    code = "import sys; from helpers import load_image; print(load_image(sys.stdin.buffer.read()).shape)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, input=heic, capture_output=True)
    assert done.stdout.split() == [b"(48,", b"72,", b"3)"], done.stderr


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
@pytest.mark.parametrize("kind", FORMATS)
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
                self.head(Content_Type="image/png", Content_Length=len(picture))
                self.wfile.write(picture)
            case _, "asks-who", "picture.png":  # as Wikimedia's policy words it
                agent = self.headers["User-Agent"]
                if re.fullmatch(r"[\w-]+/[\d.]+ \(https://\S+\) python-requests/[\d.]+", agent):
                    self.head(Content_Type="image/png", Content_Length=len(picture))
                    self.wfile.write(picture)
                else:
                    self.send_error(403)
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


def test_address(site):
    np.testing.assert_array_equal(load_image(site + "picture.png"), PICTURE)
    np.testing.assert_array_equal(load_image(site + "asks-who/picture.png"), PICTURE)
    np.testing.assert_array_equal(load_image(f" {site.replace('http', 'HTTP')}to//picture.png\n"), PICTURE)


def test_who_asks_has_the_projects_version():
    assert CLIENT.partition("/")[2] == helpers.__version__


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


# ---- the module ----


def test_import_is_quick():
    code = "import sys, helpers.pictures.loading; print(*sys.modules)"
    modules = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).split()
    assert not {"requests", "urllib3", "tensorflow", "keras", "matplotlib", "pillow_heif"} & set(modules)
