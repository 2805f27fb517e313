"""One model for all pages: a process has the networks, and each page's kernel a stand-in that asks it.

Each question is a connection of its own to a socket that only this user can open. Whose kernel ends, or who stops,
closes the connection, and with that gives the place in the queue free: nobody needs to say so.
"""

from __future__ import annotations

import contextlib
import os
import threading
import warnings
from collections.abc import Iterator
from multiprocessing.connection import Client, Connection, Listener
from typing import Any, NamedTuple

import numpy as np

from helpers.app.fair_queue import FairQueue
from helpers.diffusion.samplers import Step
from helpers.panels.waiting import Waiting
from helpers.pictures.seams import finish_each
from helpers.recipes.recipe import Recipe

ADDRESS = "SHARED_MODEL"  # the environment variable that tells kernels the socket
LEARNING = 2  # so many pages may teach at once: each takes a processor, and a gigabyte of memory


class Promises(NamedTuple):
    """What the panels know of a checkpoint, without its networks."""

    drawing: Any
    repainting: Any
    inpaints: bool
    factor: int


def serve(model, address: str) -> Listener:
    """Answers at the socket `address` for a `StableDiffusion`, in threads, until what it returns is closed."""
    listener, line, turns = Listener(address, "AF_UNIX", backlog=128), FairQueue(), threading.Semaphore(LEARNING)

    def accept() -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                threading.Thread(target=_answer, args=(listener.accept(), model, line, turns), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener


def _answer(connection: Connection, model, line: FairQueue, turns: threading.Semaphore) -> None:
    with connection:
        try:
            name, arguments = connection.recv()
            if name == "about":
                own = model.checkpoint
                promises = Promises(own.drawing, own.repainting, own.inpaints, own.factor)
                connection.send((promises, model.img_width, model.img_height, model.settings))
            elif name == "turn":
                _turn(connection, turns)
            elif name in ("encode_text", "decode", "preview"):
                connection.send(line.do(lambda: _heard(getattr(model, name), arguments)))
            elif name in ("denoise", "denoise_hole"):
                recipe = arguments[-1]
                steps = line.draw(lambda: getattr(model, name)(*arguments), recipe.total_steps, recipe.batch_size)
                try:
                    for step in steps:
                        connection.send(step)
                finally:
                    steps.close()
                connection.send(None)
        except (EOFError, ConnectionError):
            pass  # the page is closed, or somebody stopped
        except Exception as error:
            _tell(connection, error)


def _turn(connection: Connection, turns: threading.Semaphore) -> None:
    """A place among those who may learn, for as long as the connection is open."""
    free = turns.acquire(timeout=2)  # who has just given a turn back may ask for the next before it is noticed
    try:
        connection.send(free)
        connection.recv()  # nothing comes: it ends when the other side closes
    finally:
        if free:
            turns.release()


def _tell(connection: Connection, error: Exception) -> None:
    try:
        connection.send(error)
    except ConnectionError:
        pass
    except Exception:  # one that cannot be sent as it is
        connection.send(RuntimeError(f"{type(error).__name__}: {error}"))


def _heard(call, arguments: tuple) -> tuple[np.ndarray, list[str]]:
    """What a call gives, and what it warns of."""
    with warnings.catch_warnings(record=True) as heard:  # by the queue's one thread
        warnings.simplefilter("always", UserWarning)
        result = call(*arguments)
    return result, [str(each.message) for each in heard if each.category is UserWarning]


class SharedModel:
    """Stands in for the `StableDiffusion` at the socket `address`, with the methods that the panels use.

    The steps have a `Waiting` among them while the model draws for others. What the model raises is raised here;
    ConnectionError and FileNotFoundError where nobody answers.
    """

    def __init__(self, address: str | None = None):
        self._address = address or os.environ[ADDRESS]
        self.checkpoint, self.img_width, self.img_height, self.settings = self._ask("about")

    def encode_text(self, prompt: str) -> np.ndarray:
        """As of `StableDiffusion`, and so are the others."""
        return self._called("encode_text", prompt)

    def preview(self, latent: np.ndarray) -> np.ndarray:
        return self._called("preview", latent)

    def decode(self, latent: np.ndarray) -> np.ndarray:
        return self._called("decode", latent)

    def denoise(self, context: np.ndarray, recipe: Recipe) -> Iterator[Step | Waiting]:
        return self._steps("denoise", context, recipe)

    def denoise_hole(self, context, image, mask, recipe: Recipe) -> Iterator[Step | Waiting]:
        return self._steps("denoise_hole", context, image, mask, recipe)

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """In it one may learn; raises ValueError where `LEARNING` others do so now."""
        with Client(self._address, "AF_UNIX") as connection:
            connection.send(("turn", ()))
            if not connection.recv():
                raise ValueError(f"{LEARNING} others are learning now, as many as may at once: try again in a minute.")
            yield

    def joined(self, pictures: np.ndarray, image: np.ndarray, mask: np.ndarray) -> np.ndarray:
        return finish_each(pictures, image, mask, self.checkpoint.factor)

    def _called(self, name: str, *arguments) -> np.ndarray:
        result, heard = self._ask(name, *arguments)
        for message in heard:
            warnings.warn(message, stacklevel=3)
        return result

    def _ask(self, name: str, *arguments):
        with Client(self._address, "AF_UNIX") as connection:
            connection.send((name, arguments))
            return _unless_error(connection.recv())

    def _steps(self, name: str, *arguments) -> Iterator[Step | Waiting]:
        with Client(self._address, "AF_UNIX") as connection:
            connection.send((name, arguments))
            while (step := _unless_error(connection.recv())) is not None:
                yield step


def _unless_error(answer):
    if isinstance(answer, Exception):
        raise answer
    return answer
