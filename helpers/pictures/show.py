"""Pictures on the screen, each with words for those who cannot see it."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image

from helpers.pictures.strips import labelled, strip


def show(
    pictures: np.ndarray | Sequence[np.ndarray],
    alt: str,
    *,
    labels: Iterable[object] | None = None,
    columns: int | None = None,
    width: int | None = None,
) -> None:
    """Displays one picture, or several side by side, in the notebook.

    pictures: one `uint8 (H, W, 3)`, or several of one size.
    alt: what is to be seen, for a screen reader.
    labels: one for each picture, written above it.
    columns: pictures in a row; by default all.
    width: pixels of the screen that one picture takes; by default 256 for one, and less for several.
    """
    pictures = list(np.asarray(pictures)[None] if np.ndim(pictures) == 3 else pictures)
    columns = columns or len(pictures)
    width = width or min(256, 900 // columns)
    if labels is not None:
        pictures = labelled(pictures, [str(label) for label in labels])
    image = Image.fromarray(strip(pictures, columns=columns))
    image.thumbnail((1024, 4096))  # what is shown is stored in the notebook: keep that small
    shown = min(width * columns, 1024)
    source = data_uri(image)
    html = f'<img src="{source}" alt="{escape(alt)}" style="width: {shown}px; max-width: 100%">'
    bundle = {"text/plain": alt, "text/html": html, "image/jpeg": source.partition(",")[2]}
    from IPython.display import display  # takes a moment, and only a notebook needs it

    # in two forms: JupyterLab has the words for a screen reader only from HTML, some sites show only the other
    display(bundle, metadata={"image/jpeg": {"width": shown, "alt": alt}}, raw=True)


def save_animation(pictures: Iterable[np.ndarray], path: str | Path, *, seconds: float = 0.5) -> None:
    """Writes pictures uint8 (H, W, 3) of one size as a film that shows each for `seconds`, over and over.

    path: ends in .gif, which any program shows, or in .webp, a fraction of its size. Raises ValueError for another.
    """
    images = [Image.fromarray(picture) for picture in pictures]
    kind = _film_format(path)
    if kind == "gif":
        images = [image.quantize(256, dither=Image.Dither.NONE) for image in images]
    # a quality of 90: what is drawn has more noise than a film needs
    options = {"save_all": True, "append_images": images[1:], "duration": round(1000 * seconds), "loop": 0}
    images[0].save(path, kind, **options, **({"quality": 90} if kind == "webp" else {}))


def show_file(path: str | Path, alt: str) -> None:
    """Displays a film of `save_animation` in the notebook, with words for those who cannot see it."""
    content = base64.b64encode(Path(path).read_bytes()).decode()
    html = f'<img src="data:image/{_film_format(path)};base64,{content}" alt="{escape(alt)}">'
    from IPython.display import display

    display({"text/plain": alt, "text/html": html}, raw=True)


def _film_format(path: str | Path) -> str:
    kind = Path(path).suffix.lower().lstrip(".")
    if kind not in ("gif", "webp"):
        raise ValueError(f"'{path}' ends neither in .gif nor in .webp, the formats of films; rename it.")
    return kind


def with_picture(bundle: dict, image: Image.Image, alt: str) -> dict:
    """A widget's bundle of forms to be displayed in, and a picture of it for pages that show no widgets."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    png = base64.b64encode(buffer.getvalue()).decode()
    html = f'<img src="{data_uri(image)}" alt="{escape(alt)}" style="max-width: 100%">'
    return {**bundle, "text/html": html, "image/png": png}


def data_uri(picture: np.ndarray | Image.Image) -> str:
    """The picture as the `src` of an HTML image; a JPEG, a fraction of a PNG's size, to be looked at only."""
    image = Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
