"""The engines agree with each other, and OpenVINO's converted networks are kept and found again."""

import gc
import importlib.util
import weakref
from multiprocessing.pool import ThreadPool

import keras
import numpy as np
import pytest
from keras_cv.src.models.stable_diffusion import diffusion_model

from helpers import StableDiffusion
from helpers.engines import faster_layers, running
from helpers.models.checkpoints import checkpoint
from helpers.models.pocket import networks

PROMPT = "an alien riding a skateboard in space"
INPUTS = {  # what each of the pocket model's networks takes
    "text_encoder": (np.array([[0, 5, 9, *[1] * 21]], np.int32), np.arange(24, dtype=np.int32)[None]),
    "diffusion_model": ((2, 16, 16, 4), (2, 320), (2, 24, 160)),
    "decoder": ((1, 16, 16, 4),),
    "image_encoder": ((1, 128, 128, 3),),
}
needs_openvino = pytest.mark.skipif(not importlib.util.find_spec("openvino"), reason="OpenVINO is not installed")


def arrays(name):
    rng = np.random.default_rng(0)
    return [a if isinstance(a, np.ndarray) else rng.standard_normal(a, np.float32) for a in INPUTS[name]]


def difference(a, b):
    """The largest, as a share of the largest value."""
    return np.abs(a - b).max() / np.abs(b).max()


@pytest.fixture(scope="module")
def reference():
    return StableDiffusion("pocket", engine="graph", precision="float32")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty folder of converted networks."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    return tmp_path / "openvino"


def openvino_model(**options):
    return StableDiffusion("pocket", engine="openvino", **options)


@pytest.mark.parametrize("name", INPUTS)
def test_faster_layers_agree_with_kerascvs(name):
    """The same network with KerasCV's own layers and with ours, from one file of weights."""
    maker = getattr(checkpoint("pocket"), name)
    own = maker(128, 128, True) if name in ("diffusion_model", "decoder") else maker(True)
    inputs = arrays(name) if len(arrays(name)) > 1 else arrays(name)[0]
    expected = np.asarray(own(inputs))
    types = {type(layer) for layer in faster_layers.faster(own)._flatten_layers()}
    if name != "text_encoder":
        assert faster_layers.GroupNormalization in types and keras.layers.GroupNormalization not in types
    assert (faster_layers.GEGLU in types) == (name == "diffusion_model")
    assert difference(np.asarray(own(inputs)), expected) < 1e-5


@pytest.mark.parametrize("policy, limit", [("float32", 1e-6), ("float16", 4e-3), ("bfloat16", 3e-2)])
def test_group_normalisation_in_every_precision(policy, limit):
    """Of values far from zero, whose variance is lost where large squares are taken from each other."""
    rng = np.random.default_rng(0)
    values = (30 + rng.standard_normal((2, 8, 8, 64))).astype(np.float32)
    values = np.asarray(keras.ops.cast(keras.ops.cast(values, policy), "float32"))
    groups = values.reshape(2, 64, 32, 2).astype(np.float64)
    mean, variance = (f(groups, axis=(1, 3), keepdims=True) for f in (np.mean, np.var))
    expected = ((groups - mean) / np.sqrt(variance + 1e-3)).reshape(values.shape)
    with running.building_in(policy):
        layer = keras.layers.GroupNormalization()
        layer.build(values.shape)
        layer.__class__ = faster_layers.GroupNormalization
        result = layer(keras.ops.cast(values, policy))
    assert keras.backend.standardize_dtype(result.dtype) == policy
    assert difference(np.asarray(keras.ops.cast(result, "float32")), expected) < max(limit, 1e-5)


@needs_openvino
@pytest.mark.parametrize("precision, limit", [("float32", 1e-4), ("bfloat16", 3e-2)])
def test_openvino_agrees_with_tensorflow(reference, precision, limit, figure):
    model = openvino_model(precision=precision)
    for name in INPUTS:
        worst = difference(model.run(name, *arrays(name)), reference.run(name, *arrays(name)))
        figure(
            f"OpenVINO in {precision} against TensorFlow, {name}: largest difference {worst:.1e} of the largest value"
        )
        assert worst < limit


@pytest.mark.parametrize("tokens", [1024, 1200, 37 * 37])
def test_attention_in_parts_is_attention(tokens):
    """The same output and gradients, and no array of all heads' weights of all tokens, where there are many."""
    import tensorflow as tf

    attention = diffusion_model.CrossAttention(4, 8)
    x = np.random.default_rng(0).standard_normal((2, tokens, 32), np.float32)
    attention(x)

    @tf.function
    def output_and_gradients(x):
        with tf.GradientTape() as tape:
            output = attention(x)
            loss = tf.reduce_sum(output**2)
        return output, tape.gradient(loss, attention.trainable_weights)

    expected = tf.nest.flatten(output_and_gradients(x))
    faster_layers.with_attention_in_parts(keras.Sequential([attention]), "float32")
    assert type(attention) is faster_layers.AttentionInParts
    for a, b in zip(tf.nest.flatten(tf.function(output_and_gradients.python_function)(x)), expected):
        assert difference(np.asarray(a), np.asarray(b)) < 1e-4

    graph = tf.function(attention).get_concrete_function(tf.TensorSpec(x.shape)).graph.as_graph_def(add_shapes=True)
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    shapes = [shape for node in nodes for shape in node.attr["_output_shapes"].list.shape]
    sizes = [np.prod([each.size for each in shape.dim]) for shape in shapes]
    assert (max(sizes) < 2 * 4 * tokens * tokens) == (tokens > 2 * faster_layers.IN_PART)


def test_xla_agrees_with_the_graph(reference):
    model = StableDiffusion("pocket", engine="xla", precision="float32")
    for name in ("diffusion_model", "decoder"):
        assert difference(model.run(name, *arrays(name)), reference.run(name, *arrays(name))) < 1e-4


@needs_openvino
def test_a_converted_network_is_kept_and_found_again_without_keras(home, monkeypatch):
    from helpers.engines import by_openvino

    first = openvino_model()
    expected = first.run("decoder", *arrays("decoder"))
    assert "decoder" not in first.networks._networks, "the Keras network is freed"
    assert len([*home.iterdir()]) == 1
    monkeypatch.setattr(networks, "decoder", None)  # building the network anew would fail
    np.testing.assert_array_equal(openvino_model().run("decoder", *arrays("decoder")), expected)
    other = openvino_model().run("decoder", np.zeros((3, 16, 16, 4), np.float32))
    assert other.shape == (3, 128, 128, 3), "one file for every batch size"
    by_openvino.clear_cache()
    assert not home.exists()


@needs_openvino
def test_the_weights_leave_memory_with_the_keras_network(monkeypatch):
    from helpers.engines import by_openvino

    convert, held = by_openvino.converted, []

    def noting(network, lasting, precision):
        held.extend(weakref.ref(variable._value.handle) for variable in network.weights)
        model = convert(network, lasting, precision)
        assert not [reference for reference in held if reference() is not None], "before all of it is there twice"
        return model

    monkeypatch.setattr(by_openvino, "converted", noting)
    openvino_model(download_weights=False).run("decoder", *arrays("decoder"))
    gc.collect()
    assert held and not [reference for reference in held if reference() is not None]


@needs_openvino
def test_a_damaged_file_is_converted_anew(home):
    expected = openvino_model().run("decoder", *arrays("decoder"))
    (folder,) = home.iterdir()
    for damaged in ("network.bin", "network.xml"):
        whole = (folder / damaged).read_bytes()
        (folder / damaged).unlink()  # not overwritten: the file may be mapped into memory
        (folder / damaged).write_bytes(whole[: len(whole) // 2])
        np.testing.assert_array_equal(openvino_model().run("decoder", *arrays("decoder")), expected)
        assert (folder / damaged).stat().st_size > 0.9 * len(whole)


@needs_openvino
def test_only_shipped_weights_are_kept(home):
    latent = arrays("decoder")
    random = openvino_model(download_weights=False).run("decoder", *latent)
    assert not home.exists(), "random weights are another network at every start"
    changed = openvino_model()
    for weight in changed.decoder.weights:
        weight.assign(weight * 0)
    assert np.abs(changed.run("decoder", *latent)).max() == 0, "the user's own weights are the ones that draw"
    assert not home.exists() and np.abs(random).max() > 0


@needs_openvino
def test_the_cache_is_bounded(home, monkeypatch):
    from helpers.engines import by_openvino

    model = openvino_model(precision="float32")
    for name in ("decoder", "image_encoder"):
        model.run(name, *arrays(name))
    decoder = max(home.iterdir(), key=lambda folder: (folder / "network.bin").stat().st_size)
    openvino_model(precision="float32").run("decoder", *arrays("decoder"))  # used last
    monkeypatch.setattr(by_openvino, "CACHE_BYTES", 9 * 10**6)
    model.run("text_encoder", *arrays("text_encoder"))
    assert decoder in home.iterdir() and len([*home.iterdir()]) == 2, "the one longest unused is gone"


@needs_openvino
def test_a_folder_that_cannot_be_written_costs_the_cache_only(home):
    home.write_text("in the way")
    with pytest.warns(UserWarning, match="cannot be kept in"):
        assert openvino_model().run("decoder", *arrays("decoder")).shape == (1, 128, 128, 3)


# ---- several threads ----


@pytest.mark.parametrize("engine", ["graph", "openvino"])  # XLA is run as the graph is, and takes minutes to compile
def test_three_threads_draw_with_one_model_what_it_draws_alone(engine):
    """From the first picture on, so that all three want the networks built and compiled; a web page does that."""
    if not running.installed(running.ENGINES[engine]):
        pytest.skip(f"{engine} is not installed")
    model = StableDiffusion("pocket", engine=engine)
    seeds_and_batches = [(1, 1), (20, 2), (300, 1)]

    def drawn(seed, batch_size):
        return model.text_to_image(PROMPT, seed=seed, batch_size=batch_size, num_steps=2, verbose=False)

    with ThreadPool(3) as pool:
        together = pool.starmap(drawn, seeds_and_batches, chunksize=1)
    for pictures, arguments in zip(together, seeds_and_batches, strict=True):
        np.testing.assert_array_equal(pictures, drawn(*arguments))


@needs_openvino
def test_threads_that_come_first_together_convert_once(home, monkeypatch):
    from helpers.engines import by_openvino

    convert, converted = by_openvino.converted, []
    monkeypatch.setattr(by_openvino, "converted", lambda *made: converted.append(1) or convert(*made))
    model = openvino_model()
    with ThreadPool(3) as pool:
        first, *others = pool.map(lambda _: model.run("decoder", *arrays("decoder")), range(3), chunksize=1)
    assert converted == [1]
    for other in others:
        np.testing.assert_array_equal(other, first)


# ---- weights changed ----


def _zero(network):
    for weight in network.layers[-1].weights:
        weight.assign(weight * 0)


@pytest.mark.parametrize("engine", ["graph", "openvino"])
@pytest.mark.parametrize("looked_at", ["before", "after"])
def test_weights_changed_after_a_picture_draw_the_next(engine, looked_at, tmp_path):
    """Another file loaded, and a layer set to zero, of a network looked at before or after its first run."""
    if not running.installed(running.ENGINES[engine]):
        pytest.skip(f"{engine} is not installed")
    model = StableDiffusion("pocket", engine=engine, precision="float32")
    inputs = arrays("text_encoder")
    if looked_at == "before":
        _ = model.text_encoder
    first = model.run("text_encoder", *inputs)
    model.text_encoder.save_weights(tmp_path / "own.weights.h5")
    np.testing.assert_array_equal(model.run("text_encoder", *inputs), first)
    _zero(model.text_encoder)
    assert difference(model.run("text_encoder", *inputs), first) > 0.1
    model.text_encoder.load_weights(tmp_path / "own.weights.h5")
    np.testing.assert_array_equal(model.run("text_encoder", *inputs), first)


@needs_openvino
def test_weights_are_looked_at_once_a_picture_and_only_those_handed_out(monkeypatch):
    from helpers.models import networks

    looked, fingerprint = [], networks.fingerprint
    monkeypatch.setattr(networks, "fingerprint", lambda network: looked.append(network) or fingerprint(network))
    model = openvino_model()
    model.text_to_image(PROMPT, seed=1, num_steps=3, verbose=False)
    assert looked == [], "nobody can have changed them"
    unet = model.diffusion_model
    looked.clear()
    model.text_to_image(PROMPT, seed=1, num_steps=3, verbose=False)
    assert looked == [unet]


@needs_openvino
def test_the_parts_of_a_changed_unet_are_made_anew():
    networks = openvino_model().networks
    names = ("diffusion_model", "deep_diffusion_model", "shallow_diffusion_model")
    unet = networks.diffusion_model
    before = [networks.current(name) for name in names]
    assert all(networks.current(name) is run for name, run in zip(names, before))
    _zero(unet)
    assert not any(networks.current(name) is run for name, run in zip(names, before))


def test_choosing(monkeypatch):
    monkeypatch.setattr(running, "has_gpu", lambda: True)
    assert running.chosen(None, None) == ("xla", "float16")
    monkeypatch.setattr(running, "has_gpu", lambda: False)
    assert running.chosen(None, "float16") == ("graph", "float16")
    assert running.chosen("graph", None) == ("graph", "float32")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert running.chosen(None, None) == ("graph", "float32")
    with pytest.raises(ImportError, match="pip install openvino"):
        running.chosen("openvino", None)


@needs_openvino
@pytest.mark.parametrize("bfloat16, precision", [(True, "bfloat16"), (False, "float32")])
def test_openvinos_precision_is_the_processors(monkeypatch, bfloat16, precision):
    from helpers.engines import by_openvino

    monkeypatch.setattr(by_openvino, "has_bfloat16", lambda: bfloat16)
    assert running.chosen(None, None) == ("openvino", precision)
    assert running.chosen(None, "float32") == ("openvino", "float32")
    with pytest.raises(ValueError, match="engine='graph'"):
        running.chosen("openvino", "float16")


@pytest.mark.parametrize(
    "options, told",
    [
        (dict(engine="tpu"), "Unknown engine 'tpu': choose one of graph, xla, openvino"),
        (dict(precision="int8"), "Unknown precision 'int8'"),
        (dict(engine="xla", jit_compile=False), "engine and jit_compile were both given"),
    ],
)
def test_bad_choices(options, told):
    with pytest.raises(ValueError, match=told):
        StableDiffusion("pocket", **options)


def test_a_backend_that_refuses_to_list_gpus_has_none(monkeypatch):
    """JAX raises where there is none."""

    def refuse(kind):
        raise RuntimeError(f"Unknown backend: '{kind}' requested")

    monkeypatch.setattr("keras.distribution.list_devices", refuse)
    assert not running.has_gpu()
