"""`StableDiffusion` on the pocket model: seeds, guidance, engines, precisions, bad input."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from helpers import StableDiffusion
from helpers.denoising import generators, pure_noise
from helpers.engines import running

PROMPT = "an alien riding a skateboard in space"
CPU_ENGINE = "openvino" if importlib.util.find_spec("openvino") else "graph"
QUICK = dict(num_steps=4, verbose=False)


def difference(a, b):
    return np.abs(a.astype(int) - b.astype(int)).max()


def test_a_picture(pocket):
    pictures = pocket.text_to_image(PROMPT, batch_size=2, seed=1, **QUICK)
    assert pictures.shape == (2, 128, 128, 3) and pictures.dtype == np.uint8
    assert pictures.std() > 20


def test_one_seed_one_picture(pocket):
    together = pocket.text_to_image(PROMPT, batch_size=3, seed=5, **QUICK)
    alone = [pocket.text_to_image(PROMPT, seed=5 + i, **QUICK)[0] for i in range(3)]
    assert difference(together, np.stack(alone)) <= 1
    assert difference(alone[0], alone[1]) > 50, "other seeds are other pictures"
    assert difference(alone[0], pocket.text_to_image(PROMPT, seed=5, **QUICK)[0]) == 0


def test_starting_noise_of_a_batch_is_bit_equal_to_each_made_alone(pocket):
    together = pure_noise(generators(5, 3), pocket.networks.latent_shape)
    for i in range(3):
        np.testing.assert_array_equal(together[i], pure_noise(generators(5 + i, 1), pocket.networks.latent_shape)[0])


def test_no_seed_means_another_picture_each_time(pocket, capsys):
    first, second = (pocket.text_to_image(PROMPT, num_steps=2) for _ in range(2))
    assert difference(first, second) > 20
    # the bar tells the seed, with which the picture can be made again
    seed = int(capsys.readouterr().out.split("seed ")[1].split(":")[0])
    assert difference(first, pocket.text_to_image(PROMPT, num_steps=2, seed=seed, verbose=False)) == 0


def test_verbose_shows_one_bar_and_quiet_nothing(pocket, capsys):
    pocket.text_to_image(PROMPT, seed=1, num_steps=2)
    assert "2/2" in capsys.readouterr().out
    pocket.text_to_image(PROMPT, seed=1, num_steps=2, verbose=False)
    assert capsys.readouterr() == ("", "")


def test_guidance_is_one_call_of_both_halves_mixed_in_float32(pocket, monkeypatch):
    calls = []
    current = pocket.networks.current

    def spied(name):
        def run(*arrays):
            result = current(name)(*arrays)
            if name == "diffusion_model":
                calls.append((arrays, result))
            return result

        return run

    monkeypatch.setattr(pocket.networks, "current", spied)
    steps = list(pocket.denoise(pocket.encode_text(PROMPT), batch_size=2, num_steps=3, seed=1))
    assert len(calls) == 3
    (latent, embedding, context), velocity = calls[0]
    assert latent.shape == (4, 16, 16, 4) and embedding.shape == (4, 320) and context.shape == (4, 24, 160)
    np.testing.assert_array_equal(latent[:2], latent[2:])
    assert velocity.dtype == np.float32
    # the first half is the unconditional one: the first step's x0 from the formulas
    guided = velocity[:2] + 7.5 * (velocity[2:] - velocity[:2])
    signal, sigma = np.sqrt(0.00466), np.sqrt(1 - 0.00466)
    np.testing.assert_allclose(steps[0].predicted_x0, signal * latent[:2] - sigma * guided, rtol=1e-3, atol=1e-3)


def test_negative_prompt_steers_away(pocket):
    space = pocket.text_to_image("a cat", "in space", seed=3, num_steps=10, verbose=False)
    none = pocket.text_to_image("a cat", seed=3, num_steps=10, verbose=False)
    empty = pocket.text_to_image("a cat", "", seed=3, num_steps=10, verbose=False)
    assert difference(none, empty) == 0
    assert difference(none, space) > 20


@pytest.mark.parametrize("sampler", ["ddim", "ddim_trailing", "dpm_solver"])
def test_one_step_works(pocket, sampler):
    picture = pocket.text_to_image(PROMPT, num_steps=1, seed=0, sampler=sampler, verbose=False)
    assert picture.std() > 5


def test_stopping_half_way_leaves_the_model_usable(pocket):
    steps = pocket.denoise(pocket.encode_text(PROMPT), num_steps=4, seed=1)
    next(steps)
    steps.close()
    before = pocket.text_to_image(PROMPT, seed=1, **QUICK)
    assert difference(before, pocket.text_to_image(PROMPT, seed=1, **QUICK)) == 0


def test_noise_and_context_can_be_given(pocket):
    context = pocket.encode_text(PROMPT)
    noise = pure_noise(generators(7, 2), pocket.networks.latent_shape)
    from_seed = pocket.text_to_image(PROMPT, batch_size=2, seed=7, **QUICK)
    assert difference(from_seed, pocket.generate_image(context, batch_size=2, diffusion_noise=noise, **QUICK)) <= 1
    same = pocket.generate_image(context[0], batch_size=2, diffusion_noise=noise[0], **QUICK)
    assert difference(same[0], same[1]) <= 1
    tensor = keras.ops.convert_to_tensor(context)
    assert difference(from_seed[:1], pocket.generate_image(tensor, seed=7, **QUICK)) <= 1


@pytest.mark.parametrize("jit_compile", [True, False])
def test_networks_are_compiled_one_way_or_the_other_explicitly(jit_compile):
    model = StableDiffusion("pocket", jit_compile=jit_compile, precision="float32")
    picture = model.text_to_image(PROMPT, seed=1, **QUICK)
    assert model.settings["engine"] == ("xla" if jit_compile else "graph")
    for network in (model.text_encoder, model.diffusion_model, model.decoder):
        assert network.jit_compile is jit_compile
    default = StableDiffusion("pocket", precision="float32")
    assert difference(picture, default.text_to_image(PROMPT, seed=1, **QUICK)) <= 2


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_half_precision_draws_nearly_the_same_picture(pocket, precision, figure):
    """With all options at their defaults. The graph computes in the precision on every machine."""
    keras.config.set_dtype_policy("float32")
    model = StableDiffusion("pocket", precision=precision, engine="graph")
    steps = list(model.denoise(model.encode_text(PROMPT), seed=1))
    assert {weight.dtype for weight in model.diffusion_model.weights} == {precision}
    assert keras.config.dtype_policy().name == "float32", "the global policy is put back"
    assert np.isfinite([step.latent for step in steps]).all()
    reference = pocket.text_to_image(PROMPT, seed=1, verbose=False)
    error = np.mean((model.decode(steps[-1].latent).astype(float) - reference) ** 2)
    psnr = 10 * np.log10(255**2 / error)
    figure(f"pocket in {precision}: PSNR {psnr:.1f} dB to float32")
    assert 35 <= psnr < 80, "a picture that is the same to the bit was not computed in that precision"


def test_the_policy_is_put_back_when_building_fails():
    with pytest.raises(RuntimeError), running.building_in("bfloat16"):
        assert keras.config.dtype_policy().name == "bfloat16"
        raise RuntimeError
    assert keras.config.dtype_policy().name == "float32"


def test_the_users_own_policy_is_respected():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        assert StableDiffusion("pocket").precision == "bfloat16"
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("gpu, name, engine", [(True, "sd-1.4", "xla"), (False, "pocket", CPU_ENGINE)])
def test_default_model_and_engine(monkeypatch, capsys, gpu, name, engine):
    monkeypatch.setattr(running, "has_gpu", lambda: gpu)
    model = StableDiffusion()
    assert model.checkpoint.name == name and model.engine == engine
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and repr(name) in said and "StableDiffusion(model=" in said


@pytest.mark.filterwarnings("ignore:img_")
@pytest.mark.parametrize("size, name", [(512, "sd-1.4"), (128, "pocket"), (130, "pocket")])
def test_the_default_model_draws_the_size_that_was_asked_for(monkeypatch, capsys, size, name):
    monkeypatch.setattr(running, "has_gpu", lambda: False)
    model = StableDiffusion(img_height=size, img_width=size, jit_compile=False)
    said = capsys.readouterr().out
    assert model.checkpoint.name == name and said.count("\n") == 1 and said.startswith(f"Model {name!r}")
    assert ("'pocket' cannot draw such a size" in said) == (name == "sd-1.4")


def test_a_list_of_prompts_is_a_batch_of_their_pictures(pocket):
    prompts, negative = ["a cat", PROMPT, "a dog"], ["in space", "", "a cat"]
    together = pocket.text_to_image(prompts, negative_prompt=negative, seed=5, **QUICK)
    alone = [pocket.text_to_image(p, n, seed=5 + i, **QUICK)[0] for i, (p, n) in enumerate(zip(prompts, negative))]
    assert together.shape == (3, 128, 128, 3) and difference(together, np.stack(alone)) <= 1
    one_for_all = pocket.text_to_image(prompts, "blue", batch_size=3, seed=5, **QUICK)
    assert difference(one_for_all[2], pocket.text_to_image("a dog", "blue", seed=7, **QUICK)[0]) <= 1
    one, listed = (pocket.text_to_image(prompt, seed=5, **QUICK) for prompt in ("a cat", ["a cat"]))
    assert difference(one, listed) == 0
    np.testing.assert_array_equal(pocket.encode_text(prompts)[1:2], pocket.encode_text(PROMPT))


def test_a_list_of_prompts_repaints_too(pocket):
    image, mask = np.full((128, 128, 3), 90, np.uint8), np.ones((128, 128), np.uint8)
    mask[32:96, 32:96] = 0
    options = dict(num_steps=2, verbose=False)
    together = pocket.inpaint(["a cat", "a dog"], image, mask, seed=1, **options)
    assert difference(together[1], pocket.inpaint("a dog", image, mask, seed=2, **options)[0]) <= 1


def test_pytorch_as_keras_backend_draws_the_same_picture(tmp_path):
    """Within rounding; the engine is chosen by itself, and one that cannot be is refused in a sentence."""
    pytest.importorskip("torch")
    code = f"""
import sys, numpy as np
from helpers import StableDiffusion
model = StableDiffusion("pocket", precision="float32")
np.save(sys.argv[1], model.text_to_image({PROMPT!r}, seed=1, num_steps=4, verbose=False))
for engine in ("openvino", "xla"):
    try:
        StableDiffusion("pocket", engine=engine)
    except (ValueError, ImportError) as error:
        print(error)
"""
    environment = {**os.environ, "KERAS_BACKEND": "torch"}
    command = [sys.executable, "-c", code, str(tmp_path / "picture.npy")]
    said = subprocess.check_output(command, cwd=Path(__file__).parents[1], env=environment, text=True)
    reference = StableDiffusion("pocket", engine="graph", precision="float32")
    expected = reference.text_to_image(PROMPT, seed=1, num_steps=4, verbose=False)
    assert difference(np.load(tmp_path / "picture.npy"), expected) <= 2
    assert "engine='xla' does not run with KERAS_BACKEND=torch: choose 'graph'" in said
    assert CPU_ENGINE != "openvino" or "engine='openvino' does not run with KERAS_BACKEND=torch" in said


def test_tensorflows_start_up_log_is_not_shown():
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    code = "from helpers import StableDiffusion; StableDiffusion('pocket').text_encoder"
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_overflow_is_no_black_picture(pocket):
    with pytest.raises(FloatingPointError, match="float32"):
        pocket.decode(np.full((1, 16, 16, 4), np.inf, np.float32))


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (dict(prompt=""), "non-empty string, got ''"),
        (dict(prompt="  \n"), "non-empty string"),
        (dict(prompt=None), "non-empty string, got None"),
        (dict(prompt=["a dog", ""]), "non-empty string, got ''"),
        (dict(prompt=[3]), "non-empty string, got 3"),
        (dict(prompt=[]), "prompt is a list of 0"),
        (dict(prompt=["a dog", "a cat"], batch_size=3), "prompt is a list of 2, with batch_size=3; give one for each"),
        (
            dict(prompt=["a dog", "a cat"], negative_prompt=["a cat"]),
            "prompt is a list of 2 and negative_prompt is a list of 1, with batch_size=1; give one for each picture",
        ),
        (dict(prompt="a " * 30), "has 32 tokens and 'pocket' reads 24, 8 too many.*'a a a a a a a a'"),
        (dict(num_steps=0), "num_steps must be a whole number from 1 to 1000, got 0"),
        (dict(num_steps=2.5), "num_steps must be"),
        (dict(num_steps=1001), "num_steps must be"),
        (dict(batch_size=0), "batch_size must be a whole number of at least 1, got 0"),
        (dict(batch_size=True), "batch_size must be"),
        (dict(unconditional_guidance_scale=-1), "unconditional_guidance_scale must be a number from 0 up, got -1"),
        (dict(unconditional_guidance_scale=float("nan")), "unconditional_guidance_scale"),
        (dict(unconditional_guidance_scale="7"), "unconditional_guidance_scale"),
        (dict(seed=-1), "seed must be a whole number of at least 0, got -1"),
        (dict(seed=1.5), "seed must be"),
        (dict(sampler="euler"), "Unknown sampler 'euler': choose one of 'ddim', 'ddim_trailing', 'dpm_solver'"),
        (dict(negative_prompt=3), "non-empty string, got 3"),
    ],
)
def test_bad_input_to_text_to_image(pocket, arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        pocket.text_to_image(**{"prompt": PROMPT, **arguments})


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (dict(diffusion_noise=np.zeros((16, 16, 4)), seed=1), "both given"),
        (dict(diffusion_noise=np.zeros((16, 16, 3))), r"shape \(16, 16, 3\); expected \(16, 16, 4\)"),
        (dict(diffusion_noise=np.zeros((3, 16, 16, 4)), batch_size=2), r"\(2, 16, 16, 4\) for a batch of 2"),
        (dict(encoded_text=np.zeros((77, 768))), r"encoded_text has the shape \(77, 768\); expected \(24, 160\)"),
        (dict(encoded_text=np.zeros((3, 24, 160)), batch_size=2), r"\(2, 24, 160\) for a batch of 2"),
    ],
)
def test_bad_input_to_generate_image(pocket, arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        pocket.generate_image(**{"encoded_text": np.zeros((24, 160)), **arguments})


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (
            dict(model="sd-3"),
            "Unknown model 'sd-3': choose one of 'pocket', 'pocket-inpainting', 'sd-1.4', 'sd-1.5', 'sd-2.1', "
            "'sd-turbo'",
        ),
        (
            dict(model="pocket", img_height=512),
            "img_height=512 is a size that 'pocket' cannot draw: it draws 128 pixels",
        ),
        (dict(model="sd-1.4", img_width="512"), "img_width must be a whole number"),
        (dict(model="sd-1.4", img_width=-128), "img_width must be a whole number"),
        (dict(model="pocket", precision="float64"), "Unknown precision 'float64': choose one of float32, float16"),
    ],
)
def test_bad_input_to_the_model(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        StableDiffusion(**arguments)
