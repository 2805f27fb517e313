"""While it paints, the kernel's one thread looks up between two steps: what was pressed or dragged is dealt with.

Widgets speak to the kernel by messages, which wait while a cell or a button's function runs. Here those of widgets are
taken out of turn; all others, such as cells to be run, wait on in their order. That needs the kernel's own queue, for
which there is no public way: `msg_queue` in ipykernel 6, the socket of this thread's shell in ipykernel 7.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def watched(steps: Iterable[Item]) -> Iterator[Item]:
    """The steps as they come; after each, before it is given on, the events that came meanwhile are dealt with."""
    for step in steps:
        handle_events()
        yield step


def handle_events() -> None:
    """Deals with what widgets have sent since the last look; outside a kernel that is nothing."""
    from IPython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is None or getattr(kernel, "session", None) is None:
        return
    answering = kernel._parent_ident["shell"], kernel.get_parent("shell")
    try:
        (_from_queue if hasattr(kernel, "msg_queue") else _from_socket)(kernel)
    finally:
        kernel.set_parent(*answering)  # what is printed from now on belongs to the cell again


def _from_queue(kernel) -> None:
    """As ipykernel 6 keeps them: (number, function, arguments)."""
    kernel.shell_stream.flush()  # into the queue
    for _ in range(kernel.msg_queue.qsize()):
        number, dispatch, arguments = kernel.msg_queue.get_nowait()
        if dispatch != kernel.dispatch_shell or not _handled(kernel, arguments[0]):
            kernel.msg_queue.put_nowait((number, dispatch, arguments))


def _from_socket(kernel) -> None:
    """As ipykernel 7 has them: each thread that runs code, the main one or a subshell, has its own socket."""
    shell, socket = None, kernel.shell_stream.socket
    if kernel.shell_channel_thread:
        manager = kernel.shell_channel_thread.manager
        try:
            shell = manager.subshell_id_from_thread_id(threading.get_ident())
        except RuntimeError:  # a thread of the user's: nobody sends it anything
            return
        socket = manager.get_shell_channel_to_subshell_pair(shell).to_socket
    while socket.poll(0):
        message = socket.recv_multipart(copy=False)
        if not _handled(kernel, message):
            asyncio.get_running_loop().create_task(kernel.shell_main(shell, message))  # after this one, in its order


def _handled(kernel, frames: list) -> bool:
    """Deals with a widget's message, as the kernel itself does, and says so; others are left alone."""
    idents, parts = kernel.session.feed_identities(frames, copy=False)
    # only a look at it: a message that is read whole counts as seen, and the kernel would not take it again
    kind = kernel.session.unpack(parts[1].bytes)["msg_type"] if len(parts) > 1 else ""
    if kind not in ("comm_open", "comm_msg", "comm_close"):
        return False
    message = kernel.session.deserialize(parts, content=True, copy=False)
    kernel.set_parent(idents, message)
    kernel._publish_status("busy", "shell")  # the browser holds a widget's next message back until this one is done
    kernel.shell_handlers[kind](kernel.shell_stream, idents, message)
    kernel._publish_status("idle", "shell")
    return True
