"""TensorFlow's log kept out of the notebooks."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
from collections.abc import Iterator


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """While TensorFlow is imported within, what C++ code writes to standard error is dropped.

    It logs which instructions and GPUs it found before anybody can set a log level. Errors still arrive: an
    import that fails raises. What it logs later, TF_CPP_MIN_LOG_LEVEL says: nothing, unless that is set already.
    Of its Python code's log errors stay, and warnings go, such as that each size of a batch is compiled anew.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if importlib.util.find_spec("openvino"):
        # so that a network's memory goes back to the system when OpenVINO has taken the network over
        os.environ.setdefault("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "1")
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        logging.getLogger("tensorflow").setLevel(logging.ERROR)  # after the import, which sets it as well
