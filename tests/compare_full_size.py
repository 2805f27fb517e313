"""Loading at full width, against diffusers: `python -m tests.compare_full_size FOLDER`, which needs 20 GB of memory.

In FOLDER it saves checkpoints with random weights in half precision (2 to 5 GB each), loads each of them here and with
diffusers, every time in a process of its own, and prints how long that took, how much memory, and how far the networks'
numbers are from each other. What is in the folder already is used again.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

PIXELS = 128  # the widths are what is compared; the picture may be small
NETWORKS = ("text_encoder", "diffusion_model", "decoder", "image_encoder")


def inputs(width: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "tokens": rng.integers(0, 49406, (1, 77)).astype(np.int32),
        "latent": rng.standard_normal((1, PIXELS // 8, PIXELS // 8, 4), np.float32),
        "context": rng.standard_normal((1, 77, width), np.float32),
        "picture": rng.uniform(-1, 1, (1, PIXELS, PIXELS, 3)).astype(np.float32),
    }


def make(family: str, folder: Path) -> None:
    import torch

    from tests.models import oracle

    pipe = oracle.pipeline(family, folder / "float32", oracle.FULL[family])
    pipe.to(torch.float16).save_pretrained(folder / "folder")
    prediction = {"modelspec.prediction_type": oracle.FAMILIES[family]["prediction"]}
    oracle.single_file(pipe, family, folder / "single.safetensors", torch.float16, **prediction)
    for path in (folder / "float32").rglob("*.safetensors"):
        path.unlink()


def ours(path: Path, to: Path) -> None:
    from helpers import StableDiffusion
    from helpers.diffusion.schedule import timestep_embedding

    begin = time.perf_counter()
    model = StableDiffusion(path, PIXELS, PIXELS, engine="graph", precision="float32")
    for name in NETWORKS:
        model.networks.network(name)
    told(begin)
    given = inputs(model.checkpoint.context_width)
    positions = np.arange(77, dtype=np.int32)[None]
    np.savez(
        to,
        text_encoder=model.run("text_encoder", given["tokens"], positions),
        diffusion_model=model.run("diffusion_model", given["latent"], timestep_embedding([700]), given["context"]),
        decoder=model.run("decoder", given["latent"]),
        image_encoder=model.run("image_encoder", given["picture"]),
    )


def diffusers(path: Path, to: Path) -> None:
    import torch
    from diffusers import StableDiffusionPipeline

    from tests.models.oracle import channels_first, numpy

    begin = time.perf_counter()
    if path.is_dir():
        pipe = StableDiffusionPipeline.from_pretrained(path, torch_dtype=torch.float32)
    else:
        config = str(path.parent / "folder")
        pipe = StableDiffusionPipeline.from_single_file(
            str(path), config=config, torch_dtype=torch.float32, local_files_only=True
        )
    told(begin)
    given = inputs(pipe.unet.config.cross_attention_dim)
    latent, picture = channels_first(given["latent"]), channels_first(given["picture"])
    with torch.no_grad():
        np.savez(
            to,
            text_encoder=pipe.text_encoder(torch.from_numpy(given["tokens"]).long())[0].numpy(),
            diffusion_model=numpy(pipe.unet(latent, torch.tensor([700]), torch.from_numpy(given["context"])).sample),
            decoder=numpy(pipe.vae.decode(latent / 0.18215).sample),
            image_encoder=numpy(pipe.vae.encode(picture).latent_dist.mean * 0.18215),
        )


def told(begin: float) -> None:
    """Seconds since, and the memory that this process has taken: at most, and now without the pages of files."""
    status = Path("/proc/self/status").read_text()
    peak, anonymous = (int(re.search(rf"{name}:\s+(\d+)", status)[1]) / 1e6 for name in ("VmHWM", "RssAnon"))
    print(f"{time.perf_counter() - begin:.0f} s, at most {peak:.1f} GB, {anonymous:.1f} GB of them kept", flush=True)


def compare(folder: Path, family: str) -> None:
    print(f"\n{family}")
    for form in ("folder", "single.safetensors"):
        found = {}
        for side in ("ours", "diffusers"):
            to = folder / f"{side} {form}.npz"
            command = [sys.executable, "-m", "tests.compare_full_size", str(folder / form), f"--{side}", str(to)]
            said = subprocess.run(command, capture_output=True, text=True)
            print(f"  {form}, {side}: {said.stdout.strip() or said.stderr.strip()[-500:]}", flush=True)
            found[side] = np.load(to) if said.returncode == 0 else None
        if all(found.values()):
            for name in NETWORKS:
                one, other = found["ours"][name], found["diffusers"][name]
                print(f"    {name}: {np.abs(one - other).max() / np.abs(other).max():.1e} of the largest value apart")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--family", action="append", help="1.x, 2.x noise or 2.x velocity; by default all")
    parser.add_argument("--ours", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--diffusers", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.ours:
        return ours(args.folder, args.ours)
    if args.diffusers:
        return diffusers(args.folder, args.diffusers)
    for family in args.family or ("1.x", "2.x noise", "2.x velocity"):
        folder = args.folder / family.replace(" ", "-")
        if not (folder / "single.safetensors").exists():
            make(family, folder)
        compare(folder, family)


if __name__ == "__main__":
    main()
