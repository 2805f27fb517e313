"""Low-rank updates of weights (LoRA, 2106.09685), in diffusers' and kohya's naming, added as weights are loaded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors.numpy import save_file

from helpers.models.additions import Change, Shaped
from helpers.models.files.tensor_files import StoredTensor, TensorFile, listed, safetensors_path

# What a module's two factors and their scale are called, at the end of a name.
_ROLES = {
    "down": r"\.(lora_A|lora_down|lora\.down|lora_linear_layer\.down)(\.default)?\.weight$",
    "up": r"\.(lora_B|lora_up|lora\.up|lora_linear_layer\.up)(\.default)?\.weight$",
    "alpha": r"\.alpha$",
}
_OLD_ATTENTION = re.compile(r"\.processor\.(to_q|to_k|to_v|to_out)_lora\.(down|up)\.weight$")  # of diffusers till 0.21
_PREFIXES = {  # of kohya's names first, then diffusers'
    "text_encoder": ("lora_te_", "lora_te1_", "text_encoder."),
    "diffusion_model": ("lora_unet_", "unet.", "base_model.model.", ""),
}
_OTHER_KINDS = {
    "hada_": "LoHa",
    "lokr_": "LoKr",
    "dora_scale": "DoRA",
    "lora_mid": "Tucker-decomposed LoRA",
    "oft_": "OFT",
}


class Factors(NamedTuple):
    """Of one module: its weight gets `scale · up @ down`, scale being alpha through the rank."""

    down: StoredTensor
    up: StoredTensor
    scale: float

    def product(self, shape: tuple[int, ...]) -> np.ndarray:
        """The update, float32, in the shape of the module's weight: (out, in) or (out, in, height, width)."""
        up, down = self.up.read(), self.down.read()
        product = up.reshape(len(up), -1) @ down.reshape(len(down), -1)
        return self.scale * product.reshape(shape)


class Learned(NamedTuple):
    """The factors of one module in memory: its weight gets `up @ down`, down (rank, in) and up (out, rank)."""

    down: np.ndarray
    up: np.ndarray


LoRA = Mapping[str, Factors]  # of one network, by diffusers' names of its modules


def read_lora(path: Path, networks: Mapping[str, Mapping[str, Shaped]]) -> dict[str, dict[str, Factors]]:
    """The LoRA in a file, for each of "text_encoder" and "diffusion_model".

    networks: the tensors of the checkpoint that it is to change.
    Raises ValueError for a file that is no LoRA, of another kind of update, or for another family of checkpoints.
    """
    file = TensorFile(path)
    for part, kind in _OTHER_KINDS.items():
        if any(part in key for key in file.shapes):
            raise ValueError(f"'{path.name}' holds a {kind}; only plain LoRA (an up and a down factor) can be added.")
    grouped: dict[str, dict[str, str]] = {}
    for key in file.shapes:
        if found := _role(key):
            grouped.setdefault(found[0], {})[found[1]] = key
    if not any({"up", "down"} <= roles.keys() for roles in grouped.values()):
        raise ValueError(
            f"'{path.name}' is no LoRA: no pair of factors was found in it; it has {listed([*file.shapes])}."
        )
    modules = {name: _modules(tensors) for name, tensors in networks.items()}
    found_in: dict[str, dict[str, Factors]] = {name: {} for name in networks}
    unknown = []
    for told, roles in grouped.items():
        place = _place(told, modules)
        if place is None or not {"up", "down"} <= roles.keys():
            unknown.append(told)
            continue
        network, module = place
        down, up = StoredTensor(file, roles["down"]), StoredTensor(file, roles["up"])
        weight = networks[network][f"{module}.weight"].shape
        if (up.shape[0], down.shape[1]) != weight[:2]:
            raise ValueError(
                f"'{path.name}' is for another family of checkpoints: its {told!r} changes {down.shape[1]} numbers "
                f"into {up.shape[0]}, and here that module has {weight[1]} and {weight[0]}."
            )
        found_in[network][module] = Factors(down, up, _alpha(file, told, roles, down.shape[0]) / down.shape[0])
    if unknown:
        raise ValueError(
            f"'{path.name}' is for another family of checkpoints: it changes {len(unknown)} modules that there are not "
            f"here: {listed(sorted(unknown))}."
        )
    return found_in


def adding(loras: Iterable[tuple[LoRA, float]]) -> Change:
    """What adds these LoRAs, each so many times, to a network's tensors on their way."""
    loras = [(lora, strength) for lora, strength in loras if lora]

    def change(name: str, array: np.ndarray) -> np.ndarray:
        module = name.removesuffix(".weight")
        for lora, strength in loras:
            if module in lora and module != name:
                array = array + np.float32(strength) * lora[module].product(array.shape)
        return array

    return change


def save_lora(path: Path | str, factors: Mapping[str, Mapping[str, Learned]]) -> Path:
    """Write the factors of each network's modules in kohya's naming, which diffusers and all web UIs read.

    Returns the path; raises ValueError for one that does not end with .safetensors.
    """
    path, arrays = safetensors_path(path), {}
    for network, modules in factors.items():
        for module, (down, up) in modules.items():
            name = _PREFIXES[network][0] + module.replace(".", "_")
            arrays[f"{name}.lora_down.weight"] = np.ascontiguousarray(down, np.float32)
            arrays[f"{name}.lora_up.weight"] = np.ascontiguousarray(up, np.float32)
            arrays[f"{name}.alpha"] = np.array(len(down), np.float32)
    save_file(arrays, path, {"format": "pt"})
    return path


def _role(key: str) -> tuple[str, str] | None:
    if match := _OLD_ATTENTION.search(key):
        module = match[1] + (".0" if match[1] == "to_out" else "")
        return f"{key[: match.start()]}.{module}", match[2]
    for role, pattern in _ROLES.items():
        if match := re.search(pattern, key):
            return key[: match.start()], role
    return None


def _modules(tensors: Mapping[str, Shaped]) -> dict[str, str]:
    """diffusers' names by themselves, as newer versions of transformers shorten them, and as kohya has them."""
    names = [name.removesuffix(".weight") for name in tensors if name.endswith(".weight")]
    told = {name.removeprefix("text_model."): name for name in names} | {name: name for name in names}
    return told | {each.replace(".", "_"): name for each, name in told.items()}


def _place(told: str, modules: Mapping[str, Mapping[str, str]]) -> tuple[str, str] | None:
    """The network and the module that a name means."""
    for network, prefixes in _PREFIXES.items():
        for prefix in prefixes:
            if told.startswith(prefix) and (module := modules[network].get(told.removeprefix(prefix))):
                return network, module
    return None


def _alpha(file: TensorFile, told: str, roles: Mapping[str, str], rank: int) -> float:
    """As a tensor beside the factors, as peft notes it in the file's metadata, or the rank."""
    if "alpha" in roles:
        return float(file.read(roles["alpha"]))
    noted = json.loads(file.metadata.get("lora_adapter_metadata", "{}"))
    network, _, module = told.partition(".")
    pattern = noted.get(f"{network}.alpha_pattern") or {}
    return float(pattern.get(module, noted.get(f"{network}.lora_alpha", rank)))
