"""Picture files with their recipes: written whole or not at all, and recipes that come back as they went in."""

import io
import json
import os
import re
import stat
import struct
import time
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from helpers.diffusion.samplers import SAMPLERS
from helpers.pictures.loading import load_image
from helpers.recipes.files import read_recipe, read_settings, save_image

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


@pytest.mark.parametrize("name", ["a.gif", "a", "a.png.txt", ".png"])
def test_other_formats_are_not_written(name, tmp_path):
    refused(ValueError, save_image, PICTURE, tmp_path / name, says=".png, .jpg, .jpeg, .webp")


@pytest.mark.parametrize("name, kind", [("a.jpg", "JPEG"), ("a.JPEG", "JPEG"), ("a.webp", "WEBP"), ("a.png", "PNG")])
def test_the_name_says_the_format_and_each_keeps_the_recipe(name, kind, tmp_path):
    recipe = {**RECIPE, "prompt": "猫 in a café, 🐈\nand 'more'"}
    save_image(PICTURE, tmp_path / name, recipe, model="a, b")
    with Image.open(tmp_path / name) as image:
        assert image.format == kind
        if kind != "PNG":  # where the web UI looks for it
            assert image.getexif().get_ifd(0x8769)[0x9286].startswith(b"UNICODE\0")
    assert read_recipe(tmp_path / name) == recipe and read_settings(tmp_path / name)["model"] == "a, b"
    away = np.abs(load_image(tmp_path / name).astype(int) - PICTURE)
    assert away.mean() < 12 if kind == "JPEG" else not away.any()
    save_image(PICTURE, tmp_path / name)
    refused(ValueError, read_recipe, tmp_path / name, says="no recipe")


@pytest.mark.parametrize("prompt", ["\ufeffa cat", "\u4e00" * 99])
def test_text_that_exif_would_change_is_refused_and_png_keeps_it(prompt, tmp_path):
    refused(ValueError, save_image, PICTURE, tmp_path / "a.webp", {"prompt": prompt}, says="PNG")
    assert not list(tmp_path.iterdir())
    save_image(PICTURE, tmp_path / "a.png", {"prompt": prompt})
    assert read_recipe(tmp_path / "a.png") == {"prompt": prompt}


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
NUMBER = st.integers(0) | st.integers(0, 2**64)
RECIPES = st.fixed_dictionaries(
    {"prompt": PROMPT},
    optional={
        "negative_prompt": PROMPT | st.none(),
        "num_steps": st.integers(1, 1000) | st.none(),
        "unconditional_guidance_scale": st.floats(0, allow_nan=False, allow_infinity=False) | st.integers(0, 2**53),
        "seed": NUMBER | st.none(),
        "sampler": st.sampled_from([*SAMPLERS]) | st.none(),
        "batch_size": st.integers(1, 4),
        "verbose": st.booleans(),
    },
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("recipes")


@pytest.mark.parametrize("name", ["a.png", "a.webp"])
@settings(deadline=None)
@given(recipe=RECIPES)
@example(recipe={"prompt": "a\n", "negative_prompt": "\nb"})
@example(recipe={"prompt": "Steps: 1, Sampler: DDIM, CFG scale: 2, Size: 1x1"})
def test_recipe_comes_back_exactly(name, recipe, folder):
    texts = [recipe["prompt"], recipe.get("negative_prompt") or ""]
    holdable = not any("\0" in text or re.search(r"^[ \t]*Negative prompt:", text, re.M) for text in texts)
    try:
        save_image(PICTURE, folder / name, recipe)
    except ValueError as error:
        if "EXIF" in str(error):
            return
        assert not holdable or "\nNegative prompt: Negative prompt:" in "\nNegative prompt: " + texts[1]
        return
    assert "\0" not in "".join(texts)
    left_out = ("batch_size", "verbose")
    expected = {key: value for key, value in recipe.items() if value is not None and key not in left_out}
    if expected.get("negative_prompt") == "":
        del expected["negative_prompt"]
    assert read_recipe(folder / name) == expected


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
    with pytest.warns(UserWarning) as caught:
        assert read_recipe(path) == {
            "prompt": "a girl, (blue eyes:1.2) <lora:style:0.8>\nsecond line",
            "negative_prompt": "lowres, bad hands,\nblurry",
            "num_steps": 28,
            "sampler": ours,
            "unconditional_guidance_scale": 6.5,
            "seed": 18446744073709551615,
        }
    assert len(caught) == 1 and caught[0].filename == __file__
    what = "Size: 832x1216, Model: sd_xl, Denoising strength: 0.4, Lora hashes: "
    assert f"this recipe does not reproduce its {what}" in str(caught[0].message)
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
    assert len(caught) == 1 and "Steps: many, " in str(caught[0].message) and "Seed: 0x2, " in str(caught[0].message)


@pytest.mark.parametrize("said", ["Seed: -1", "Steps: 0", "CFG scale: -7", "CFG scale: nan", "Strength: 2"])
def test_numbers_that_no_recipe_has_are_left_out_with_a_note(said, tmp_path):
    path = with_text(f"x\n{said}, Size: 9x6", tmp_path)
    with pytest.warns(UserWarning, match=f"says {said}, which is not a .* from|above") as caught:
        assert read_recipe(path) == {"prompt": "x"}
    assert len(caught) == 1


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("Hires upscale: 2, Hires steps: 9", "Hires upscale: 2, Hires steps: 9"),
        ("Clip skip: 2", "Clip skip: 2"),
        ("Clip skip: 1", None),
        ("Model: dreamshaper, Version: v1", "Size: 9x6, Model: dreamshaper"),
        ("Model: pocket, Precision: float32", None),
    ],
)
def test_what_decided_the_picture_besides_is_named_in_one_note(said, named, tmp_path):
    path = with_text(f"x\nSteps: 3, Seed: 4, Size: 9x6, {said}", tmp_path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert read_recipe(path) == {"prompt": "x", "num_steps": 3, "seed": 4}
    assert [str(each.message).partition("not reproduce its ")[2] for each in caught] == [f"{named}."] * bool(named)


# ---- the same text in EXIF, and other programs' ----


def with_exif(comment: bytes, path: Path) -> Path:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = comment
    Image.fromarray(PICTURE).save(path, exif=exif.tobytes())
    return path


@pytest.mark.parametrize("kind", ["jpg", "webp", "avif", "png"])
@pytest.mark.parametrize(
    ("code", "encoding"),
    [
        (b"UNICODE\0", "utf-16-be"),
        (b"UNICODE\0", "utf-16-le"),
        (b"ASCII\0\0\0", "utf-8"),
        (bytes(8), "utf-8"),
        (b"", "utf-8"),
    ],
)
def test_recipe_in_exif(kind, code, encoding, tmp_path):
    text = "a café, 猫\nNegative prompt: blur\nSteps: 9, Sampler: DDIM, CFG scale: 7, Seed: 3, Size: 9x6"
    path = with_exif(code + text.encode(encoding), tmp_path / f"a.{kind}")
    expected = {"prompt": "a café, 猫", "negative_prompt": "blur", "num_steps": 9, "sampler": "ddim", "seed": 3}
    assert read_recipe(path) == {**expected, "unconditional_guidance_scale": 7.0}


def with_texts(folder: Path, **texts: str) -> Path:
    chunks = PngImagePlugin.PngInfo()
    for name, text in texts.items():
        chunks.add_text(name, text)
    Image.fromarray(PICTURE).save(folder / "foreign.png", pnginfo=chunks)
    return folder / "foreign.png"


COMFYUI = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            **{"seed": 156680208700286, "steps": 20, "cfg": 8.0, "sampler_name": "dpmpp_2m", "scheduler": "normal"},
            **{
                "denoise": 0.6,
                "model": ["10", 0],
                "positive": ["6", 0],
                "negative": ["7", 0],
                "latent_image": ["5", 0],
            },
        },
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "v1-5.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 768, "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": ["11", 0], "clip": ["10", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "watermark", "clip": ["10", 1]}},
    "10": {"class_type": "LoraLoader", "inputs": {"lora_name": "ink.safetensors", "model": ["4", 0], "clip": ["4", 1]}},
    "11": {"class_type": "PrimitiveString", "inputs": {"value": "a glass bottle"}},
}
INVOKEAI = {
    **{"app_version": "4.2", "generation_mode": "txt2img", "positive_prompt": "a hill", "negative_prompt": "fog"},
    **{"width": 9, "height": 6, "seed": 0, "cfg_scale": 7.5, "steps": 30, "scheduler": "ddim", "clip_skip": 0},
    **{"model": {"name": "sd-1.4", "base": "sd-1"}, "loras": [], "vae": None},
}
SD_METADATA = {
    **{"model": "stable diffusion", "model_weights": "stable-diffusion-1.5", "app_version": "2.2.4"},
    "image": {
        **{"prompt": [{"prompt": "a hill [fog, rain]", "weight": 1.0}], "steps": 30, "cfg_scale": 7.5, "height": 512},
        **{"width": 512, "seed": 42, "sampler": "k_euler_a", "type": "txt2img"},
    },
}
DREAM = '"a hill [fog]" -s 30 -S 42 -W 9 -H 6 -C 7.5 -A ddim'


@pytest.mark.parametrize(
    ("texts", "recipe", "says"),
    [
        (
            {"prompt": json.dumps(COMFYUI), "workflow": "{}"},
            ("a glass bottle", "watermark", 20, "dpm_solver", 8.0, 156680208700286),
            ["Size: 512x768", "Model: v1-5.safetensors", "Lora: ink.safetensors", "Denoising strength: 0.6"],
        ),
        ({"invokeai_metadata": json.dumps(INVOKEAI)}, ("a hill", "fog", 30, "ddim", 7.5, 0), []),
        (
            {"sd-metadata": json.dumps(SD_METADATA), "Dream": DREAM},
            ("a hill", "fog, rain", 30, None, 7.5, 42),
            ["Sampler: euler_a, which is not one of", "Model: stable-diffusion-1.5", "Size: 512x512"],
        ),
        ({"Dream": DREAM}, ("a hill", "fog", 30, "ddim", 7.5, 42), []),
    ],
)
def test_recipes_of_other_programs(texts, recipe, says, tmp_path):
    path = with_texts(tmp_path, **texts)
    keys = ("prompt", "negative_prompt", "num_steps", "sampler", "unconditional_guidance_scale", "seed")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert read_recipe(path) == {key: value for key, value in zip(keys, recipe) if value is not None}
    assert len(caught) == bool(says)
    for part in says:
        assert part in str(caught[0].message)


@pytest.mark.parametrize("text", ["a cat", "[]", "{}", '{"1": 2}', '{"1": {"inputs": {}}}', "{", "null"])
@pytest.mark.parametrize("name", ["prompt", "invokeai_metadata", "sd-metadata", "Dream"])
def test_texts_of_no_known_program_are_named(name, text, tmp_path):
    refused(ValueError, read_recipe, with_texts(tmp_path, **{name: text}), says=f"its texts '{name}' are of no known")


def test_a_graph_that_goes_round_is_read_to_its_end(tmp_path):
    nodes = {
        "1": {"inputs": {"steps": 3, "positive": ["2", 0], "negative": ["9", 0]}},
        "2": {"inputs": {"a": ["2", 0]}},
    }
    with pytest.raises(ValueError, match="no recipe"):
        read_recipe(with_texts(tmp_path, prompt=json.dumps(nodes)))
    nodes["9"] = {"inputs": {"text": "blur", "clip": ["2", 0]}}
    found = read_recipe(with_texts(tmp_path, prompt=json.dumps(nodes)))
    assert found == {"prompt": "", "negative_prompt": "blur", "num_steps": 3}


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
