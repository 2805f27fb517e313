"""How prompts are read: cut, in pieces, with weights; against the plain formulas of the web UIs and diffusers."""

import dataclasses
import functools

import keras
import numpy as np
import pytest

from helpers import StableDiffusion
from helpers.models import checkpoints
from helpers.models.checkpoints import Defaults, checkpoint
from helpers.models.clip_tokenizer import ClipTokenizer
from helpers.models.pocket import networks
from helpers.models.weighting import weighted, weighted_parts

WIDTH = networks.CONTEXT_WIDTH
HOUSE = [("a ", 1), ("house", 1.573), (" ", 1.1), ("on", 1), (" a ", 1.1), ("hill", 0.55), (", sun, ", 1.1)]
HOUSE += [("sky", 1.4641), (".", 1.1)]
QUICK = dict(num_steps=2, seed=1, verbose=False)
tokenizer = functools.cache(ClipTokenizer)


def text_encoder(weights: bool) -> keras.Model:
    """CLIP's in small, as the pocket model has it, with a mean that is not nought, as CLIP's is not."""
    keras.utils.set_random_seed(1)
    network = networks.text_encoder(77, 49408)
    network.layers[-1].beta.assign(keras.random.normal((WIDTH,), -0.1, 0.1, seed=2))
    return network


def any_length_unet(height: int, width: int, weights: bool) -> keras.Model:
    """Noise that attention finds in a context of any length."""
    keras.utils.set_random_seed(3)
    latent, timestep = keras.Input((height // 8, width // 8, 4)), keras.Input((320,))
    context = keras.Input((None, WIDTH))
    x = keras.layers.Dense(32)(latent) + keras.layers.Dense(32)(timestep)[:, None, None]
    x = keras.layers.Reshape((height // 8 * width // 8, 32))(x)
    x = x + keras.layers.MultiHeadAttention(2, 16)(x, context)
    x = keras.layers.Dense(4)(x)
    return keras.Model([latent, timestep, context], keras.layers.Reshape((height // 8, width // 8, 4))(x))


@pytest.fixture(scope="module", autouse=True)
def small():
    """A checkpoint with CLIP's tokens, whose UNet takes any length; in `CHECKPOINTS` as "small"."""
    made = dataclasses.replace(
        checkpoint("pocket"),
        name="small",
        max_length=77,
        start_of_text=49406,
        end_of_text=49407,
        prediction="noise",
        tokenizer=tokenizer,
        text_encoder=text_encoder,
        diffusion_model=any_length_unet,
        drawing=Defaults("ddim", 2),
        any_length=True,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(checkpoints.CHECKPOINTS, "small", made)
        patch.setitem(checkpoints.CHECKPOINTS, "padded", dataclasses.replace(made, name="padded", padding=0))
        yield


@functools.cache
def model(**options) -> StableDiffusion:
    return StableDiffusion(**{"model": "small", "engine": "graph", "precision": "float32", **options})


def encoded(numbers: list[int], padding: int = 49407) -> np.ndarray:
    """One piece by the text encoder itself: what stands between the start and the end of text, at most 75 tokens."""
    assert len(numbers) <= 75
    tokens = [49406, *numbers, 49407]
    tokens = np.array([tokens + [padding] * (77 - len(tokens))])
    return np.asarray(model().text_encoder([tokens, np.arange(77)[None]]))


def words(count: int) -> str:
    rng = np.random.default_rng(0)
    return " ".join(rng.choice(["cat", "dog", "skateboard", "beach,", "aquamarine", "Van", "Gogh", "😀"], count))


def test_too_long_a_prompt_is_refused_or_cut_with_a_warning_that_names_the_words():
    prompt = " ".join(["dog"] * 74 + ["zzzzx", "cat"])
    said = r"has 79 tokens and 'small' reads 77, 2 too many\..*'zzzzx cat'"
    with pytest.raises(ValueError, match=said):
        model().encode_text(prompt)
    with pytest.warns(UserWarning, match=said):
        context = model(truncate=True).encode_text(prompt)
    # as diffusers cuts: so many tokens, also within a word
    np.testing.assert_allclose(context, encoded(tokenizer().encode(prompt)[1:76]), atol=1e-5)
    fits = " ".join(["dog"] * 75)
    assert (model(truncate=True).encode_text(fits) == model().encode_text(fits)).all()


@pytest.mark.parametrize("count", [1, 30, 75, 76, 200])
def test_a_long_prompts_context_is_its_pieces_contexts_one_after_the_other(count):
    prompt = words(count)
    numbers = tokenizer().encode(prompt)[1:-1]
    expected = np.concatenate([encoded(numbers[i : i + 75]) for i in range(0, len(numbers), 75)], axis=1)
    context = model(long_prompts=True).encode_text(prompt)
    assert context.shape == (1, 77 * -(-len(numbers) // 75), WIDTH)
    np.testing.assert_allclose(context, expected, atol=1e-5)


def test_a_prompt_is_padded_with_what_the_checkpoint_says():
    numbers = tokenizer().encode("a cat")[1:-1]
    assert np.abs(encoded(numbers, 0) - encoded(numbers)).max() > 0.1
    np.testing.assert_allclose(model(model="padded").encode_text("a cat"), encoded(numbers, 0), atol=1e-5)
    np.testing.assert_allclose(model(model="padded").networks.encode_no_text(), encoded([], 0), atol=1e-5)


def test_contexts_of_one_batch_are_repeated_to_a_common_length(monkeypatch):
    long = model(long_prompts=True)
    two, three, one = (words(count) for count in (70, 150, 5))
    contexts = long.encode_text([two, one])
    np.testing.assert_array_equal(contexts[:1], long.encode_text(two))
    np.testing.assert_array_equal(contexts[1:], np.tile(long.encode_text(one), (1, 2, 1)))
    asked = []

    def spied(name):
        return lambda *arrays: asked.append((name, arrays)) or current(name)(*arrays)

    current = long.networks.current
    monkeypatch.setattr(long.networks, "current", spied)
    next(long.denoise(contexts, negative_prompt=[one, three], batch_size=2, seed=1))
    both = [arrays[2] for name, arrays in asked if name == "diffusion_model"][0]
    assert both.shape == (4, 6 * 77, WIDTH)
    for context, prompt in zip(both, (one, three, two, one)):
        own = long.encode_text(prompt)[0]
        np.testing.assert_array_equal(context, np.tile(own, (len(context) // len(own), 1)))


@pytest.mark.parametrize(
    "prompt, parts",
    [
        ("a cat", [("a cat", 1)]),
        ("a (cat:1.3) here", [("a ", 1), ("cat", 1.3), (" here", 1)]),
        ("(cat)", [("cat", 1.1)]),
        ("((cat))", [("cat", 1.21)]),
        ("[cat]", [("cat", 1 / 1.1)]),
        ("(cat : .5 )", [("cat ", 0.5)]),
        ("(cat:-1)", [("cat", -1)]),
        ("([cat])", [("cat", 1)]),
        ("a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).", HOUSE),
        (r"\(literal\] \\ (x\):2)", [("(literal] \\ ", 1), ("x)", 2)]),
        ("(open", [("open", 1.1)]),
        ("closed) ] here:1.3)", [("closed) ] here:1.3)", 1)]),
        ("(one)(two)", [("onetwo", 1.1)]),
        ("(a:b) 16:9 \\n", [("a:b", 1.1), (" 16:9 \\n", 1)]),
        ("()[]", []),
    ],
)  # fmt: skip
def test_brackets_weigh_as_in_the_web_uis(prompt, parts):
    """The long one, what is left open and what is escaped are examples of AUTOMATIC1111's prompt_parser.py."""
    found = weighted_parts(prompt)
    assert [text for text, _ in found] == [text for text, _ in parts]
    np.testing.assert_allclose([weight for _, weight in found], [weight for _, weight in parts])


def test_weights_multiply_each_tokens_vector_and_the_mean_is_restored_in_each_piece():
    parts = [(words(60), 1.0), ("skateboard", 1.3), (words(60), 1.0), ("ugly", 1 / 1.1)]
    prompt = f"{parts[0][0]} (skateboard:1.3) {parts[2][0]} [ugly]"
    tokens = [(token, weight) for text, weight in parts for token in tokenizer().encode(text)[1:-1]]
    expected = []
    for begin in range(0, len(tokens), 75):
        numbers, weights = zip(*tokens[begin : begin + 75])
        z = encoded(list(numbers))
        multipliers = np.ones((1, 77, 1))
        multipliers[0, 1 : 1 + len(weights), 0] = weights
        expected.append(z * multipliers * (z.mean() / (z * multipliers).mean()))
    context = model(long_prompts=True, weighting=True).encode_text(prompt)
    np.testing.assert_allclose(context, np.concatenate(expected, 1), rtol=1e-4, atol=1e-5)
    assert np.abs(context - model(long_prompts=True).encode_text(prompt)[:, : context.shape[1]]).max() > 0.1


def test_a_mean_of_nearly_nought_is_left_as_it_is():
    context = np.array([[[1.0, -1], [3, -3.001]]], np.float32)
    np.testing.assert_allclose(weighted(context, np.array([1, 2], np.float32)), context * [[[1], [2]]])


def test_without_brackets_weighting_changes_nothing_and_without_weighting_brackets_are_words():
    assert (model(weighting=True).encode_text("a cat") == model().encode_text("a cat")).all()
    plain = model().encode_text("a (cat:1.3)")
    np.testing.assert_allclose(plain, encoded(tokenizer().encode("a (cat:1.3)")[1:-1]), atol=1e-5)


def test_a_list_of_prompts_makes_different_pictures_each_as_made_alone(figure):
    """Of one seed each, so that they differ by their prompts, of one, two and three pieces."""
    options = dict(long_prompts=True, weighting=True)
    prompts = [words(70), "a (cat:1.4)", f"[dog] {words(150)}"]
    noise = np.random.default_rng(0).standard_normal((16, 16, 4), np.float32)
    asked = dict(num_steps=2, diffusion_noise=noise, verbose=False)
    drawing = model(**options)

    def drawn(prompt, negative) -> np.ndarray:
        context, count = drawing.encode_text(prompt), len(prompt) if isinstance(prompt, list) else 1
        return drawing.generate_image(context, negative, batch_size=count, **asked).astype(int)

    together = drawn(prompts, ["(ugly:1.2)", words(80), ""])
    alone = [drawn(*each)[0] for each in zip(prompts, ["(ugly:1.2)", words(80), ""])]
    differences = [np.abs(a - b).max() for a, b in zip(together, alone)]
    figure(f"long prompts in a batch and alone: largest difference {max(differences)} of 255")
    assert max(differences) <= 1
    assert all(np.abs(together[i] - together[i - 1]).max() > 10 for i in range(3))


def test_what_is_not_as_by_default_is_noted():
    assert not {"truncate", "long_prompts", "weighting"} & set(model().settings)
    settings = model(long_prompts=True, weighting=True).settings
    assert (settings["long_prompts"], settings["weighting"]) == ("True", "True") and "truncate" not in settings


@pytest.mark.parametrize(
    "options, sentence",
    [
        (dict(truncate=True, long_prompts=True), "give one"),
        (dict(model="pocket", long_prompts=True), "'pocket' take 24 tokens and no more; choose another model"),
        (dict(model="sd-1.4", weights="keras", long_prompts=True), "'sd-1.4' take 77 tokens and no more"),
    ],
)
def test_ways_that_exclude_each_other_are_told_at_once(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        StableDiffusion(**options)


@pytest.mark.parametrize("prompt", ["()", "[ ]", "( :1.3)"])
def test_brackets_without_words_are_an_empty_prompt(prompt):
    with pytest.raises(ValueError, match="must say what to draw"):
        model(weighting=True).encode_text(prompt)


@pytest.mark.parametrize("tokens", [76, 78, 100, 0])
def test_a_context_of_no_whole_pieces_is_refused(tokens):
    with pytest.raises(ValueError, match=rf"shape \({tokens}, 160\); expected \(77, 160\)"):
        model(long_prompts=True).generate_image(np.zeros((tokens, WIDTH)), **QUICK)
