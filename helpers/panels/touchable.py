"""What the panels have of their own in the browser: a picture to touch, a divider to drag, keys. All do without it."""

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


def divider(**state):
    """A `Divider`, or None where anywidget is not installed."""
    return None if anywidget is None else Divider(**state)


def keys(heard: Callable[[dict], None]) -> list:
    """One `Keys`, or none where anywidget is not installed. Ctrl+Enter in a widget of the class `studio-prompt` comes
    as {"what": "generate", "text": what it holds}, Escape in one of the class `studio` as {"what": "stop"}."""
    if anywidget is None:
        return []
    widget = Keys()
    widget.on_msg(lambda _widget, content, _buffers: heard(content))
    return [widget]


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

    class Divider(anywidget.AnyWidget):
        """Two pictures of one size, one over the other, and a divider to drag between them."""

        _esm = HERE / "divider.js"
        _css = HERE / "divider.css"
        before = traitlets.Unicode().tag(sync=True)  # the src of an image, as `after`
        after = traitlets.Unicode().tag(sync=True)
        before_alt = traitlets.Unicode().tag(sync=True)
        after_alt = traitlets.Unicode().tag(sync=True)
        width = traitlets.Int(256).tag(sync=True)  # on the screen

    class Keys(anywidget.AnyWidget):
        """Hears the keys of the panel that it stands in; nothing is seen of it."""

        _esm = HERE / "keys.js"
