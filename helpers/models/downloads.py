"""KerasCV fetches its files when they are first needed; where that fails, one sentence tells what to do."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

_lock = threading.RLock()  # so that each puts back what it found


@contextlib.contextmanager
def told_failures() -> Iterator[None]:
    """While KerasCV fetches files within, a failure is a ConnectionError that says which file, and where to put it.

    Keras raises bare Exceptions, and others as they come, which do not all name the file; so its function is
    wrapped for as long.
    """
    import keras

    def telling(fname=None, origin=None, **options):
        try:
            return get_file(fname, origin, **options)
        except Exception as error:
            folder = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models"
            name = fname or Path(urlsplit(origin).path).name
            raise ConnectionError(
                f"'{name}' could not be fetched from {origin} ({error}); try again with a network, or put the file by "
                f"hand into '{folder}'. model='pocket' draws without a network."
            ) from error

    with _lock:
        get_file, keras.utils.get_file = keras.utils.get_file, telling
        try:
            yield
        finally:
            keras.utils.get_file = get_file
