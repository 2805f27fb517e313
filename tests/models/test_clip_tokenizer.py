"""CLIP's tokenizer against transformers' own, which diffusers reads prompts with."""

import gzip
import json
import random

import pytest
from transformers import CLIPTokenizer

from helpers.models.clip_tokenizer import END, MERGES, START, VOCABULARY, ClipTokenizer

WORDS = """
a photo of the cat cats CAT's Dog riding skateboard, beach. sunset! in on by Van Gogh style 4k 8K HDR 35mm f/1.8
masterpiece (best quality:1.2) [ugly] {x|y} <lora:name:0.8> don't I'M we'LL they've 'tis o'clock rock'n'roll it’s “so”
naïve café déjà-vu Zürich Straße GROẞ Łódź İstanbul ığdır Ærøskøbing smörgåsbord piñata ﬁre ﬂy Ǆ ǆ Ǆungla
ΣΟΦΟΣ ς Οδυσσεύς Αθήνα кошка КОШКА в шляпе й й שלום כֶּלֶב مرحبا كَلْب सुंदर बिल्ली तमिழ் สวัสดี ខ្មែរ ქართული Հայերեն
日本語の猫 ネコ ﾈｺ 東京タワー 한국어 고양이 가나 中文，画一只猫。 繁體 Việt Nam tiếng àéîõü ÀÉÎÕÜ
e\u0301 A\u030a n\u0303o 😀 😀😀 👩\u200d🚀 👨\u200d👩\u200d👧\u200d👦 🏳️\u200d🌈 👍🏽 🇫🇷 ❤️ ☕ ♥ ★☆ ½ ² ① Ⅷ ⅷ ٣ ३ 10,000
3.14 -1 1e-5 100% $5 #tag @name a_b __init__ a/b C++ &amp; &lt;b&gt; &quot; &#39; &eacute; AT&T AT&amp;T &nbsp;
&amp;amp; <b>bold</b> http://example.org/?q=a&b=c user@mail.org ~ ` ^ \\ \\n | ... … ?! !!! --- — – ‘ ’ « » ¿ ¡ § © ®
™ ° µ × ÷ ∞ ≠ → ⇒ √ ﷽ \u200b \u200d \ufeff \u00ad x\u0345 \U0001d400\U0001d401 I'ſ Kelvin\u212a
<|x|> </w> a</w> pneumonoultramicroscopicsilicovolcanoconiosis zzxqj aaaaaaaaaaaa
""".split()
SPACES = [*[" "] * 12, *"\t\n\u00a0\u3000\u2003\u2028\x0b\x1c\x85", "  ", "\r\n", ", ", "", "", START, END]


def prompts(count: int) -> list[str]:
    """The words alone, and sentences of them with all sorts of spaces between: always the same."""
    rng = random.Random(0)

    def sentence() -> str:
        words = rng.choices(WORDS, k=rng.randint(1, 40))
        return "".join(rng.choice(SPACES) + rng.choice([str, str, str.upper, str.title])(word) for word in words)

    return list(dict.fromkeys(["", " ", *WORDS, *(sentence() for _ in range(count))]))[:count]


def vocabulary() -> tuple[list[tuple[str, str]], dict[str, int]]:
    """The shipped file's merges and numbers, made by the rule of github.com/openai/CLIP, here by another way."""
    with gzip.open(VOCABULARY, "rt", encoding="utf-8") as file:
        merges = [tuple(line.split()) for line in file.read().split("\n")[1 : MERGES + 1]]
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = [*map(chr, printable), *(chr(256 + number) for number in range(256 - len(printable)))]
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(merge) for merge in merges), START, END]
    return merges, dict(zip(pieces, range(len(pieces))))


@pytest.fixture(scope="module")
def theirs():
    """transformers' tokenizer by its padding."""
    merges, numbers = vocabulary()
    return {
        None: CLIPTokenizer(vocab=numbers, merges=merges),
        "!": CLIPTokenizer(vocab=numbers, merges=merges, pad_token="!"),
    }


@pytest.fixture(scope="module")
def ours():
    return ClipTokenizer()


def test_tokens_are_those_of_transformers_for_500_prompts(ours, theirs, figure):
    asked = prompts(500)
    different = [prompt for prompt in asked if ours.encode(prompt) != theirs[None](prompt).input_ids]
    figure(f"CLIP's tokenizer: {len(asked)} prompts, {len(different)} unlike transformers'")
    assert len(set(asked)) == 500 and not different


def test_the_padding_is_special_where_it_stands_in_a_prompt(theirs):
    """So that Stable Diffusion 2's "!" is number 0 there too, and not the "!" at the end of a word, 256."""
    tokenizer = ClipTokenizer(padding="!")
    assert tokenizer.padding == theirs["!"].pad_token_id == 0
    for prompt in ("wow! !!", "a !cat", "!", "<|endoftext|>!"):
        assert tokenizer.encode(prompt) == theirs["!"](prompt).input_ids
    assert 256 in ClipTokenizer().encode("wow!")


def test_decoding_gives_the_words_back(ours):
    assert (ours.start_of_text, ours.end_of_text, ours.padding) == (49406, 49407, 49407)
    tokens = ours.encode("A  cat, naïve 😀")
    assert tokens[0] == 49406 and tokens[-1] == 49407
    assert ours.decode(tokens[1:-1]) == "a cat , naïve 😀 "


@pytest.mark.parametrize("form", ["merges.txt", "tokenizer.json"])
@pytest.mark.parametrize("padding", [None, "!"])
def test_a_tokenizer_from_a_folder_as_diffusers_saves_it(tmp_path, ours, theirs, form, padding):
    if form == "tokenizer.json":
        theirs[padding].save_pretrained(tmp_path)
    else:  # as older ones save it
        merges, numbers = vocabulary()
        lines = ["#version: 0.2", *map(" ".join, merges)]
        (tmp_path / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (tmp_path / "vocab.json").write_text(json.dumps(numbers), encoding="utf-8")
        told = {"pad_token": padding or {"content": END, "normalized": True}}
        (tmp_path / "special_tokens_map.json").write_text(json.dumps(told))
        (tmp_path / "tokenizer_config.json").write_text(json.dumps({"pad_token": "<other>"}))
    tokenizer = ClipTokenizer.from_folder(tmp_path)
    assert tokenizer.padding == (0 if padding else 49407)
    for prompt in prompts(150)[-50:]:
        assert tokenizer.encode(prompt) == theirs[padding](prompt).input_ids


def test_a_small_vocabulary_has_the_end_of_text_for_what_it_does_not_know(tmp_path):
    numbers = {"a": 0, "a</w>": 1, "b</w>": 2, "ab</w>": 3, START: 4, END: 5}
    CLIPTokenizer(vocab=numbers, merges=[("a", "b</w>")]).save_pretrained(tmp_path)
    expected = CLIPTokenizer.from_pretrained(tmp_path)("ab a x").input_ids
    assert ClipTokenizer.from_folder(tmp_path).encode("ab a x") == expected == [4, 3, 1, 5, 5]


@pytest.mark.parametrize(
    "files, sentence",
    [
        ({}, r"has no tokenizer: 'tokenizer.json' is missing; expected merges.txt and vocab.json, or tokenizer.json"),
        ({"merges.txt": "#version\na b"}, "'vocab.json' is missing"),
        ({"merges.txt": "#version\na b c", "vocab.json": "{}"}, r"cannot be read \(too many values.*fetch it again"),
        ({"merges.txt": "#version\na b", "vocab.json": '{"a": 0}'}, r"it has no '<\|startoftext\|>'"),
        ({"tokenizer.json": "<html>"}, "cannot be read .*fetch it again"),
        ({"tokenizer.json": '{"model": {}}'}, "cannot be read"),
    ],
)
def test_a_folder_that_is_no_tokenizer_is_told(tmp_path, files, sentence):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=sentence):
        ClipTokenizer.from_folder(tmp_path)
