"""Recipes of ComfyUI and InvokeAI, from the text in their pictures, under the names that AUTOMATIC1111's text has."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

# As these programs name samplers: the web UI's name for those that a recipe has.
SAMPLERS = {"ddim": "DDIM", "dpmpp_2m": "DPM++ 2M", "lcm": "LCM"}


class Written(NamedTuple):
    """What a file says: `pairs` are the web UI's labels and values."""

    prompt: str
    negative_prompt: str
    pairs: dict[str, str]


def foreign(texts: Mapping[str, str]) -> Written | None:
    """The recipe that one of a file's texts holds, by their names; None where none is of these programs."""
    for name, read in (
        ("invokeai_metadata", _invokeai),
        ("sd-metadata", _old_invokeai),
        ("Dream", _dream),
        ("prompt", _comfyui),
    ):
        if name in texts:
            try:
                return read(texts[name])
            except (AttributeError, KeyError, IndexError, TypeError, ValueError, RecursionError):
                continue  # another program's text of this name
    return None


def _pairs(values: Mapping[str, Any]) -> dict[str, str]:
    """Those that say something, as text, with the sampler by its name in the web UI."""
    told = {label: str(value) for label, value in values.items() if value not in (None, "", 0, [], {})}
    for label in ("Seed", "CFG scale"):  # of which 0 says something
        if values.get(label) == 0:
            told[label] = "0"
    if "Sampler" in told:
        told["Sampler"] = SAMPLERS.get(told["Sampler"], told["Sampler"])
    return told


def _size(width, height) -> str | None:
    return f"{width}x{height}" if width and height else None


# ---------------------------------------------------------------------- InvokeAI


def _invokeai(text: str) -> Written:
    """Version 3 and later: one flat JSON object."""
    said = json.loads(text)
    model = said.get("model") or {}
    loras = [each.get("model", each.get("lora", {})) for each in said.get("loras") or []]
    values = {
        "Steps": said.get("steps"),
        "Sampler": said.get("scheduler"),
        "CFG scale": said.get("cfg_scale"),
        "Seed": said.get("seed"),
        "Size": _size(said.get("width"), said.get("height")),
        "Model": model.get("name", model.get("model_name")),
        "Clip skip": said.get("clip_skip"),
        "Denoising strength": said.get("strength"),
        "VAE": (said.get("vae") or {}).get("name", (said.get("vae") or {}).get("model_name")),
        "Lora": ", ".join(str(each.get("name", each.get("model_name"))) for each in loras),
    }
    return Written(said["positive_prompt"], said.get("negative_prompt") or "", _pairs(values))


def _old_invokeai(text: str) -> Written:
    """Version 2: JSON, the negative prompt in square brackets among the positive one."""
    said = json.loads(text)
    image = said["image"]
    prompt = image["prompt"]
    prompt = prompt if isinstance(prompt, str) else " ".join(each["prompt"] for each in prompt)
    values = {
        "Steps": image.get("steps"),
        "Sampler": str(image.get("sampler")).removeprefix("k_"),
        "CFG scale": image.get("cfg_scale"),
        "Seed": image.get("seed"),
        "Size": _size(image.get("width"), image.get("height")),
        "Model": said.get("model_weights"),
        "Denoising strength": image.get("strength"),
    }
    return Written(*_without_brackets(prompt), _pairs(values))


def _dream(text: str) -> Written:
    """Version 1: a command line, `"a cat" -s 50 -S 42 -W 512 -H 512 -C 7.5 -A k_lms`."""
    found = re.fullmatch(r'\s*"(.*)"((?:\s+-\S+(?:\s+[^\s-]\S*)?)*)\s*', text, re.DOTALL)
    if not found:
        raise ValueError("no command line")
    said = dict(re.findall(r"-(\w+)\s+(\S+)", found[2]))
    values = {
        "Steps": said.get("s"),
        "Sampler": said.get("A", "").removeprefix("k_"),
        "CFG scale": said.get("C"),
        "Seed": said.get("S"),
        "Size": _size(said.get("W"), said.get("H")),
        "Denoising strength": said.get("f"),
    }
    return Written(*_without_brackets(found[1]), _pairs(values))


def _without_brackets(prompt: str) -> tuple[str, str]:
    """The prompt, and what it has in square brackets."""
    negative = " ".join(re.findall(r"\[([^\[\]]*)\]", prompt))
    return re.sub(r"\s*\[[^\[\]]*\]", "", prompt).strip(), negative


# ---------------------------------------------------------------------- ComfyUI


def _comfyui(text: str) -> Written:
    """A graph of nodes: the first sampler's options, and what is linked to it."""
    nodes = json.loads(text)
    samplers = [node["inputs"] for node in nodes.values() if "positive" in node["inputs"] and "steps" in node["inputs"]]
    said = samplers[0]

    def upstream(link, wanted: tuple[str, ...], seen: frozenset = frozenset()):
        """The nearest value that has one of these names, following links from one input."""
        if not isinstance(link, list) or not link or link[0] in seen:
            return None
        inputs = nodes[link[0]]["inputs"]
        for name in wanted:
            value = inputs.get(name)
            if isinstance(value, list):
                value = upstream(value, (*wanted, "value", "string"), seen | {link[0]})
            if value is not None:
                return value
        others = (upstream(value, wanted, seen | {link[0]}) for value in inputs.values())
        return next((value for value in others if value is not None), None)

    def option(*names: str):
        value = next((said[name] for name in names if name in said), None)
        return upstream(value, ("value", *names)) if isinstance(value, list) else value

    schedule, sampler, denoise = option("scheduler"), option("sampler_name"), option("denoise")
    usual = schedule in (None, "normal", "simple") or (sampler, schedule) == ("ddim", "ddim_uniform")
    values = {
        "Steps": option("steps"),
        "Sampler": sampler if usual else f"{sampler} {schedule}",
        "CFG scale": option("cfg"),
        "Seed": option("seed", "noise_seed"),
        "Size": _size(*(upstream(said.get("latent_image"), (name,)) for name in ("width", "height"))),
        "Model": upstream(said.get("model"), ("ckpt_name", "unet_name")),
        "Lora": upstream(said.get("model"), ("lora_name",)),
        "Denoising strength": None if denoise == 1 else denoise,
        "Further samplers": len(samplers) - 1,
    }
    texts = [upstream(said[name], ("text",)) for name in ("positive", "negative")]
    positive, negative = (each if isinstance(each, str) else "" for each in texts)
    return Written(positive, negative, _pairs(values))
