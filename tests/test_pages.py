"""The notebooks as pages to read: outputs, links, pictures, headings, spelling."""

import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlparse

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path: Path, kind: str) -> list[dict]:
    return [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == kind]


def prose(path: Path) -> str:
    """A notebook's text without its blocks of code."""
    page = "\n\n".join("".join(cell["source"]) for cell in cells(path, "markdown"))
    return re.sub(r"^```.*?^```", "", page, flags=re.M | re.S)


@each_notebook
def test_no_output_is_over_a_megabyte(path):
    sizes = {cell["id"]: [len(json.dumps(each)) for each in cell["outputs"]] for cell in cells(path, "code")}
    assert not {cell: each for cell, each in sizes.items() if max(each, default=0) > 1_000_000}


@each_notebook
def test_no_widget_state_is_kept(path):
    """It is large, and belongs to a kernel that is gone."""
    assert set(json.loads(path.read_text("utf-8"))["metadata"]) <= {"kernelspec", "language_info"}


@each_notebook
def test_it_was_run_from_top_to_bottom_without_an_error(path):
    counts = [cell["execution_count"] for cell in cells(path, "code")]
    assert counts == [*range(1, len(counts) + 1)]
    assert not [
        cell["id"] for cell in cells(path, "code") for each in cell["outputs"] if each["output_type"] == "error"
    ]


@each_notebook
def test_links_lead_somewhere(path):
    links = re.findall(r"\]\(([^)\s]+)\)", prose(path)) + re.findall(r"""(?:href|src)=["']([^"']+)""", prose(path))
    anchors = {re.sub(r"\s", "-", heading.strip()) for heading in re.findall(r"^#+ (.*)", prose(path), re.M)}
    for link in links:
        parts = urlparse(link)
        if parts.scheme:
            assert parts.scheme == "https" and re.fullmatch(r"([\w-]+\.)+[a-z]+", parts.netloc), link
        elif parts.path:
            assert (path.parent / parts.path).exists(), link
        else:
            assert parts.fragment in anchors, link


@each_notebook
def test_headings_are_in_order(path):
    levels = [len(marks) for marks in re.findall(r"^(#+) ", prose(path), re.M)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(below <= above + 1 for above, below in zip(levels, levels[1:]))


@each_notebook
def test_every_picture_is_described(path):
    for cell in cells(path, "code"):
        for data in (each.get("data", {}) for each in cell["outputs"]):
            if any(kind.startswith("image/") for kind in data):
                assert re.search(r'alt="[^"]{4,}"', "".join(data.get("text/html", ""))), cell["id"]


def test_the_plans_for_teachers_name_what_there_is():
    page = (ROOT / "notebooks/README.md").read_text("utf-8")
    links = [link for link in re.findall(r"\]\(([^)#\s]+)", page) if not link.startswith("https:")]
    assert {*links} >= {path.name for path in NOTEBOOKS} and all((ROOT / "notebooks" / link).exists() for link in links)
    headings = {heading for path in NOTEBOOKS for heading in re.findall(r"^#+ (.*)", prose(path), re.M)}
    named = {name.strip() for name in re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", page)} - {"pocket"}
    assert named and not {name for name in named if not any(each.startswith(name) for each in headings)}


def solutions(page: str) -> list[str]:
    hidden = re.findall(r"<summary>Solution</summary>(.*?)</details>", page, re.S)
    return ["\n".join(re.findall(r"```python\n(.*?)\n```", each, re.S)) for each in hidden]


def test_each_hidden_solution_is_one_that_runs():
    hidden = []
    for path in NOTEBOOKS:
        pages = ["".join(cell["source"]) for cell in cells(path, "markdown")]
        hidden += [each for page in pages for each in solutions(page)]
        if path.stem != "solutions":
            assert sum(len(re.findall(r"Try it|^## Exercises", page, re.M)) > 0 for page in pages) == sum(
                "<summary>Solution</summary>" in page for page in pages
            ), path.stem
    run = cells(ROOT / "notebooks/solutions.ipynb", "code")
    assert hidden == ["".join(cell["source"]) for cell in run if "solution" in cell["metadata"].get("tags", [])]


@pytest.mark.parametrize("path", [*NOTEBOOKS, *sorted(ROOT.glob("*.md")), ROOT / "helpers"], ids=lambda path: path.name)
def test_spelling(path, tmp_path):
    page = tmp_path / "page.md"
    if path.suffix == ".ipynb":
        page.write_text(
            "\n\n".join("".join(cell["source"]) for kind in ("markdown", "code") for cell in cells(path, kind))
        )
    said = subprocess.run(
        [
            sys.executable,
            "-m",
            "codespell_lib",
            "--builtin",
            "clear,rare",
            "--skip",
            "*.tsv",
            page if path.suffix == ".ipynb" else path,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert not said.stdout, said.stdout
    assert said.returncode == 0, said.stderr
