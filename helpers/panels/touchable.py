"""The picture that can be touched, in the browser: a frame to drag, and a brush. Sliders do without it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import traitlets

try:
    import anywidget
except ImportError:  # the sliders stand in
    anywidget = None  # type: ignore[assignment]

HERE = Path(__file__).parent


def touchable(what: str, **state):
    """A `Touchable`, or None where anywidget is not installed."""
    return None if anywidget is None else Touchable(what=what, **state)


if anywidget is not None:

    class Touchable(anywidget.AnyWidget):
        """A picture, whose frame can be dragged and which can be painted on.

        All numbers are pixels of the picture, from its bottom-left corner. `frame` is x_start, y_start, width and
        height, and comes back when somebody has dragged it. A stroke comes to `heard`, as do the keys of undo and
        redo: {"what": "stroke", "number": 1, "points": [[x, y], …], "size": 8, "erase": False}, {"what": "undo"}.
        """

        _esm = HERE / "touchable.js"
        _css = HERE / "touchable.css"
        what = traitlets.Unicode().tag(sync=True)
        picture = traitlets.Unicode().tag(sync=True)  # the src of an image
        size = traitlets.List([1, 1]).tag(sync=True)  # width and height of the picture
        longest = traitlets.Int(300).tag(sync=True)  # of the longer side on the screen
        frame = traitlets.List([0, 0, 1, 1]).tag(sync=True)
        outline = traitlets.Unicode("rectangle").tag(sync=True)  # of the frame: rectangle, ellipse, none
        dims = traitlets.Bool(False).tag(sync=True)  # what is outside the frame
        least = traitlets.Int(1).tag(sync=True)  # of a frame's side
        ratio = traitlets.Float(0).tag(sync=True)  # of its width to its height; 0 is any
        veil = traitlets.Unicode().tag(sync=True)  # the src of an image laid over it, "#" and the last stroke's number
        tool = traitlets.Unicode("frame").tag(sync=True)  # frame, paint, erase
        brush = traitlets.Int(16).tag(sync=True)  # its diameter
        ready = traitlets.Bool(False).tag(sync=True)  # a browser shows it

        def on_heard(self, heard: Callable[[dict], None]) -> None:
            """Has `heard` called with what the browser says."""
            self.on_msg(lambda _widget, content, _buffers: heard(content))
