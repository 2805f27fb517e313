"""Learned words: read from diffusers' files and the web UIs', known to both tokenizers, taken back."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from helpers import StableDiffusion
from helpers.models.checkpoints import checkpoint, with_embeddings
from helpers.models.clip_tokenizer import ClipTokenizer
from helpers.models.files.embeddings import read_embedding, save_embedding
from helpers.models.files.loras import Learned, save_lora

VECTOR = np.arange(160, dtype=np.float32)


def test_files_of_diffusers_and_of_web_uis_are_read(tmp_path):
    own = save_embedding(tmp_path / "learned_embeds.safetensors", "<cat-toy>", VECTOR)
    np.testing.assert_array_equal(read_embedding(own, 160), VECTOR[None])
    several = np.stack([VECTOR, -VECTOR])
    save_file({"emb_params": several, "step": np.ones(1, np.float32)}, tmp_path / "web.safetensors")
    np.testing.assert_array_equal(read_embedding(tmp_path / "web.safetensors", 160), several)
    with pytest.raises(ValueError, match="is for another family of checkpoints: its word has 160 numbers a token.*768"):
        read_embedding(own, 768)
    save_file({"clip_l": several, "clip_g": several}, tmp_path / "two.safetensors")
    with pytest.raises(ValueError, match="holds no learned word: .*'clip_g', 'clip_l'"):
        read_embedding(tmp_path / "two.safetensors", 160)
    with pytest.raises(ValueError, match="must end with '.safetensors'"):
        save_embedding(tmp_path / "word.pt", "<cat-toy>", VECTOR)


def test_clips_tokenizer_knows_learned_words_wherever_they_stand():
    plain = ClipTokenizer()
    more = plain.with_words({"<cat-toy>": [49408], "bibble": [49409, 49410]})
    start, a, end = plain.encode("a")
    assert more.encode("a <cat-toy>, a <Cat-Toy>a") == [start, a, 49408, *plain.encode(",")[1:-1], a, 49408, a, end]
    assert more.encode("bibble") == [start, 49409, 49410, end]
    assert more.encode("bibbles") == plain.encode("bibbles")
    assert plain.encode("<cat-toy>")[1:-1] != [49408], "the plain one stays as it was"
    with pytest.raises(ValueError, match="The word 'cat' exists: the model draws 'cat' by it now"):
        plain.with_words({"cat": [49408]})


def test_the_pocket_model_knows_learned_words_and_forgets_them(pocket):
    tokens = pocket.tokenizer.encode("a cat")
    plain, encoder = pocket.encode_text("a cat"), pocket.text_encoder
    own = [each.numpy().copy() for each in encoder.weights]
    vectors = np.random.default_rng(0).standard_normal((2, 160), np.float32)
    try:
        pocket.use_embeddings({"<zub>": vectors})
        first = len(own[0])
        assert pocket.tokenizer.encode("A <ZUB>.") == [tokens[0], tokens[1], first, first + 1, tokens[-1]]
        np.testing.assert_array_equal(pocket.encode_text("a cat"), plain)
        row = next(each for each in own if each.shape == (first, 160))
        cat = row[pocket.tokenizer.encode("cat")[1]]
        taught = pocket.encode_text("a <zub>")
        assert np.abs(taught - plain).max() > 0.1
        pocket.use_embeddings({"<zub>": cat})
        np.testing.assert_allclose(pocket.encode_text("a <zub>"), plain, atol=1e-5)
        with pytest.raises(ValueError, match="The word 'cat' exists"):
            pocket.use_embeddings({"cat": cat}), pocket.encode_text("a cat")
    finally:
        pocket.use_embeddings({})
    np.testing.assert_array_equal(pocket.encode_text("a cat"), plain)
    for one, other in zip(pocket.text_encoder.weights, own, strict=True):
        np.testing.assert_array_equal(one, other)


def test_low_rank_updates_go_into_the_pocket_model_and_out_again_without_a_word(tmp_path, recwarn):
    model = StableDiffusion("pocket", engine="graph", precision="float32")
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape, np.float32) for shape in ((1, 16, 16, 4), (1, 320), (1, 24, 160))]
    plain, compiled = model.run("diffusion_model", *arrays), model.networks.current("diffusion_model")
    down, up = rng.standard_normal((2, 64), np.float32), rng.standard_normal((64, 2), np.float32)
    name = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
    path = save_lora(tmp_path / "some.safetensors", {"diffusion_model": {name: Learned(down, up)}})
    model.use_loras({path: 1.0})
    assert np.abs(model.run("diffusion_model", *arrays) - plain).max() > 0.01
    assert model.networks.current("diffusion_model") is compiled, "the graph reads weights where they lie"
    model.use_loras({})
    np.testing.assert_array_equal(model.run("diffusion_model", *arrays), plain)
    assert not [each for each in recwarn if issubclass(each.category, UserWarning)]


def test_words_are_told_before_anything_is_fetched():
    with pytest.raises(ValueError, match="A new word is one word without spaces, such as '<cat-toy>'; got 'cat toy'"):
        with_embeddings(checkpoint("pocket"), {"cat toy": VECTOR})
