"""Files that somebody uploads in a panel."""

from __future__ import annotations

import ipywidgets as widgets

SHARED_LIMIT = 50_000_000  # bytes of an upload to a machine that many share


def uploaded(upload: widgets.FileUpload, most: int | None = None) -> list[bytes]:
    """The contents of the files that were uploaded; [] before there is one. Raises ValueError for more than `most`."""
    # a dict by name in ipywidgets 7, a tuple in 8
    files = [*upload.value.values()] if isinstance(upload.value, dict) else [*upload.value]
    for file in files:
        if most and len(file["content"]) > most:
            megabytes = len(file["content"]) / 1e6
            raise ValueError(f"The file has {megabytes:.0f} MB; up to {most / 1e6:.0f} MB are taken: make it smaller.")
    return [bytes(file["content"]) for file in files]
