"""Learning on a tiny checkpoint: against PyTorch's autograd, diffusers' reading of what is saved, and itself."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline

from helpers import StableDiffusion
from helpers.teach.examples import examples
from helpers.teach.lora import lora
from helpers.teach.textual_inversion import textual_inversion
from tests.models import oracle

TINY = oracle.Widths(unet=(32, 32, 32, 32), autoencoder=(32, 32, 32, 32), text=64, text_layers=2)
OPTIONS = dict(engine="graph", precision="float32")
PICTURES = np.random.default_rng(0).integers(0, 256, (3, 128, 128, 3), np.uint8)
WORD = "<cat-toy>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teach") / "tiny"
    oracle.pipeline("1.x", folder, TINY)
    return folder


@pytest.fixture(scope="module")
def model(folder):
    return StableDiffusion(folder, **OPTIONS)


def everything(model, **options):
    options = dict(word=WORD, like="cat", rank=2, text_encoder=True, batch_size=2, keep=["a dog"]) | options
    return lora(model, PICTURES, "a photo of {} on a table", keep_weight=0.5, **options)


@pytest.fixture(scope="module")
def learning(model):
    """All that can be learned at once; each test puts it where it needs it."""
    return everything(model)


def weights(model):
    return [
        each.numpy().copy() for name in ("text_encoder", "diffusion_model") for each in getattr(model, name).weights
    ]


def moved(learning, rng):
    """Away from the beginning, where the gradients of some factors are nought."""
    learning._adam.value = rng.standard_normal(learning._adam.value.shape, np.float32) * 0.1


def test_losses_and_gradients_are_pytorchs(folder, learning, figure):
    moved(learning, np.random.default_rng(1))
    batch = learning.batch(1)
    loss, gradient = learning.loss_and_gradient(batch)

    pipe = StableDiffusionPipeline.from_pretrained(folder)
    networks = {"diffusion_model": pipe.unet, "text_encoder": pipe.text_encoder}
    theirs = {name: torch.tensor(each.numpy(), requires_grad=True) for name, each in learning.variables.items()}
    for name in theirs:
        network, _, module = name.removesuffix(".a").partition(".")
        if name.endswith(".a"):
            module = dict(networks[network].named_modules()).get(module) or networks[network].get_submodule(
                module.removeprefix("text_model.")
            )
            a, b = theirs[name], theirs[name[:-1] + "b"]
            module.register_forward_hook(lambda _, inputs, output, a=a, b=b: output + inputs[0] @ a @ b)
    latent, embedded, target, weight, tokens, places = map(torch.from_numpy, batch)
    table = pipe.text_encoder.get_input_embeddings()
    scale = table.weight.square().mean().sqrt()
    table.register_forward_hook(lambda _, inputs, output: output + places[..., None] * scale * theirs["word"])
    pipe.unet.time_proj.register_forward_hook(lambda _, inputs, output: embedded)
    context = pipe.text_encoder(tokens.long())[0]
    predicted = pipe.unet(latent.permute(0, 3, 1, 2), torch.zeros(len(latent)), context).sample
    expected = (weight * (predicted.permute(0, 2, 3, 1) - target).square().mean(dim=(1, 2, 3))).sum()
    expected.backward()
    assert weight.tolist() == [0.5, 0.5, 0.5] and places[:2].sum() == 2 and not places[2:].any()
    assert loss == pytest.approx(expected.item(), rel=1e-4)
    differences = [
        oracle.close(ours, each.grad.numpy())
        for (_, ours), each in zip(learning._vector.pairs(gradient), theirs.values(), strict=True)
    ]
    figure(f"learning: gradients at most {max(differences):.1e} of the largest from PyTorch's")
    assert len(differences) > 100 and max(differences) < 2e-3


def test_learning_goes_on_from_a_state_as_if_never_interrupted_and_leaves_the_model_as_it_is(model, tmp_path):
    before = weights(model)
    first, second = everything(model), everything(model)
    stopped = first.steps(100)
    assert [next(stopped).number for _ in range(2)] == [1, 2]
    stopped.close()
    second.load_state(first.save_state(tmp_path / "state.safetensors"))
    through, taken = [*first.steps(2)], [*second.steps(2)]
    np.testing.assert_allclose([each.loss for each in taken], [each.loss for each in through], rtol=1e-5)
    assert taken[-1].number == first.number == 4
    for name, variable in first.variables.items():
        np.testing.assert_allclose(second.variables[name].numpy(), variable.numpy(), atol=2e-4, err_msg=name)
    for one, other in zip(weights(model), before, strict=True):
        np.testing.assert_array_equal(one, other)
    second.save_state(tmp_path / "later.safetensors")
    with pytest.raises(ValueError, match="is of a learning with keep=.'a dog'., and this one has .'a car'."):
        second._settings["keep"] = ["a car"]
        second.load_state(tmp_path / "later.safetensors")


def test_what_is_to_be_kept_is_what_was_told_before(model):
    learning = everything(model, batch_size=3)
    before = learning.batch(1)
    target, weight = before[2], before[3]
    kept = [*before[:3], weight * (np.arange(4) >= 3), *before[4:]]
    largest = np.abs(learning.loss_and_gradient(before)[1]).max()
    at_first = np.abs(learning.loss_and_gradient(kept)[1]).max()
    assert at_first < 1e-3 * largest  # it draws them so already

    moved(learning, np.random.default_rng(1))
    variables = learning.variables  # asked for once: asked again they would be put right
    values = {name: each.numpy().copy() for name, each in variables.items()}
    np.testing.assert_array_equal(learning.batch(1)[2], target)
    for name, variable in variables.items():
        np.testing.assert_array_equal(variable.numpy(), values[name])
    assert np.abs(learning.loss_and_gradient(kept)[1]).max() > 10 * at_first


def test_the_loss_falls(model):
    learning = textual_inversion(model, PICTURES, WORD, "cat", batch_size=2)
    batch = learning.batch(1)
    for step in learning.steps(1):
        before = step.loss
    direction = learning.variables["word"].numpy()
    assert np.abs(direction) == pytest.approx(0.1, rel=0.05), "Adam's first step is of its rate in every number"
    learning._adam.value = direction * 0.01
    assert learning.loss_and_gradient(batch)[0] < before


def losses_at_full_width(folder) -> tuple[float, float]:
    """Of one batch, before and after three steps of low-rank updates to Stable Diffusion 1's widths."""
    oracle.pipeline("1.x", folder, oracle.FULL["1.x"])
    learning = lora(StableDiffusion(folder, 128, 128, **OPTIONS), PICTURES, "a photo of sks cat", batch_size=1)
    batch = learning.batch(1)
    before, _ = learning.loss_and_gradient(batch)
    for _ in learning.steps(3):
        pass
    return before, learning.loss_and_gradient(batch)[0]


def test_the_loss_falls_at_full_width_too(tmp_path, figure):
    # in a process of its own, which gives its 7 GB back
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
        before, after = alone.submit(losses_at_full_width, tmp_path / "full").result()
    figure(f"a LoRA of full width with random weights: loss {before:.2f}, after three steps {after:.2f}")
    assert after < 0.9 * before


def test_what_is_saved_draws_the_same_here_and_in_diffusers(folder, model, learning, tmp_path, figure):
    moved(learning, np.random.default_rng(2))
    word = learning.save_embedding(tmp_path / "learned_embeds.safetensors")
    update = learning.save_lora(tmp_path / "lora.safetensors")
    noise = np.random.default_rng(3).standard_normal((16, 16, 4), np.float32)
    prompt, drawn = f"a photo of {WORD}, blue", dict(num_steps=2, sampler="ddim_trailing")

    def ours():
        options = dict(unconditional_guidance_scale=3.0, diffusion_noise=noise, verbose=False, **drawn)
        return model.generate_image(model.encode_text(prompt), **options)

    plain, before = ours(), weights(model)
    model.use_embeddings({WORD: word})
    model.use_loras({update: 1.0})
    taught = ours()
    assert model.settings["embeddings"] == WORD
    assert np.abs(taught.astype(int) - plain).max() > 10, "what changes nothing would prove nothing"

    pipe = StableDiffusionPipeline.from_pretrained(folder)
    pipe.load_textual_inversion(str(word))
    pipe.load_lora_weights(str(tmp_path), weight_name=update.name)
    pipe.set_progress_bar_config(disable=True)
    latents = oracle.channels_first(noise[None])
    expected = pipe(prompt, num_inference_steps=2, guidance_scale=3.0, latents=latents, output_type="np").images
    oracle.assert_same(taught, expected, figure, "learned here")

    model.use_embeddings({})
    model.use_loras({})
    np.testing.assert_array_equal(ours(), plain)
    for one, other in zip(weights(model), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_previews_are_pictures_of_what_is_saved(model, learning, tmp_path):
    moved(learning, np.random.default_rng(2))
    options = dict(num_steps=2, unconditional_guidance_scale=3.0, seed=5)
    preview = learning.preview("a {}", **options)
    files = dict(embeddings={WORD: learning.save_embedding(tmp_path / "word.safetensors")})
    files["loras"] = {learning.save_lora(tmp_path / "lora.safetensors"): 1.0}
    checkpoint = model.checkpoint
    model.use_embeddings(files["embeddings"])
    model.use_loras(files["loras"])
    try:
        again = model.text_to_image(f"a {WORD}", verbose=False, **options)
    finally:
        model.networks.use(checkpoint)
    assert np.abs(preview.astype(int) - again).max() <= 1


@pytest.mark.parametrize(
    "told, change",
    {
        "Learning takes 3 to 10 pictures, got 2: from fewer": dict(pictures=PICTURES[:2]),
        "Learning takes 3 to 10 pictures, got 11: choose": dict(pictures=[PICTURES[0]] * 11),
        "The word 'dog' exists: the model draws 'dog' by it now": dict(word="dog"),
        "A new word is one word without spaces.*got '<cat toy>'": dict(word="<cat toy>"),
        "like='toy car' is 2 tokens": dict(like="toy car"),
        "The prompt 'a cat' does not say '<cat-toy>'": dict(prompts="a cat"),
        "There are 3 pictures and 2 prompts": dict(prompts=["a {}", "{}"]),
        "batch_size must be a whole number of at least 1": dict(batch_size=0),
    }.items(),
)
def test_bad_input_is_told(model, told, change):
    options = dict(pictures=PICTURES, word=WORD, like="cat") | change
    with pytest.raises(ValueError, match=told):
        textual_inversion(model, **options)


def test_pictures_are_learned_both_ways_round_unless_they_have_a_left_and_a_right(model, tmp_path):
    prompts = [f"a cat {place}" for place in ("here", "there", "at home")]
    latents, told = examples(model.networks, PICTURES, prompts, random_flip=True)
    as_they_are, mirrored = (examples(model.networks, each, prompts) for each in (PICTURES, PICTURES[:, :, ::-1]))
    np.testing.assert_array_equal(latents, np.concatenate([as_they_are.latents, mirrored.latents]))
    assert told == [*prompts, *prompts]
    learn = partial(textual_inversion, model, PICTURES, WORD, "cat")
    both_ways, one_way = learn(), learn(random_flip=False)
    assert [len(each._pictures.latents) for each in (both_ways, one_way)] == [6, 3]
    with pytest.raises(ValueError, match="is of a learning with random_flip=True, and this one has False"):
        one_way.load_state(both_ways.save_state(tmp_path / "state.safetensors"))


def test_pictures_of_other_sizes_are_fitted_with_a_note(model):
    pictures = [PICTURES[0], PICTURES[1], np.full((100, 300, 3), 7, np.uint8)]
    with pytest.warns(UserWarning, match="number 3 is not 128 × 128 pixels: fitted"):
        learning = textual_inversion(model, pictures, WORD, "cat")
    with pytest.raises(ValueError, match="No low-rank updates are learned here"):
        learning.save_lora("x.safetensors")
