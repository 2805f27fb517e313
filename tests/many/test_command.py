"""The command line hands its options on as `StableDiffusion` names them, and no other."""

import inspect
import sys
from pathlib import Path

import pytest

from helpers.many import __main__, drawing
from helpers.models.checkpoints import checkpoint
from helpers.stable_diffusion import StableDiffusion


@pytest.fixture
def given(monkeypatch):
    """What `draw_many` is given for these words of a command line."""

    def given(*words: str) -> dict:
        told = {}

        def draw_many(**arguments):
            told.update(arguments)
            return drawing.Outcome(1, 0, {})

        monkeypatch.setattr(drawing, "draw_many", draw_many)
        monkeypatch.setattr(sys, "argv", ["many", "prompts.csv", "outputs/", *words])
        assert __main__.main() == 0
        return told

    return given


def test_what_is_left_out_is_not_handed_on(given):
    assert given() == {"source": Path("prompts.csv"), "folder": Path("outputs/")}


def test_every_option_is_one_of_the_class(given):
    words = "--lora a.safetensors 0.8 --lora owner/name -1 --vae v --weights keras --prediction noise --model m"
    more = "--img-height 512 --img-width 512 --engine xla --precision float16 --guidance-interval 0 900 --reuse-every 2"
    last = "--token-downsampling 2 --truncate --long-prompts --weighting --workers 2 --decoder tiny"
    told = given(*words.split(), *more.split(), *last.split())
    assert told["loras"] == {"a.safetensors": 0.8, "owner/name": -1.0}
    assert told["truncate"] is told["long_prompts"] is told["weighting"] is True
    known = {*inspect.signature(StableDiffusion).parameters, *inspect.signature(checkpoint).parameters}
    assert {*told} - {"source", "folder", "workers"} <= known


def test_a_scale_that_is_no_number_is_named(given, capsys):
    with pytest.raises(SystemExit):
        given("--lora", "a.safetensors", "much")
    assert "--lora takes a file and a number: could not convert string to float: 'much'." in capsys.readouterr().err
