"""Where the project is on the web; a fork changes it everywhere with `make address URL=https://github.com/OWNER/NAME`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ADDRESS = "https://github.com/OWNER/stable-diffusion-notebooks"


def colab(notebook: str) -> str:
    """The address at which Colab opens a notebook of that name."""
    return f"https://colab.research.google.com/{_in_colab(ADDRESS)}/blob/main/notebooks/{notebook}"


def move(address: str) -> list[Path]:
    """Puts another address in place of `ADDRESS`, in this file, the README and the notebooks; returns those changed.

    Raises ValueError for an address that is not of the form https://github.com/OWNER/NAME.
    """
    address = address.removesuffix("/").removesuffix(".git")
    if not re.fullmatch(r"https://github\.com/[\w-]+/[\w.-]+", address):
        raise ValueError(f"'{address}' is not of the form https://github.com/OWNER/NAME; copy it from the browser.")
    root = Path(__file__).parents[1]
    changed = []
    for path in (Path(__file__), root / "README.md", *sorted((root / "notebooks").glob("*.ipynb"))):
        text = path.read_text(encoding="utf-8")
        new = re.sub(rf"{re.escape(ADDRESS)}(?![\w.-])", address, text)
        new = new.replace(f"/{_in_colab(ADDRESS)}/", f"/{_in_colab(address)}/")
        if new != text:
            path.write_text(new, encoding="utf-8")
            changed.append(path)
    return changed


def _in_colab(address: str) -> str:
    return address.replace("https://github.com/", "github/")


if __name__ == "__main__":
    try:
        print("Changed:", *(path.name for path in move(*sys.argv[1:])))
    except (TypeError, ValueError) as error:
        sys.exit(f"{error}" if isinstance(error, ValueError) else "make address URL=https://github.com/OWNER/NAME")
