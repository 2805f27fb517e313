"""Whole pictures of few-step models side by side: what is compared, and diffusers' side, with small networks."""

import dataclasses
import sys

import numpy as np
import pytest

from helpers.benchmark import configuration, few_steps, one_process
from helpers.models.architectures.configs import FIRST, SECOND

pytest.importorskip("diffusers")
from helpers.benchmark import by_diffusers  # noqa: E402

SMALL = dict(size=64, precision="float32", num_steps=2)


@pytest.fixture
def small(monkeypatch):
    def architecture(configuration):
        told = SECOND if configuration["model"] == "sd-turbo" else FIRST
        heads = tuple(min(each, 4) for each in told.unet.heads)
        return dataclasses.replace(
            told,
            text_encoder=dataclasses.replace(told.text_encoder, width=64, heads=4, layers=2),
            unet=dataclasses.replace(told.unet, channels=(32, 64, 64, 64), heads=heads, context_width=64),
            autoencoder=dataclasses.replace(told.autoencoder, channels=(32, 32, 32, 32)),
        )

    monkeypatch.setattr(by_diffusers, "_architecture", architecture)


@pytest.mark.parametrize("peer", ["diffusers", "diffusers openvino"])
@pytest.mark.parametrize(
    ("model", "sampler", "decoder"), [("sd-turbo", "ddim_trailing", "tiny"), ("sd-1.5", "lcm", None)]
)
def test_diffusers_draws(small, peer, model, sampler, decoder):
    if peer == "diffusers openvino":
        pytest.importorskip("openvino")
    picture = by_diffusers.picture(SMALL | dict(peer=peer, model=model, sampler=sampler, decoder=decoder))
    drawn = picture()
    assert drawn.shape == (1, 64, 64, 3) and drawn.dtype == np.uint8 and drawn.std() > 0
    assert (picture() != drawn).any(), "another noise, another picture"


def test_ours_draws():
    options = dict(num_steps=2, sampler="ddim_trailing", unconditional_guidance_scale=1.0, decoder=None)
    draw, seconds, _ = one_process.prepare(configuration("graph") | options)
    assert draw().shape == (1, 128, 128, 3) and seconds["first_step_s"] > 0


def test_each_picture_is_compared_at_the_same_settings(monkeypatch, capsys):
    asked = []

    def run(rows, repeats, at_once):
        asked.append(rows)
        return [row | dict(cold_s=1.0, ms=2.0, ms_least=1.0, ms_most=3.0, host_gb=1.0) for row in rows]

    monkeypatch.setattr(few_steps, "run", run)
    monkeypatch.setattr(sys, "argv", ["few_steps", "--pictures", "turbo", "lcm", "--peers", "diffusers"])
    few_steps.main()
    turbo, lcm = asked
    for rows, model, steps in ((turbo, "sd-turbo", 1), (lcm, "sd-1.5", 4)):
        assert [(row["peer"], row["precision"]) for row in rows] == [
            ("", "bfloat16"),
            ("diffusers", "bfloat16"),
            ("", "float32"),
            ("diffusers", "float32"),
        ]
        assert {(row["model"], row["num_steps"], row["decoder"]) for row in rows} == {(model, steps, None)}
    assert "lcm, steps: 4" in capsys.readouterr().out
