"""Files that somebody uploads in a panel."""

from __future__ import annotations

import ipywidgets as widgets

SHARED_LIMIT = 50_000_000  # bytes of an upload to a machine that many share


def uploaded(upload: widgets.FileUpload, most: int | None = None) -> bytes | None:
    """The content of the file that was uploaded; None before there is one. Raises ValueError for more than `most`."""
    files = upload.value
    if not files:
        return None
    # a dict by name in ipywidgets 7, a tuple in 8
    file = next(iter(files.values())) if isinstance(files, dict) else files[0]
    if most and len(file["content"]) > most:
        megabytes = len(file["content"]) / 1e6
        raise ValueError(f"The file has {megabytes:.0f} MB; up to {most / 1e6:.0f} MB are taken: make it smaller.")
    return bytes(file["content"])
