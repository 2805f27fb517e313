"""The second edition's training: holes, what the UNet sees, what the autoencoder learns, what is kept."""

import itertools
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import ops

from helpers import StableDiffusion
from helpers.diffusion.schedule import ALPHAS_CUMPROD, timestep_embedding
from helpers.models.pocket import inpainting as networks
from helpers.models.pocket import networks as first
from helpers.models.pocket import weights
from helpers.models.pocket.inpainting import BASE, CHANNELS, FACTOR, LATENT, SIZE
from helpers.models.pocket.sizes import MAX_LENGTH
from helpers.models.pocket.tokenizer import END, START, WordTokenizer
from helpers.pocket.data import to_float
from helpers.pocket.diffusing import padded_tokens
from helpers.pocket.objectives import unit_variance
from helpers.pocket.second import latents, objectives, sharpening, train
from helpers.pocket.second.data import AT_ONCE, draw_scenes
from helpers.pocket.second.diffusing import cell_weight, draw, noisy_batches, sample_timesteps
from helpers.pocket.second.holes import blanked, hole_cells, sample_hole
from helpers.pocket.second.latents import Latents
from helpers.pocket.world.captions import vocabulary
from helpers.pocket.world.placing import Placement
from helpers.pocket.world.scenes import Scene


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    path = tmp_path_factory.mktemp("words") / "vocabulary.txt"
    path.write_text("\n".join([START, END, *vocabulary()]) + "\n", encoding="utf-8")
    return WordTokenizer(path)


@pytest.fixture(scope="module")
def some_latents():
    """Made up: mean 1 or 2 in channel 0 and deviation 0, so that what was added to them can be told."""
    mean = np.zeros((8, *LATENT), np.float16)
    mean[..., 0] = 1
    mean[0, ..., 0] = 2  # tells the photograph
    holes = np.zeros((8, *LATENT[:2]), bool)
    holes[:, 4:9, 3:12] = True
    things = np.zeros_like(holes)
    things[:4, 8:12, 2:6] = True
    scenes = [Scene("dog", "photo"), *(Scene("cat", "beach") for _ in range(7))]
    return Latents(scenes, mean, np.zeros_like(mean), holes, things, np.full_like(mean, 7), np.full(LATENT, 3))


# ---- holes ----


def test_holes_are_of_every_kind_and_most_cover_the_thing():
    rng = np.random.default_rng(0)
    thing = Placement("cat", width=0.3, x=0.3, y=0.7, flipped=False)
    masks = np.stack([sample_hole([thing], rng) for _ in range(300)])
    assert masks.dtype == np.uint8 and masks.shape == (300, SIZE, SIZE) and set(np.unique(masks)) == {0, 1}
    painted = 1 - masks.mean(axis=(1, 2))
    assert painted.min() > 0 and painted.max() < 0.95
    # the thing's middle: row 0.7 from the top, so y counts downwards in a placement and upwards in a mask
    assert (masks[:, round(0.7 * SIZE), round(0.3 * SIZE)] == 0).mean() > 0.7
    assert (masks[:, round(0.3 * SIZE), round(0.7 * SIZE)] == 0).mean() < 0.3


def test_a_cell_is_painted_when_any_of_its_pixels_is():
    mask = np.ones((2, SIZE, SIZE), np.uint8)
    mask[0, 5 * FACTOR, 3 * FACTOR] = 0
    cells = hole_cells(mask)
    assert cells.shape == (2, *LATENT[:2]) and cells.sum() == 1 and cells[0, 5, 3]


def test_a_hole_is_grey_and_the_rest_as_it_was():
    pictures = np.full((1, 4, 4, 3), 0.5, np.float32)
    mask = np.ones((1, 4, 4), np.uint8)
    mask[0, 0, 1] = 0
    shown = blanked(pictures, mask)
    assert (shown[0, 0, 1] == 0).all() and (np.delete(shown.reshape(16, 3), 1, axis=0) == 0.5).all()


# ---- what the UNet learns from ----


def test_the_velocity_and_the_noisy_latent_give_back_latent_and_noise(some_latents, words):
    """x0 = signal · noisy - sigma · velocity (2202.00512, section 4)."""
    batch = next(noisy_batches(some_latents, words, 64, np.random.default_rng(1)))
    tokens, shown, embedding = batch["x"]
    assert tokens.shape == (64, 24) and tokens.dtype == np.int32
    every = timestep_embedding(range(1000))
    timesteps = [int(np.abs(every - each).sum(axis=1).argmin()) for each in embedding]
    left = ALPHAS_CUMPROD[timesteps][:, None, None, None]
    x0 = np.sqrt(left) * shown[..., :CHANNELS] - np.sqrt(1 - left) * batch["y"]
    photos = x0[..., 0].mean(axis=(1, 2)) > 1.5
    np.testing.assert_allclose(x0[..., 0], 1 + np.broadcast_to(photos[:, None, None], x0.shape[:3]), atol=1e-4)
    np.testing.assert_allclose(x0[..., 1:], 0, atol=1e-4)
    ratio = batch["sample_weight"] / np.minimum(1, 5 * (1 - left[..., 0]))
    late = np.array(timesteps) >= 700
    with_thing = ~late & (ratio != ratio[:, :1, :1]).any(axis=(1, 2))
    assert with_thing[photos & ~late].all()
    things = np.where(some_latents.things[0], 2, 0.6)
    for which, expected in ((with_thing, things), (~with_thing, 1)):
        np.testing.assert_allclose(ratio[which], np.broadcast_to(expected, ratio[which].shape), rtol=1e-4)  # of float32
    hole, around = shown[..., CHANNELS], shown[..., CHANNELS + 1 :]
    whole = hole.all(axis=(1, 2))
    assert 0.3 < whole.mean() < 0.9  # some are drawn from words alone, some fitted into a hole
    assert photos.any() and not whole[photos].any()
    assert (around[whole] == 3).all() and (around[~whole] == 7).all()
    np.testing.assert_array_equal(hole[~whole], np.broadcast_to(some_latents.holes[:1], hole[~whole].shape))


def test_things_count_for_more_once_it_is_decided_where_they_are():
    things = np.zeros((4, *LATENT[:2]), bool)
    things[:3, 8:12, 2:6] = True
    weight = cell_weight(np.array([50, 400, 900, 400]), things)
    assert weight.dtype == np.float32 and weight.shape == things.shape
    plain = np.minimum(1, 5 * (1 - ALPHAS_CUMPROD[[50, 400, 900, 400]]))
    for number in (0, 1):
        np.testing.assert_allclose(weight[number][things[number]], 2 * plain[number], rtol=1e-5)
        np.testing.assert_allclose(weight[number][~things[number]], 0.6 * plain[number], rtol=1e-5)
    for number in (2, 3):  # too early to tell, and a scene without things
        np.testing.assert_allclose(weight[number], plain[number], rtol=1e-5)


def test_an_error_where_things_are_moves_the_loss_more(some_latents, words):
    batch = next(noisy_batches(some_latents, words, 64, np.random.default_rng(1)))
    there = np.broadcast_to(batch["sample_weight"].max(axis=0) > 1, batch["sample_weight"].shape)
    model = objectives.diffusion(words.encoder)
    losses = [
        float(
            model.compute_loss(y=batch["y"], y_pred=batch["y"] + where[..., None], sample_weight=batch["sample_weight"])
        )
        for where in (there, ~there)
    ]
    np.testing.assert_allclose(losses[0] + losses[1], batch["sample_weight"].mean(), rtol=1e-5)
    np.testing.assert_allclose(losses[0], (batch["sample_weight"] * there).mean(), rtol=1e-5)


def test_half_of_the_timesteps_are_of_the_middle():
    timesteps = sample_timesteps(20_000, np.random.default_rng(0))
    assert timesteps.min() >= 0 and timesteps.max() <= 999
    middle = (timesteps >= 100) & (timesteps < 800)
    assert 0.84 < middle.mean() < 0.86  # half of them, and seven in ten of the other half
    assert 0.04 < (timesteps >= 900).mean() < 0.06


def test_batches_of_one_seed_are_the_same(some_latents, words):
    one, other = (next(noisy_batches(some_latents, words, 4, np.random.default_rng(3))) for _ in range(2))
    for a, b in zip(one["x"], other["x"]):
        np.testing.assert_array_equal(a, b)


def test_drawn_scenes_do_not_depend_on_how_many_are_drawn():
    scenes, pictures = draw_scenes(AT_ONCE, seed=5)
    fewer, same = draw_scenes(3, seed=5)
    assert fewer == scenes[:3] and pictures.shape == (AT_ONCE, SIZE, SIZE, 3)
    np.testing.assert_array_equal(same, pictures[:3])
    assert not any(scene.held_out for scene in scenes)


# ---- networks and objectives ----


def test_latents_and_pictures_have_the_told_sizes():
    assert networks.image_encoder()(np.zeros((2, SIZE, SIZE, 3), np.float32)).shape == (2, *LATENT)
    assert networks.decoder(SIZE, SIZE)(np.zeros((2, *LATENT), np.float32)).shape == (2, SIZE, SIZE, 3)


def test_sub_pixels_are_where_a_reader_expects_them():
    numbers = np.arange(2 * 12, dtype=np.float32).reshape(1, 1, 2, 12)
    picture = ops.convert_to_numpy(networks.SubPixels(2)(numbers))
    np.testing.assert_array_equal(picture[0, 0, :, 0], [0, 3, 12, 15])
    np.testing.assert_array_equal(picture[0, 1, :, 0], [6, 9, 18, 21])


def test_the_autoencoder_begins_as_the_first_editions_of_half_the_size():
    model = objectives.autoencoder()
    _, pictures = draw_scenes(2, seed=5)
    halved = pictures.reshape(2, SIZE // 2, 2, SIZE // 2, 2, 3).mean(axis=(2, 4)).round().astype(np.uint8)
    encoder = weights.POCKET.load("image_encoder", first.image_encoder())
    latent = ops.convert_to_numpy(model.moments(to_float(pictures))[..., :CHANNELS])
    np.testing.assert_allclose(latent[..., :BASE], encoder(to_float(halved)), atol=0.1)  # of pixels, rounded
    small = weights.POCKET.load("decoder", first.decoder(SIZE // 2, SIZE // 2))(latent[..., :BASE])
    doubled = keras.layers.UpSampling2D(2, interpolation="bilinear")(small)
    np.testing.assert_allclose(model.decoder(latent), doubled, atol=1e-3)


def test_the_unet_begins_as_the_first_editions_and_takes_no_notice_of_a_hole(words):
    own_words = StableDiffusion("pocket").tokenizer
    text = weights.POCKET.load("text_encoder", first.text_encoder(MAX_LENGTH, len(own_words.encoder)))
    unet = weights.POCKET.load("diffusion_model", first.diffusion_model(128, 128, MAX_LENGTH))
    model = objectives.diffusion(words.encoder)
    rng = np.random.default_rng(0)
    latent = rng.standard_normal((2, *LATENT), dtype=np.float32)
    around = rng.standard_normal((2, *LATENT[:2], CHANNELS + 1), dtype=np.float32)
    timestep = timestep_embedding([700, 300])
    prompts = ["a dog riding a red bike in space", "a cat on the beach"]
    told = model([padded_tokens(prompts, words), np.concatenate([latent, around], axis=-1), timestep])
    own = padded_tokens(prompts, own_words)
    assert (own != padded_tokens(prompts, words)).any()  # the words have other numbers
    context = text([own, np.arange(MAX_LENGTH, dtype=np.int32)[None].repeat(2, axis=0)])
    expected = unet([latent[..., :BASE], timestep, ops.convert_to_numpy(context)])
    np.testing.assert_allclose(told[..., :BASE], expected, atol=1e-4)
    assert not np.any(told[..., BASE:])  # of the other channels it tells nothing yet


def test_unit_variance_leaves_the_restored_picture():
    model = objectives.autoencoder()
    pictures = np.random.default_rng(0).uniform(-1, 1, (4, SIZE, SIZE, 3)).astype(np.float32)

    def latent_and_picture():
        mean = model.moments(pictures)[..., :CHANNELS]
        return ops.convert_to_numpy(mean), ops.convert_to_numpy(model.decoder(mean))

    before, restored = latent_and_picture()
    unit_variance(model, before.mean(axis=(0, 1, 2)), before.std(axis=(0, 1, 2)))
    after, again = latent_and_picture()
    np.testing.assert_allclose(after.mean(axis=(0, 1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(after.std(axis=(0, 1, 2)), 1, atol=1e-3)
    np.testing.assert_allclose(again, restored, atol=1e-3)


def test_the_decoder_learns_from_a_critic_that_it_does_not_teach(monkeypatch):
    tf = pytest.importorskip("tensorflow")
    model = sharpening.Sharpening(networks.image_moments(), networks.decoder(64, 64))
    picture = np.random.default_rng(0).uniform(-1, 1, (2, 64, 64, 3)).astype(np.float32)

    def gradients(adversarial, part):
        monkeypatch.setattr(sharpening, "ADVERSARIAL", adversarial)
        with tf.GradientTape() as tape:
            loss = model.compute_loss(x=picture, y=picture, y_pred=model(picture))
        return tape.gradient(loss, [each.value for each in part.trainable_variables])

    for without, with_it in zip(gradients(0, model.critic), gradients(100, model.critic), strict=True):
        np.testing.assert_allclose(with_it, without, atol=1e-5)
    pairs = zip(gradients(0, model.decoder), gradients(100, model.decoder), strict=True)
    assert max(np.abs(a - b).max() for a, b in pairs) > 1e-3

    kept = model.moments.get_weights()
    model.compile("sgd")
    model.train_on_batch(picture, picture)
    for before, after in zip(kept, model.moments.get_weights(), strict=True):
        np.testing.assert_array_equal(after, before)


def test_the_whole_training_in_small(tmp_path, monkeypatch, words):
    """Autoencoder, latents, UNet, what is kept: each stage goes on from the one before, and learns."""
    for module in (latents, train):
        monkeypatch.setattr(module, "draw_scenes", lambda count, seed: draw_scenes(8, seed))
    args = SimpleNamespace(run=tmp_path / "run", to=tmp_path / "kept", scenes=32, world=0, batch=4)
    args.run.mkdir(), args.to.mkdir()
    keras.utils.set_random_seed(0)

    run = train.autoencoder_run(args)
    picture = np.random.default_rng(0).uniform(-1, 1, (2, SIZE, SIZE, 3)).astype(np.float32)
    losses = list(run.steps(itertools.repeat({"x": picture, "y": picture}), 6, 1))
    assert losses[-1] < losses[0]
    run.save()
    train.make_latents(args)
    known = latents.load(args.run / "latents.npz")
    assert known.mean.shape == (32, *LATENT) and len(known.scenes) == 32 and known.holes.any(axis=(1, 2)).all()

    (args.run / "autoencoder.npz").rename(tmp_path / "aside.npz")  # another machine has the kept weights alone
    train.make_latents(args)
    np.testing.assert_allclose(latents.load(args.run / "latents.npz").mean, known.mean, atol=2e-2)
    (tmp_path / "aside.npz").rename(args.run / "autoencoder.npz")

    run = train.diffusion_run(args)
    for _loss in run.steps(noisy_batches(known, words, 4, np.random.default_rng(0)), 2, 1):
        pass
    run.save()
    train.keep(args)
    assert {path.name.split(".")[0] for path in args.to.iterdir()} == {
        "text_encoder",
        "diffusion_model",
        "image_encoder",
        "decoder",
        "vocabulary",
    }

    (args.run / "diffusion.npz").unlink()  # a new run begins at the kept weights: the averaged ones, in half precision
    again = train.diffusion_run(args)
    run.use_averaged()
    for a, b in zip(again.model.trainable_variables, run.model.trainable_variables):
        np.testing.assert_allclose(ops.convert_to_numpy(a), ops.convert_to_numpy(b), rtol=2e-3, atol=1e-6)

    decoder = networks.decoder(SIZE, SIZE)
    start = np.random.default_rng(0).standard_normal((2, *LATENT), np.float32)
    pictures = draw(
        again.model, decoder, words, ["a cat", "a dog"], start, known.holes[:2], known.around[:2], num_steps=2
    )
    assert pictures.shape == (2, SIZE, SIZE, 3) and pictures.dtype == np.uint8
