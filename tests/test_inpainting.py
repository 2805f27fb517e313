"""`inpaint` and `image_to_image` on the pocket model: what stays, what changes, bad input."""

import numpy as np
import pytest

from helpers import (
    Hole,
    InpaintStudio,
    Region,
    StableDiffusion,
    load_image,
    make_ellipse_mask,
    make_mask,
    read_recipe,
    read_settings,
)
from helpers.pocket import scenes

PROMPT = "a dog riding a skateboard at the beach"
QUICK = dict(num_steps=3, seed=1, verbose=False)


@pytest.fixture(scope="module")
def photo():
    scene = scenes.Scene("astronaut", "beach", "riding", "skateboard")
    return scenes.draw(scene, 128, np.random.default_rng(3))


MASK = make_mask((128, 128), 33, 90, 50, 121)


def difference(a, b):
    return np.abs(a.astype(int) - b).max()


@pytest.mark.parametrize("mask", [MASK, make_ellipse_mask((128, 128), 1, 60, 70, 128), make_mask((1, 1), 0, 1, 0, 1)])
@pytest.mark.parametrize("sampler", ["ddim", "dpm_solver"])
def test_kept_pixels_are_the_photos_own_and_the_hole_is_new(pocket, photo, mask, sampler):
    mask = np.pad(mask, (0, 127), constant_values=1) if mask.shape == (1, 1) else mask
    pictures = pocket.inpaint(PROMPT, photo, mask, batch_size=2, num_resamples=2, sampler=sampler, **QUICK)
    assert pictures.shape == (2, 128, 128, 3) and pictures.dtype == np.uint8
    for picture in pictures:
        np.testing.assert_array_equal(picture[mask == 1], photo[mask == 1])
    if (mask == 0).sum() > 1:
        assert (pictures[0] != photo)[mask == 0].any(axis=-1).mean() > 0.9
        assert (pictures[0] != pictures[1])[mask == 0].any(axis=-1).mean() > 0.5


def test_the_tutorials_call(pocket, photo):
    """Positional and keyword arguments, leading axes, floats in the mask, as in the tutorial."""
    options = dict(
        prompt=PROMPT,
        image=photo[None],
        mask=MASK[None].astype(float),
        num_resamples=1,
        batch_size=1,
        num_steps=3,
        unconditional_guidance_scale=8.5,
        diffusion_noise=None,
        seed=119,
        verbose=False,
    )
    picture = pocket.inpaint(**options)
    assert picture.shape == (1, 128, 128, 3)
    again = pocket.inpaint(PROMPT, photo, MASK, None, 1, 1, 3, 8.5, None, 119, False)
    assert difference(picture, again) == 0


def test_a_batch_of_images_and_masks(pocket, photo):
    """Each picture is the one that its image and mask make alone."""
    images, masks = np.stack([photo, photo[:, ::-1]]), np.stack([MASK, make_mask((128, 128), 10, 60, 20, 80)])
    together = pocket.inpaint(PROMPT, images * 1.0, masks[..., None], strength=0.7, **QUICK)
    assert together.shape == (2, 128, 128, 3)
    for number, (picture, image, mask) in enumerate(zip(together, images, masks)):
        alone = pocket.inpaint(PROMPT, image, mask, strength=0.7, **{**QUICK, "seed": 1 + number})[0]
        assert difference(picture, alone) <= 1
        np.testing.assert_array_equal(picture[mask == 1], image[mask == 1])
    assert len(pocket.inpaint(PROMPT, photo, masks, **QUICK)) == len(pocket.inpaint(PROMPT, images, MASK, **QUICK)) == 2
    drawn = pocket.image_to_image(PROMPT, images, **QUICK)
    alone = pocket.image_to_image(PROMPT, images[1], **{**QUICK, "seed": 2})[0]
    assert difference(drawn[1], alone) <= 1


def test_one_seed_one_picture(pocket, photo):
    together = pocket.inpaint(PROMPT, photo, MASK, batch_size=2, num_resamples=2, jump_length=2, **QUICK)
    alone = pocket.inpaint(PROMPT, photo, MASK, num_resamples=2, jump_length=2, **{**QUICK, "seed": 2})
    assert difference(together[1], alone[0]) <= 1
    noise = np.random.default_rng(5).standard_normal((16, 16, 4))
    given = [pocket.inpaint(PROMPT, photo, MASK, diffusion_noise=noise, num_steps=3, verbose=False) for _ in range(2)]
    assert difference(*given) == 0


def test_what_is_outside_the_hole_is_seen_and_the_prompt_is_read(pocket, photo):
    other = scenes.draw(scenes.Scene("astronaut", "space", "riding", "skateboard"), 128, np.random.default_rng(3))
    here = pocket.inpaint(PROMPT, photo, MASK, **QUICK)[0]
    there = pocket.inpaint(PROMPT, other, MASK, **QUICK)[0]
    tree = pocket.inpaint("a tree", photo, MASK, **QUICK)[0]
    negative = pocket.inpaint(PROMPT, photo, MASK, "a dog", **QUICK)[0]
    for another in (there, tree, negative):
        assert np.abs(here.astype(int) - another)[MASK == 0].mean() > 2


def test_what_was_in_the_hole_is_not_used(pocket, photo):
    """At full strength; the encoder sees the hole's neighbours, so a little of what was there reaches the edge."""
    painted = photo.copy()
    painted[64 - 30 : 64 + 30, 45:80] = (255, 0, 255)
    middle = make_mask(photo.shape, 20, 108, 20, 120)
    a, b = (pocket.inpaint(PROMPT, each, middle, **QUICK)[0].astype(int) for each in (photo, painted))
    assert np.abs(a - b)[40:80, 50:75].mean() < 8


def test_strength_keeps_something_of_the_hole(pocket, photo):
    options = {**QUICK, "num_steps": 10, "unconditional_guidance_scale": 1}  # more would lead away from the photo
    weak = pocket.inpaint(PROMPT, photo, MASK, strength=0.2, **options)[0].astype(int)
    full = pocket.inpaint(PROMPT, photo, MASK, **options)[0].astype(int)
    hole = MASK == 0
    assert np.abs(weak - photo)[hole].mean() < 0.7 * np.abs(full - photo)[hole].mean()


@pytest.mark.parametrize("options", [{"precision": "float16"}, {"precision": "bfloat16"}, {"jit_compile": True}])
def test_every_precision_and_engine(photo, options):
    picture = StableDiffusion("pocket", **options).inpaint(PROMPT, photo, MASK, **QUICK)[0]
    np.testing.assert_array_equal(picture[MASK == 1], photo[MASK == 1])
    assert (picture != photo)[MASK == 0].any(axis=-1).mean() > 0.9


def test_steps_and_bar(pocket, photo, capsys):
    pocket.inpaint(PROMPT, photo, MASK, num_steps=3, num_resamples=2, seed=1)
    assert "6/6" in capsys.readouterr().out
    steps = list(pocket.denoise_hole(pocket.encode_text(PROMPT), photo, MASK, num_steps=3, num_resamples=2, seed=1))
    assert len(steps) == 6


def test_stopping_half_way_leaves_model_and_photo_usable(pocket, photo):
    before = photo.copy()
    steps = pocket.denoise_hole(pocket.encode_text(PROMPT), photo, MASK, num_steps=4, seed=1)
    next(steps)
    steps.close()
    np.testing.assert_array_equal(photo, before)
    first, second = (pocket.inpaint(PROMPT, photo, MASK, **QUICK) for _ in range(2))
    assert difference(first, second) == 0


def test_image_to_image(pocket, photo, capsys):
    options = dict(num_steps=10, seed=1, unconditional_guidance_scale=1)
    near, middle, far = (pocket.image_to_image(PROMPT, photo, s, **options)[0].astype(int) for s in (0.2, 0.6, 1.0))
    assert "2/2" in capsys.readouterr().out
    assert np.abs(near - photo).mean() < np.abs(middle - photo).mean() < np.abs(far - photo).mean()
    from_text = pocket.text_to_image(PROMPT, **options, verbose=False)[0]
    assert difference(far, from_text) <= 1, "at full strength nothing of the image is left"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (dict(mask=np.ones((64, 64))), r"mask has the shape \(64, 64\), expected .* \(128, 128\)"),
        (dict(mask=MASK * 0.5), "values from 0.0 to 0.5; expected 1"),
        (dict(mask=np.ones((128, 128))), "keeps everything, so there is nothing to repaint"),
        (dict(mask=np.zeros((128, 128))), "repaints everything; for that use text_to_image"),
        (
            dict(image=np.zeros((100, 128, 3), np.uint8), mask=np.eye(100, 128)),
            "128 × 100 pixels and the model draws 128",
        ),
        (dict(image=np.full((128, 128, 3), 1.5)), "scale to floats 0…1 or uint8"),
        (dict(mask=np.stack([MASK] * 3), batch_size=2), "must agree, or be 1; got batch_size 2, image 1, mask 3"),
        (dict(num_resamples=0), "num_resamples must be a whole number of at least 1"),
        (dict(jump_length=0), "jump_length must be a whole number of at least 1"),
        (dict(strength=0), "strength must be a number above 0, up to 1"),
        (dict(strength=1.5), "strength must be a number above 0, up to 1"),
        (dict(sampler="euler"), "Unknown sampler 'euler'"),
        (dict(prompt=" "), "must say what to draw"),
        (dict(seed=1, diffusion_noise=np.zeros((16, 16, 4))), "both given"),
    ],
)
def test_bad_input(pocket, photo, change, sentence):
    with pytest.raises(ValueError, match=sentence):
        pocket.inpaint(**{"prompt": PROMPT, "image": photo, "mask": MASK, "num_steps": 2, "verbose": False, **change})


def test_the_panel_repaints_and_puts_the_crop_back(pocket, tmp_path):
    rng = np.random.default_rng(4)
    large = rng.integers(0, 256, (300, 400, 3), dtype=np.uint8)
    studio = InpaintStudio(pocket, large, PROMPT, folder=tmp_path)
    studio.crop_picker.region = Region(100, 50, 200, 200)
    studio.mask_picker.region = Region(32, 32, 64, 64)
    studio.num_steps.value, studio.num_resamples.value, studio.batch_size.value = 2, 2, 2
    studio.generate_button.click()
    assert studio.message.value == ""
    assert studio.pictures.shape == (2, 128, 128, 3) and studio.progress.value == 4
    for picture, whole in zip(studio.pictures, studio.photos, strict=True):
        np.testing.assert_array_equal(
            picture[studio.mask_picker.mask == 1], studio.crop_picker.cropped[studio.mask_picker.mask == 1]
        )
        changed = np.argwhere((whole != large).any(axis=-1))
        rows, columns = changed[:, 0], changed[:, 1]
        # the hole in the photo, x 150 to 250 and y 100 to 200 from the bottom, give or take a pixel of the resizing
        assert 300 - 200 - 2 <= rows.min() and rows.max() <= 300 - 100 + 1
        assert 150 - 2 <= columns.min() and columns.max() <= 250 + 1
    view = studio.gallery.shown
    assert 'alt="before"' in view.figures.value
    path = studio.save()[0]
    np.testing.assert_array_equal(load_image(path), studio.pictures[0])
    view.buttons["Save photo"].click()
    whole = tmp_path / "picture-0003.png"
    np.testing.assert_array_equal(load_image(whole), studio.photos[0])
    np.testing.assert_array_equal(load_image(studio.save_photo()[1]), studio.photos[1])
    for file, kind in ((path, "crop"), (whole, "photo")):
        with pytest.warns(UserWarning, match="a repainting: inpaint makes it again"):
            recipe = read_recipe(file)
        settings = read_settings(file)
        assert (settings["repainting"], settings["photo"]) == (kind, "400x300")
        assert (settings["crop"], settings["mask"]) == ("100 50 200 200", "rectangle 32 32 64 64")
        with pytest.raises(TypeError, match="strength|num_resamples|jump_length"):
            pocket.text_to_image(**recipe)
        again = pocket.inpaint(image=studio.crop_picker.cropped, mask=studio.mask_picker.mask, verbose=False, **recipe)
        assert difference(again[0], studio.pictures[0]) <= 1


def test_saving_the_photo_before_repainting_says_what_to_do(pocket):
    studio = InpaintStudio(pocket, np.zeros((128, 128, 3), np.uint8), PROMPT)
    assert studio.save_photo() == [] and "nothing to save yet" in studio.message.value


def test_the_panels_mask_follows_its_crop(pocket):
    studio = InpaintStudio(pocket, np.random.default_rng(4).integers(0, 256, (300, 400, 3), dtype=np.uint8), PROMPT)
    studio.mask_picker.region = Region(10, 20, 30, 40)
    studio.crop_picker.region = Region(100, 50, 200, 200)
    np.testing.assert_array_equal(studio.mask_picker.picture, studio.crop_picker.cropped)
    assert studio.mask_picker.region == Region(10, 20, 30, 40), "the hole stays"


def test_the_panel_paints_on_beyond_the_photos_edge(pocket, tmp_path):
    photo = np.random.default_rng(4).integers(0, 256, (200, 256, 3), dtype=np.uint8)
    studio = InpaintStudio(pocket, photo, PROMPT, folder=tmp_path)
    studio.num_steps.value, studio.num_resamples.value = 1, 1
    studio.crop_picker.room.value = 50
    canvas = studio.crop_picker.picture
    assert canvas.shape == (400, 512, 3)
    np.testing.assert_array_equal(canvas[100:300, 128:384], photo)
    np.testing.assert_array_equal(canvas[100:300, 500], photo[:, -1], "the edge's colours go on")
    studio.crop_picker.region = Region(256, 50, 256, 256)  # beyond the photo's right, bottom and top edge
    expected = np.zeros((128, 128))
    expected[(100 - 94) // 2 : (300 - 94) // 2, :64] = 1
    np.testing.assert_array_equal(studio.mask_picker.mask, expected, "only what lies beyond the edge")
    studio.mask_picker.hole = Hole(Region(8, 90, 16, 16))
    assert studio.mask_picker.mask[30, 10] == 0 and studio.mask_picker.mask[5, 10] == 1
    studio.mask_picker.undo()
    studio.generate_button.click()
    whole = studio.photos[0]
    assert whole.shape == (256, 384, 3), "no more than the photo and what was painted"
    np.testing.assert_array_equal(whole[8:204, :254], photo[2:198, :254])
    assert (whole[:, 258:] != canvas[94:350, 386:512]).any(axis=-1).mean() > 0.5
    path = studio.save_photo()[0]
    settings = read_settings(path)
    assert (settings["photo"], settings["room"], settings["crop"]) == ("512x400", "50 %", "256 50 256 256")
    view = studio.gallery.shown
    assert view.result.photo.shape == whole.shape, "before and after lie over each other"
    studio.use_as_photo(view.result)
    assert studio.crop_picker.room.value == 0 and studio.crop_picker.picture.shape == whole.shape
    assert studio.mask_picker.mask.all()
    studio.back_button.click()
    np.testing.assert_array_equal(studio.crop_picker.picture, photo)
    studio.keep(view.result)
    assert studio.crop_picker.room.value == 50 and studio.crop_picker.region == Region(256, 50, 256, 256)
    np.testing.assert_array_equal(studio.mask_picker.mask, expected)


def test_the_hole_stays_when_there_is_more_room(pocket):
    studio = InpaintStudio(pocket, np.zeros((128, 128, 3), np.uint8), PROMPT)
    studio.crop_picker.room.value = 10
    assert not studio.mask_picker.mask[:5].any() and studio.mask_picker.mask[40:90, 40:90].all()
    studio.mask_picker.hole = hole = Hole(Region(8, 90, 16, 16))
    studio.crop_picker.room.value = 20
    assert studio.mask_picker.hole == hole
    studio.crop_picker.room.value = 0
    assert studio.crop_picker.picture.shape == (128, 128, 3) and studio.crop_picker.kept.all()


def test_what_is_wrong_is_told_in_the_panel(pocket):
    studio = InpaintStudio(pocket, np.zeros((128, 128, 3), np.uint8))
    studio.generate_button.click()
    assert "must say what to draw" in studio.message.value and studio.photos == []
    assert not studio.generate_button.disabled
