"""Grids, films, dividers and sheets: each picture in its place, each end of a film the picture it stands for."""

import re

import numpy as np
import pytest
from PIL import Image

from helpers import save_image
from helpers.galleries.before_after import before_after
from helpers.galleries.contact_sheets import caption, contact_sheet
from helpers.galleries.films import between_prompts, between_seeds, denoising_film
from helpers.galleries.grids import option_grid
from helpers.galleries.labels import label
from helpers.pictures.show import save_animation

SHORT = {"num_steps": 2}


def near(picture, other) -> bool:
    """To 1 of 255, as far as a batch's pictures are those made alone."""
    return np.abs(picture.astype(int) - other).max() <= 1


class Painter:
    """Draws its options: red is the seed, green the steps, so that each place on a grid shows what was drawn there."""

    def text_to_image(self, prompt, seed, num_steps=0, unconditional_guidance_scale=0, verbose=True):
        colour = (seed, num_steps, int(unconditional_guidance_scale))
        return np.broadcast_to(np.uint8(colour), (1, 64, 64, 3)).copy()


def test_a_grid_has_each_picture_where_its_two_options_meet():
    sheet = option_grid(Painter(), {"num_steps": (20, 40, 60)}, {"seed": range(2)}, prompt="a cat")
    left, top = sheet.shape[1] - 3 * 64 - 2 * 4, sheet.shape[0] - 2 * 64 - 4
    for row, seed in enumerate(range(2)):
        for column, steps in enumerate((20, 40, 60)):
            at = sheet[top + 68 * row : top + 68 * row + 64, left + 68 * column : left + 68 * column + 64]
            assert (at == (seed, steps, 0)).all(), (seed, steps)
    for part in (sheet[:top, left : left + 64], sheet[top : top + 64, :left]):  # labels
        assert (part < 128).any() and (part > 200).mean() > 0.5
    assert (sheet[:top, :left] == 255).all()


def test_a_grids_rows_begin_at_the_same_height_as_their_labels():
    sheet = option_grid(Painter(), {"seed": (100,)}, {"num_steps": (1, 2, 3)}, prompt="a cat")
    left = sheet.shape[1] - 64
    dark = np.flatnonzero((sheet[:, :left] < 128).any(axis=(1, 2)))
    top = sheet.shape[0] - 3 * 64 - 2 * 4
    middles = [dark[(dark >= top + 68 * row) & (dark < top + 68 * row + 64)].mean() for row in range(3)]
    assert np.abs(middles - (top + 68 * np.arange(3) + 32)).max() < 8


@pytest.mark.parametrize(
    "across, down",
    [({"seed": (1,)}, {}), ({"seed": (1,)}, {"seed": (2,)}), ({"seed": ()}, {"num_steps": (1,)})],
)
def test_a_grid_of_other_than_two_options_is_refused(across, down):
    with pytest.raises(ValueError, match="One option goes across and another down"):
        option_grid(Painter(), across, down, prompt="a cat")


def test_a_long_label_is_broken_into_lines_that_fit():
    for text in ("an alien riding a skateboard in space on a red background", "x", "seed 1"):
        picture = label(text, 96, 128)
        assert picture.shape == (128, 96, 3) and (picture < 100).any()
        edges = (picture[0], picture[-1], picture[:, 0], picture[:, -1])
        assert all((edge == 255).all() for edge in edges), text


def test_films_between_prompts_and_seeds_begin_and_end_with_their_pictures(pocket):
    cat, dog = (pocket.text_to_image(p, seed=1, **SHORT, verbose=False)[0] for p in ("a cat", "a dog"))
    film = between_prompts(pocket, ["a cat", "a dog", "a cat"], frames=2, seed=1, **SHORT)
    assert len(film) == 5
    assert near(film[0], cat) and near(film[2], dog) and near(film[4], cat)
    assert not near(film[1], cat) and not near(film[1], dog)
    film = between_seeds(pocket, "a cat", [1, 7], frames=2, **SHORT)
    assert len(film) == 3 and near(film[0], cat)
    assert near(film[2], pocket.text_to_image("a cat", seed=7, **SHORT, verbose=False)[0])


def test_noise_between_two_seeds_is_as_strong_as_theirs(pocket, monkeypatch):
    seen = []
    monkeypatch.setattr(
        type(pocket), "generate_image", lambda self, context, diffusion_noise, **_: seen.append(diffusion_noise) or cat
    )
    cat = np.zeros((1, 8, 8, 3), np.uint8)
    between_seeds(pocket, "a cat", [1, 2], frames=8)
    assert len(seen) == 9 and all(abs(noise.std() - 1) < 0.1 for noise in seen)


def test_a_film_of_the_denoising_ends_with_the_picture(pocket):
    picture = pocket.text_to_image("a cat", seed=1, num_steps=5, verbose=False)[0]
    film = denoising_film(pocket, "a cat", frames=3, num_steps=5, seed=1)
    assert film.shape == (3, *picture.shape) and near(film[-1], picture) and not near(film[0], picture)
    assert len(denoising_film(pocket, "a cat", num_steps=2, seed=1)) == 2


@pytest.mark.parametrize("call", [lambda m: between_prompts(m, "a cat"), lambda m: between_seeds(m, "a cat", [1])])
def test_a_film_of_one_is_refused(call, pocket):
    with pytest.raises(ValueError, match="at least two"):
        call(pocket)


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_a_film_is_a_file_of_all_its_pictures(kind, tmp_path):
    frames = [np.full((16, 24, 3), grey, np.uint8) for grey in (0, 120, 240)]
    save_animation(frames, tmp_path / f"film.{kind}", seconds=0.2)
    with Image.open(tmp_path / f"film.{kind}") as film:
        assert (film.format.lower(), film.n_frames, film.size) == (kind, 3, (24, 16))
        for number, frame in enumerate(frames):
            film.seek(number)
            film.load()
            assert np.abs(np.asarray(film.convert("RGB"), int) - frame).max() < 8 and film.info["duration"] == 200
    with pytest.raises(ValueError, match=".gif nor in .webp"):
        save_animation(frames, tmp_path / "film.mp4")


def test_the_divider_needs_nothing_but_itself_and_has_words(tmp_path):
    black, white = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8)
    page = before_after(black, white, 'a "cat" & a dog')
    assert re.findall(r'alt="([^"]*)"', page) == [
        f"{which}: a &quot;cat&quot; &amp; a dog" for which in ("Before", "After")
    ]
    assert page.count("data:image/jpeg;base64,") == 2 and "http" not in page and "<script" not in page
    assert re.search(r'<input type="range"[^>]* aria-label="[^"]+"', page)
    with pytest.raises(ValueError, match="expected one size"):
        before_after(black, white[:4], "a cat")


def test_a_contact_sheet_shows_each_picture_with_its_recipe(tmp_path):
    red, tall = np.full((40, 40, 3), (255, 0, 0), np.uint8), np.full((80, 40, 3), (0, 0, 255), np.uint8)
    save_image(red, tmp_path / "b.webp", {"prompt": "a red square", "seed": 3, "num_steps": 12, "sampler": "ddim"})
    save_image(tall, tmp_path / "c.png")
    (tmp_path / "a.png").write_bytes(b"none")
    (tmp_path / "notes.txt").write_text("none")
    assert caption(tmp_path / "b.webp") == "b.webp: a red square (seed 3, 12 steps, ddim)"
    assert caption(tmp_path / "c.png") == "c.png"
    with pytest.warns(UserWarning, match="damaged: a.png"):
        sheet = contact_sheet(tmp_path, columns=2, width=80)
    assert sheet.shape == (80 + 26, 80 * 2 + 4, 3)
    assert (sheet[79, 40] == (255, 0, 0)).all() and (sheet[40, 84 + 40] == (0, 0, 255)).all()
    assert (sheet[40, 84 + 5] == 255).all() and (sheet[80:, :80] < 128).any()
    (empty := tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no picture"):
        contact_sheet(empty)
