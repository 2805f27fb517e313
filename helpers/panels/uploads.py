"""Files that somebody uploads in a panel."""

from __future__ import annotations

import ipywidgets as widgets


def uploaded(upload: widgets.FileUpload) -> bytes | None:
    """The content of the file that was uploaded; None before there is one."""
    files = upload.value
    if not files:
        return None
    # a dict by name in ipywidgets 7, a tuple in 8
    file = next(iter(files.values())) if isinstance(files, dict) else files[0]
    return bytes(file["content"])
