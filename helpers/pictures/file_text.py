"""What programs write into a picture's file beside the pixels: PNG text, and EXIF's comment in other formats."""

from __future__ import annotations

from PIL import ExifTags, Image

# ComfyUI has no PNG text in a WebP; it writes `prompt:{…}` into these two.
_NAMED = (ExifTags.Base.Model, ExifTags.Base.Make)


def texts(image: Image.Image) -> dict[str, str]:
    """The texts by their names; EXIF's UserComment is called "parameters", as the web UI calls its PNG text."""
    found = {name: text for name, text in image.info.items() if isinstance(name, str) and isinstance(text, str)}
    try:
        exif = image.getexif()
        comment = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment)
    except Exception:  # Pillow raises many kinds for damaged EXIF, which is no reason to refuse the rest
        return found
    for tag in _NAMED:
        name, colon, text = str(exif.get(tag, "")).partition(":")
        if colon and text.startswith("{"):
            found.setdefault(name, text)
    if comment:
        found.setdefault("parameters", comment if isinstance(comment, str) else _decoded(comment))
    return found


def as_exif(text: str) -> Image.Exif:
    """The text as EXIF's UserComment, in UTF-16, as the web UI writes it.

    Raises ValueError for a text that `texts` would not give back as it is.
    """
    comment = b"UNICODE\0" + text.encode("utf-16-be", "surrogatepass")
    if _decoded(comment) != text:
        raise ValueError(f"{text!r} cannot be kept in EXIF's comment; give it ASCII letters, or choose a PNG.")
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = comment
    return exif


def _decoded(comment: bytes) -> str:
    """An EXIF comment: eight bytes that name the encoding, then the text."""
    code, text = comment[:8], comment[8:]
    if code == b"UNICODE\0":
        # EXIF tells no byte order: that of ASCII's zero bytes, of which any recipe has some
        little = text[1::2].count(0) > text[::2].count(0)
        return text.decode("utf-16-le" if little else "utf-16-be", "replace").strip("\0\ufeff")
    return (text if code in (b"ASCII\0\0\0", bytes(8)) else comment).decode("utf-8", "replace").strip("\0")
