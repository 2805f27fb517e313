"""The form, driven as a browser drives it: by its widgets' values and clicks. The model is a stand-in."""

import warnings
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from helpers import GenerationStudio, read_recipe
from helpers.models.checkpoint import Defaults
from helpers.panels.results import RESULTS_KEPT
from helpers.pictures.show import save_animation, show, show_file
from helpers.recipes.files import read_settings, save_pictures
from helpers.recipes.recipe import Recipe


class Painter:
    """Paints each picture in one colour, decided by all that decides a real one."""

    settings = {"model": "painter", "precision": "float32"}
    checkpoint = SimpleNamespace(drawing=Defaults("dpm_solver", 12))

    def __init__(self):
        self.asked = []  # (prompt, the other arguments) of every call
        self.decoded = 0
        self.at_step = lambda number: None

    def encode_text(self, prompt):
        if not prompt.strip():
            raise ValueError("The prompt must say what to draw; it is empty.")
        if "wombat" in prompt:
            warnings.warn("The painter does not know 'wombat' and leaves it out.", stacklevel=2)
        return np.frombuffer(prompt.encode(), np.uint8)

    def denoise(self, context, recipe):
        self.asked.append((context.tobytes().decode(), vars(recipe)))
        scale, seed = recipe.unconditional_guidance_scale, recipe.seed
        what = f"{context.tobytes()} {recipe.negative_prompt} {recipe.num_steps} {scale} {recipe.sampler}"
        colours = [[sum(what.encode()) % 256, (seed + i) % 256, (seed + i) // 256] for i in range(recipe.batch_size)]
        result = np.array(colours, np.uint8)[:, None, None] + np.zeros((1, 2, 2, 1), np.uint8)

        def steps():
            for number in range(1, recipe.num_steps + 1):
                self.at_step(number)
                yield SimpleNamespace(latent=result, predicted_x0=result // 2)

        return steps()

    def decode(self, latent):
        self.decoded += 1
        return np.repeat(np.repeat(latent, 8, axis=1), 8, axis=2)

    preview = decode

    def text_to_image(self, prompt, negative_prompt=None, **options):
        *_, last = self.denoise(self.encode_text(prompt), Recipe(negative_prompt=negative_prompt or "", **options))
        return self.decode(last.latent)


@pytest.fixture
def painter():
    return Painter()


@pytest.fixture
def studio(painter, tmp_path):
    studio = GenerationStudio(painter, folder=tmp_path / "new" / "outputs")
    studio.num_steps.value = 5
    return studio


def images_of(html):
    """The attributes of every <img> in the HTML."""
    found = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: found.append(dict(attributes)) if tag == "img" else None
    parser.feed(html)
    return found


def newest(studio):
    """The newest result in the gallery: its HTML and its Save button."""
    view = studio.gallery.views[0]
    return view.figures.value, view.buttons["Save"]


# ---------------------------------------------------------------------- Generate


def test_what_the_form_says_reaches_the_model(studio, painter):
    studio.prompt.value = "a cat"
    studio.negative_prompt.value = "a dog"
    studio.seed.value = 41
    studio.num_steps.value = 7
    studio.guidance.value = 3.5
    studio.sampler.value = "dpm_solver"
    studio.batch_size.value = 3
    studio.generate_button.click()
    ((prompt, asked),) = painter.asked
    assert prompt == "a cat"
    assert (asked["negative_prompt"], asked["seed"], asked["num_steps"]) == ("a dog", 41, 7)
    assert (asked["unconditional_guidance_scale"], asked["sampler"], asked["batch_size"]) == (3.5, "dpm_solver", 3)
    assert studio.pictures.shape == (3, 16, 16, 3)


def test_each_picture_has_the_recipe_that_makes_it_alone(studio, painter):
    studio.seed.value = 254
    studio.batch_size.value = 3
    studio.generate_button.click()
    assert [recipe["seed"] for recipe in studio.recipes] == [254, 255, 256]
    for picture, recipe in zip(studio.pictures, studio.recipes, strict=True):
        assert np.array_equal(painter.text_to_image(**recipe)[0], picture)


def test_random_gives_other_seeds_that_the_model_takes(studio):
    seeds = set()
    for _ in range(5):
        studio.dice_button.click()
        seeds.add(studio.seed.value)
    assert len(seeds) > 1 and min(seeds) >= 0


def test_the_bar_and_its_text_move_with_the_steps(studio, painter):
    seen = []
    painter.at_step = lambda number: seen.append((studio.progress.value, studio.status.value))
    studio.generate_button.click()
    assert [value for value, _ in seen] == [0, 1, 2, 3, 4] and studio.progress.value == studio.progress.max == 5
    assert seen[1][1] == "Step 1 of 5" and seen[2][1] == "Step 2 of 5, about 0 s left"
    assert studio.status.value == "" and studio.progress.layout.visibility == "hidden"


def test_the_time_left_is_that_of_the_steps_left(studio, painter, monkeypatch):
    now, texts = [0.0], []
    monkeypatch.setattr("helpers.panels.generation_studio.time", SimpleNamespace(monotonic=lambda: now[0]))
    studio.status.observe(lambda change: texts.append(change.new), "value")

    def wait(number):  # the first step takes long, as one that compiles does
        now[0] += 500 if number == 1 else 40

    painter.at_step = wait
    studio.generate_button.click()
    assert texts[1:6] == [
        "Step 1 of 5",
        "Step 2 of 5, about 2 min 0 s left",
        "Step 3 of 5, about 1 min 20 s left",
        "Step 4 of 5, about 40 s left",
        "Step 5 of 5, about 0 s left",
    ]


@pytest.mark.parametrize(("steps", "previews"), [(3, 0), (5, 0), (10, 1), (25, 4), (100, 4)])
def test_a_few_steps_are_seen_while_drawing(studio, painter, steps, previews):
    studio.num_steps.value = steps
    seen = []
    studio.screen.observe(lambda change: seen.append(change.new), "value")
    studio.generate_button.click()
    assert painter.decoded == previews + 1
    assert [bool(images_of(html)) for html in seen] == [True] * min(previews, 1) + [False] * min(previews, 1)

    studio.preview.value, painter.decoded = False, 0
    studio.generate_button.click()
    assert painter.decoded == 1


# ---------------------------------------------------------------------- the gallery


def test_pictures_hang_with_seed_prompt_and_words_for_who_cannot_see(studio):
    studio.prompt.value = 'a "big" cat & <b>dog</b>'
    studio.seed.value, studio.batch_size.value = 5, 2
    studio.generate_button.click()
    html, _ = newest(studio)
    assert [image["alt"] for image in images_of(html)] == [f'a "big" cat & <b>dog</b>, seed {s}' for s in (5, 6)]
    assert all(image["src"].startswith("data:image/jpeg;base64,") for image in images_of(html))
    assert "<figcaption" in html and "seed 6: a &quot;big&quot; cat &amp; &lt;b&gt;" in html and "<b>" not in html


def test_the_newest_hangs_first_and_the_oldest_goes(studio):
    rows = []
    for seed in range(RESULTS_KEPT + 2):
        studio.seed.value = seed
        studio.generate_button.click()
        rows.append(studio.gallery.shown)
        assert studio.gallery.children[0] is rows[-1]
    assert studio.gallery.views == rows[:1:-1]
    assert f"seed {RESULTS_KEPT + 1}:" in newest(studio)[0]
    assert rows[0].comm is None and rows[0].children[0].comm is None and rows[2].comm is not None  # closed
    strip = studio.gallery.children[1].children
    assert [small.children[1].description for small in strip] == [f"seed {n}" for n in range(RESULTS_KEPT + 1, 1, -1)]
    strip[3].children[1].click()
    assert studio.gallery.shown is studio.gallery.children[0] is rows[-4]


# ---------------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("prompt", " ", "The prompt must say what to draw; it is empty."),
        ("seed", -1, "seed must be a whole number of at least 0, got -1."),
    ],
)
def test_bad_input_is_told_in_one_sentence_and_kept(studio, capsys, field, value, sentence):
    studio.generate_button.click()
    before, said = studio.pictures, []
    getattr(studio, field).value = value
    studio.generate_button.click()
    assert sentence in studio.message.value and 'role="alert"' in studio.message.value
    assert getattr(studio, field).value == value and studio.pictures is before
    assert not studio.generate_button.disabled and studio.progress.layout.visibility == "hidden"
    assert "Traceback" not in "".join(capsys.readouterr()) + studio.message.value

    getattr(studio, field).value = "a cat" if field == "prompt" else 1
    studio.status.observe(lambda _: said.append(studio.message.value), "value")
    studio.generate_button.click()
    assert said[0] == "" == studio.message.value and studio.pictures is not before  # gone from the first moment


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (KeyboardInterrupt(), "Stopped."),
        (FloatingPointError("The networks overflowed."), ">The networks overflowed."),
        (OSError("The weights could not be fetched."), ">The weights could not be fetched."),
        (RuntimeError("out of <memory>"), "This did not work: RuntimeError: out of &lt;memory&gt;"),
        (ValueError(), "This did not work: ValueError"),
    ],
)
def test_the_form_stays_usable_whatever_happens(studio, painter, error, sentence):
    def fail(number):
        if number == 3:
            raise error

    painter.at_step = fail
    studio.generate_button.click()
    assert sentence in studio.message.value
    assert not studio.generate_button.disabled and studio.pictures is None and studio.status.value == ""

    painter.at_step = lambda number: None
    studio.generate_button.click()
    assert studio.message.value == "" and len(studio.pictures) == 1


def test_generate_pressed_while_it_draws_is_a_wish_more(studio, painter):
    """Drawn afterwards, of what the form said when it was pressed."""
    said = []

    def press(number):
        if number == 2 and len(painter.asked) == 1:
            for studio.seed.value in (7, 8):
                studio.generate_button.click()
            said.append(studio.message.value)
            studio.seed.value = 99
            studio.num_steps.value = 9

    painter.at_step = press
    studio.generate_button.click()
    assert [asked["seed"] for _, asked in painter.asked] == [0, 7, 8]
    assert [asked["num_steps"] for _, asked in painter.asked] == [5, 5, 5]
    assert [view.result.recipes[0]["seed"] for view in studio.gallery.views] == [8, 7, 0]
    assert "2 are to be drawn after this one" in said[0]


@pytest.mark.parametrize("how", ["button", "Escape"])
def test_stop_ends_at_the_next_step_and_keeps_what_there_is(studio, painter, how):
    steps, pressable = [], []

    def press(number):
        steps.append(number)
        pressable.append(not studio.stop_button.disabled)
        if number == 3:
            studio.generate_button.click()  # a wish, which is forgotten
            studio.stop_button.click() if how == "button" else studio._key({"what": "stop"})

    painter.at_step = press
    studio.seed.value = 40
    studio.generate_button.click()
    assert steps == [1, 2, 3] and all(pressable) and studio.stop_button.disabled
    assert "Stopped at step 3 of 5" in studio.message.value
    assert studio.recipes[0]["seed"] == 40
    painter.at_step = lambda number: None
    *_, last = painter.denoise(painter.encode_text(studio.prompt.value), studio.recipe)
    np.testing.assert_array_equal(studio.pictures, painter.decode(last.predicted_x0))  # what it looked like
    assert "stopped at step 3 of 5" in newest(studio)[0]
    assert read_settings(studio.save()[0])["stopped"] == "step 3 of 5"
    studio.generate_button.click()
    np.testing.assert_array_equal(studio.pictures, painter.decode(last.latent))
    assert "stopped" not in newest(studio)[0] and studio.message.value == ""


def test_stop_without_a_run_does_nothing(studio, painter):
    studio.stop()
    studio.generate_button.click()
    assert len(studio.pictures) == 1 and studio.message.value == ""


def test_ctrl_enter_generates_what_the_prompt_says_by_then(studio, painter):
    studio._key({"what": "generate", "text": "a cat typed fast"})
    assert painter.asked[0][0] == "a cat typed fast" == studio.prompt.value


def test_keep_these_settings(studio):
    form = ("prompt", "negative_prompt", "seed", "num_steps", "guidance", "sampler", "batch_size")
    studio.prompt.value, studio.seed.value, studio.batch_size.value, studio.guidance.value = "a cat", 3, 2, 4.5
    studio.generate_button.click()
    before = [getattr(studio, name).value for name in form]
    studio.prompt.value, studio.negative_prompt.value, studio.seed.value = "a dog", "a cat", 4
    studio.batch_size.value, studio.guidance.value, studio.sampler.value = 1, 2, "ddim"
    studio.generate_button.click()
    studio.gallery.views[1].buttons["Keep these settings"].click()
    assert [getattr(studio, name).value for name in form] == before


def test_what_the_model_warns_of_is_told_and_it_still_draws(studio, recwarn):
    studio.prompt.value = "a wombat in space"
    studio.generate_button.click()
    assert "does not know &#x27;wombat&#x27;" in studio.message.value and 'role="status"' in studio.message.value
    assert len(studio.pictures) == 1 and not recwarn.list
    studio.prompt.value = "a cat in space"
    studio.generate_button.click()
    assert studio.message.value == ""


# ---------------------------------------------------------------------- Save


def test_saved_pictures_can_be_made_again_from_their_files(studio, painter):
    studio.prompt.value = "a cat: big, red"
    studio.negative_prompt.value = "a dog"
    studio.seed.value, studio.batch_size.value, studio.guidance.value = 9, 3, 4.5
    studio.sampler.value = "ddim_trailing"
    studio.generate_button.click()
    newest(studio)[1].click()
    paths = sorted(studio.folder.iterdir())
    assert [path.name for path in paths] == ["picture-0001.png", "picture-0002.png", "picture-0003.png"]
    assert str(paths[0].resolve()) in studio.message.value and "picture-0003.png" in studio.message.value
    for i, path in enumerate(paths):
        recipe = read_recipe(path)
        assert recipe == studio.recipes[i] and recipe["seed"] == 9 + i
        assert np.array_equal(painter.text_to_image(**recipe)[0], np.asarray(Image.open(path)))
        assert read_settings(path)["model"] == "painter"


def test_an_older_result_is_saved_by_its_own_button(studio):
    for seed in (1, 2):
        studio.seed.value = seed
        studio.generate_button.click()
    studio.gallery.views[1].buttons["Save"].click()
    assert read_recipe(studio.folder / "picture-0001.png")["seed"] == 1
    assert read_recipe(studio.save()[0])["seed"] == 2  # without an argument, the last result


def test_no_file_is_overwritten(studio):
    studio.folder.mkdir(parents=True)
    for name in ("picture-0007.png", "picture-old.png", "other.png"):
        (studio.folder / name).write_text(name)
    studio.generate_button.click()
    assert [path.name for path in studio.save() + studio.save()] == ["picture-0008.png", "picture-0009.png"]
    assert (studio.folder / "picture-0007.png").read_text() == "picture-0007.png"


def test_save_before_generate_says_what_to_do(studio):
    assert studio.save() == [] and "press Generate first" in studio.message.value
    assert not studio.folder.exists()


def test_a_folder_that_cannot_be_written_is_told(studio):
    studio.generate_button.click()
    studio.folder.parent.mkdir()
    studio.folder.write_text("a file in the folder's place")
    newest(studio)[1].click()
    assert "cannot be made a folder" in studio.message.value and studio.folder.is_file()


# ---------------------------------------------------------------------- showing


@pytest.fixture
def displayed(monkeypatch):
    """What was displayed: (bundle, metadata) of each call."""
    calls = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, metadata, raw: calls.append((bundle, metadata)))
    return calls


def decoded(bundle):
    import base64
    import io

    return np.asarray(Image.open(io.BytesIO(base64.b64decode(bundle["image/jpeg"]))))


def test_shown_pictures_are_whole_and_have_words(displayed):
    pictures = np.zeros((3, 16, 16, 3), np.uint8) + np.array([0, 90, 180], np.uint8)[:, None, None, None]
    show(pictures, 'three "cats"')
    show(pictures[0], "one cat")
    (several, metadata), (one, _) = displayed
    gap = np.full((16, 4, 3), 255)
    side_by_side = np.concatenate([pictures[0], gap, pictures[1], gap, pictures[2]], axis=1)
    np.testing.assert_allclose(decoded(several).astype(int), side_by_side, atol=8)  # a JPEG
    np.testing.assert_allclose(decoded(one).astype(int), pictures[0], atol=8)
    assert images_of(several["text/html"])[0]["alt"] == 'three "cats"' == several["text/plain"]
    assert metadata["image/jpeg"]["alt"] == 'three "cats"'


def test_labels_stand_above_their_pictures(displayed):
    black = np.zeros((2, 64, 64, 3), np.uint8)
    show(black, "", labels=["", "a very long label of one picture"])
    picture = decoded(displayed[0][0])
    bar = picture[:-64]
    assert (bar[:, :60] > 240).all() and (bar[:, 68:] < 128).any()  # the second has ink, the first none
    assert (bar[:, 64:67] > 200).all() and (picture[-60:, :60] < 15).all()
    assert (bar[:, -1] > 200).all()  # and fits
    with pytest.raises(ValueError):
        show(black, "", labels=["one"])


def test_large_pictures_are_stored_small(displayed):
    show(np.zeros((3, 512, 512, 3), np.uint8), "large")
    assert max(decoded(displayed[0][0]).shape) == 1024


def test_every_picture_needs_its_recipe(tmp_path):
    with pytest.raises(ValueError):
        save_pictures(np.zeros((2, 8, 8, 3), np.uint8), [{"prompt": "a cat"}], tmp_path)


def test_an_animation_shows_each_picture_for_its_time(tmp_path, monkeypatch):
    pictures = [np.full((16, 24, 3), value, np.uint8) for value in (0, 128, 255)]
    save_animation(pictures, tmp_path / "a.gif", seconds=0.7)
    with Image.open(tmp_path / "a.gif") as gif:
        assert (gif.n_frames, gif.size, gif.info["duration"], gif.info["loop"]) == (3, (24, 16), 700, 0)
        for number, picture in enumerate(pictures):
            gif.seek(number)
            np.testing.assert_array_equal(np.asarray(gif.convert("RGB")), picture)
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, **_: shown.append(bundle))
    show_file(tmp_path / "a.gif", "black, <grey>, white")
    assert 'alt="black, &lt;grey&gt;, white"' in shown[0]["text/html"]


def test_a_form_can_be_used_again_whatever_ended_it(tmp_path):
    painter = Painter()
    studio = GenerationStudio(painter, folder=tmp_path)

    def leave(number):
        raise SystemExit

    painter.at_step = leave
    with pytest.raises(SystemExit):
        studio.generate()
    painter.at_step = lambda number: None
    studio.generate()
    assert studio.pictures is not None and not studio.message.value.count("Noted")
