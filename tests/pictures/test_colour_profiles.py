"""Colour profiles: what a colour-managed viewer shows is what load_image gives."""

import io
import struct
import warnings

import numpy as np
import pytest
from PIL import Image, ImageCms

from helpers import load_image

D50 = (0.9642, 1.0, 0.8249)
COLOURS = np.uint8([[[200, 100, 50], [50, 200, 100], [90, 90, 90], [255, 255, 255], [0, 0, 0], [120, 140, 200]]])
COLOURS = np.kron(COLOURS, np.ones((8, 8, 1), np.uint8))


def xyz(values) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in values))


def gamma_curve(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"


def srgb_curve() -> bytes:
    numbers = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    return b"para\0\0\0\0\0\3\0\0" + struct.pack(">5i", *(round(number * 65536) for number in numbers))


def profile(space: bytes, tags: dict[bytes, bytes], kind: bytes = b"mntr", connection: bytes = b"XYZ ") -> bytes:
    """An ICC profile, version 4: a header, a table of the tags, their contents."""
    table, contents, start = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for name, content in tags.items():
        content += b"\0" * (-len(content) % 4)
        table += name + struct.pack(">2I", start + len(contents), len(content))
        contents += content
    fields = start + len(contents), b"", 0x04200000, kind, space, connection, 2026, 1, 1, 0, 0, 0, b"acsp"
    header = struct.pack(">I4sI4s4s4s6H4s", *fields) + bytes(28) + xyz(D50)[8:]
    return header.ljust(128, b"\0") + table + contents


def rgb_profile(primaries, curve: bytes) -> bytes:
    """A profile of these primaries' XYZ, relative to D50."""
    tags = dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), map(xyz, primaries)))
    return profile(b"RGB ", {b"wtpt": xyz(D50), **tags, b"rTRC": curve, b"gTRC": curve, b"bTRC": curve})


P3 = [(0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)]
SRGB = [(0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410)]
DISPLAY_P3 = rgb_profile(P3, srgb_curve())
GREY_18 = profile(b"GRAY", {b"wtpt": xyz(D50), b"kTRC": gamma_curve(1.8)})


def cmyk_profile() -> bytes:
    """Inks that take their share of light each: a table of 2 × 2 × 2 × 2 colours in Lab."""
    inks = [(c, m, y, k) for c in (0, 1) for m in (0, 1) for y in (0, 1) for k in (0, 1)]
    lightness = [100 * (1 - k) * (1 - 0.35 * c) * (1 - 0.5 * m) * (1 - 0.1 * y) for c, m, y, k in inks]
    a_star = [(70 * m - 40 * c) * (1 - k) for c, m, y, k in inks]
    b_star = [(80 * y - 45 * c - 5 * m) * (1 - k) for c, m, y, k in inks]
    lab = [(round(light * 2.55), round(a) + 128, round(b) + 128) for light, a, b in zip(lightness, a_star, b_star)]
    ramp, unit = bytes(range(256)), b"".join(struct.pack(">i", 65536 * (i % 4 == 0)) for i in range(9))
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + unit + ramp * 4 + bytes(sum(lab, ())) + ramp * 3
    return profile(b"CMYK", {b"wtpt": xyz(D50), b"A2B0": table}, b"prtr", b"Lab ")


def encoded(image, kind, **options) -> bytes:
    buffer = io.BytesIO()
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def linear(values):
    values = np.asarray(values) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def encoded_srgb(light):
    light = np.clip(light, 0, 1)
    return 255 * np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.fixture(autouse=True)
def no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG", "HEIF"])
def test_display_p3_becomes_srgb(kind):
    import pillow_heif

    pillow_heif.register_heif_opener()
    expected = encoded_srgb(linear(COLOURS) @ np.array(P3) @ np.linalg.inv(SRGB))
    assert np.abs(expected - COLOURS).max() > 20
    options = {"PNG": {}, "TIFF": {}, "WEBP": {"lossless": True}}.get(kind, {"quality": 100})
    found = load_image(encoded(COLOURS, kind, icc_profile=DISPLAY_P3, **options))
    middle = (slice(3, 5), slice(3, None, 8))  # a JPEG's blocks are exact in their middles
    assert np.abs(found - expected)[middle].max() < (2 if kind in ("PNG", "TIFF", "WEBP") else 6)


def test_transparency_and_the_callers_image_stay():
    alpha = np.full((*COLOURS.shape[:2], 1), 51, np.uint8)
    image = Image.open(io.BytesIO(encoded(np.dstack([COLOURS, alpha]), "PNG", icc_profile=DISPLAY_P3)))
    opaque = load_image(encoded(COLOURS, "PNG", icc_profile=DISPLAY_P3))
    assert np.abs(load_image(image) - (255 - 0.2 * (255 - opaque.astype(float)))).max() <= 1
    assert image.mode == "RGBA" and image.info["icc_profile"] == DISPLAY_P3


def test_an_srgb_profile_changes_nothing():
    for each in (ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), rgb_profile(SRGB, srgb_curve())):
        for picture in (COLOURS, COLOURS[..., 0]):
            np.testing.assert_array_equal(load_image(encoded(picture, "PNG", icc_profile=each)), load_image(picture))


def test_grey_with_a_profile():
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    expected = encoded_srgb((grey / 255) ** 1.8)
    for picture in (grey, grey.astype(np.uint16) * 257, Image.fromarray(grey).convert("LA")):
        found = load_image(encoded(picture, "PNG", icc_profile=GREY_18))
        assert np.abs(found - expected[..., None]).max() <= 2
    found = load_image(encoded(grey, "PNG", icc_profile=rgb_profile(SRGB, gamma_curve(1.8))))
    assert np.abs(found - expected[..., None]).max() <= 2, "grey has a colour profile too, in some scans"


@pytest.mark.parametrize("kind", ["TIFF", "JPEG"])
def test_cmyk_with_its_profile(kind):
    cmyk = Image.merge("CMYK", [Image.new("L", (16, 16), ink) for ink in (255, 0, 0, 0)])
    found = load_image(encoded(cmyk, kind, icc_profile=cmyk_profile()))[8, 8].astype(int)
    lab = Image.merge("LAB", [Image.new("L", (1, 1), value) for value in (round(65 * 2.55), 128 - 40, 128 - 45)])
    transform = ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB")
    assert np.abs(found - np.asarray(transform.apply(lab))[0, 0]).max() < 12
    assert np.abs(found - load_image(encoded(cmyk, kind))[8, 8]).max() > 40


@pytest.mark.parametrize(
    ("bad", "says"),
    [(b"no profile", "cannot"), (DISPLAY_P3[:300], "cannot"), (GREY_18, "for GRAY colours, the picture has RGB")],
)
def test_a_profile_that_cannot_be_used_is_ignored_with_one_warning(bad, says, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encoded(COLOURS, "PNG", icc_profile=bad))
    with pytest.warns(UserWarning, match=says) as caught:
        np.testing.assert_array_equal(load_image(path), COLOURS)
    assert len(caught) == 1 and caught[0].filename == __file__ and str(path) in str(caught[0].message)
