"""Panels that draw while something changes: the last state has its picture, whatever came before is dropped."""

import asyncio
import time

import numpy as np
import pytest
from test_generation_studio import Painter, images_of

from helpers import GenerationStudio, InpaintStudio, Region
from helpers.panels.generation_studio import LIVE_STEPS

PROMPT = "a panda riding a skateboard at the beach"


@pytest.fixture
def studio():
    return GenerationStudio(Painter(), live=True)


def shown(studio):
    """The pictures that came onto the screen, one after the other, from now on."""
    seen = []
    studio.screen.observe(lambda change: seen.append(change.new), "value")
    return seen


async def drawn(studio):
    while studio._newest._drawing:
        await asyncio.sleep(0.001)


def test_it_is_off_by_default_and_few_steps_when_on(studio):
    still = GenerationStudio(Painter())
    assert not still.live.value and still.num_steps.value == 12
    still.seed.value = 3
    assert not still.model.asked
    assert studio.live.value and studio.num_steps.value == LIVE_STEPS and not studio.model.asked


@pytest.mark.parametrize(
    ("field", "value"),
    [("prompt", "a cat"), ("negative_prompt", "a dog"), ("seed", 7), ("guidance", 2.5), ("num_steps", 3)],
)
def test_every_change_has_its_picture(studio, field, value):
    seen = shown(studio)
    getattr(studio, field).value = value
    assert len(studio.model.asked) == 1 and len(seen) == 1
    assert images_of(seen[0])[0]["alt"] == f"{studio.prompt.value}, seed {studio.seed.value}"
    assert np.array_equal(studio.model.text_to_image(**studio.recipes[0])[0], studio.pictures[0])
    assert not studio.gallery.views and studio.stop_button.disabled


def test_a_burst_of_changes_ends_in_one_picture_of_the_last_state(studio):
    """As a kernel has it: the changes come while it draws, several at each step."""
    seen, steps = shown(studio), []
    studio.model.at_step = steps.append

    async def burst():
        for number in range(1, 101):
            studio.guidance.value = number / 5
            if number % 3 == 0:
                await asyncio.sleep(0)
        await drawn(studio)

    asyncio.run(burst())
    assert len(seen) == 1 and studio.recipes[0]["unconditional_guidance_scale"] == 20
    assert steps[-LIVE_STEPS:] == list(range(1, LIVE_STEPS + 1)), "the last one is drawn whole"
    assert 2 <= len(studio.model.asked) < 40 and steps.count(LIVE_STEPS) == 1, "the others ended at a step"
    assert studio.progress.layout.visibility == "hidden" and studio.status.value == ""


def test_a_change_while_it_draws_drops_what_is_half_done(studio):
    seen = shown(studio)

    def change(number):
        if number == 3 and len(studio.model.asked) == 1:
            studio.seed.value = 9

    studio.model.at_step = change
    studio.seed.value = 8
    assert [asked["seed"] for _, asked in studio.model.asked] == [8, 9] and len(seen) == 1
    assert studio.recipes[0]["seed"] == 9


def test_what_is_wrong_is_told_and_the_next_change_draws(studio):
    studio.prompt.value = " "
    assert "it is empty" in studio.message.value and studio.pictures is None
    studio.prompt.value = "a cat"
    assert studio.message.value == "" and studio.pictures is not None


def test_stop_and_generate_end_what_is_half_done(studio):
    seen = shown(studio)

    async def press(button):
        studio.seed.value += 1
        while not studio.model.asked:
            await asyncio.sleep(0)
        assert not studio.stop_button.disabled
        button.click()
        await drawn(studio)

    asyncio.run(press(studio.stop_button))
    assert not seen and studio.pictures is None and studio.stop_button.disabled
    studio.model.asked.clear()
    asyncio.run(press(studio.generate_button))
    assert len(studio.gallery.views) == 1 and not any(seen) and studio.recipes[0]["seed"] == 2
    assert len(studio.model.asked) == 2, "the one that was dropped, and the one that was asked for"


def test_crop_and_mask_are_changes_too_and_kept_pixels_stay(pocket, figure):
    photo = np.random.default_rng(4).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    studio = InpaintStudio(pocket, photo, PROMPT, live=True)
    assert studio.num_resamples.value == 1 and studio.pictures is None
    seconds = []
    for change in (
        lambda: setattr(studio.mask_picker, "region", Region(20, 20, 60, 60)),
        lambda: studio.mask_picker.grow(),
        lambda: setattr(studio.crop_picker, "region", Region(50, 20, 200, 200)),
        lambda: setattr(studio.guidance, "value", 4.0),
    ):
        before, begin = studio.pictures, time.monotonic()
        change()
        seconds.append(time.monotonic() - begin)
        assert studio.pictures is not before, "drawn anew"
        kept = studio.mask_picker.mask == 1
        np.testing.assert_array_equal(studio.pictures[0][kept], studio.crop_picker.cropped[kept])
        assert studio.gallery.shown is None and len(images_of(studio.screen.value)) == 1
    figure(f"InpaintStudio live, pocket in float32: {1000 * min(seconds):.0f} ms from a change to its picture")
