"""On what something was measured."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from pathlib import Path

PACKAGES = ("tensorflow", "keras", "keras-cv", "openvino", "torch", "diffusers", "numpy")


def machine() -> dict:
    """Processor, cores and versions of the packages."""
    processor = platform.processor()
    if (information := Path("/proc/cpuinfo")).exists():
        lines = (line.partition(":") for line in information.read_text().splitlines())
        processor = next((value.strip() for key, _, value in lines if key.strip() == "model name"), processor)
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {"processor": processor, "cores": os.cpu_count(), "python": platform.python_version(), **versions}


def save(rows: list[dict], path: Path) -> None:
    """Measured rows as JSON, each with the machine that it was measured on."""
    on = machine()
    path.write_text(json.dumps([row | {"machine": on} for row in rows], indent=1) + "\n")


def memory_bytes() -> int:
    """The machine's memory."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
