"""The house: imports run one way, and the map in CONTRIBUTING.md is the code's."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HELPERS = ROOT / "helpers"
# From the bottom up; a part may import those before it, if its own file or folder says so. Those on top
# do not know each other; the roof may know all.
BELOW = ("validation", "address", "pictures", "diffusion", "engines", "models", "recipes")
BELOW += ("denoising", "stable_diffusion")
TOPS = ("panels", "galleries", "benchmark", "many", "pocket", "teach")
ROOF = ("app",)
ORDER = (*BELOW, *TOPS, *ROOF)


def parts() -> dict[str, Path]:
    """The house's parts: each folder, and each file on the ground floor."""
    found = {path.parent.name: path.parent for path in HELPERS.glob("*/__init__.py")}
    found |= {path.stem: path for path in HELPERS.glob("*.py") if path.stem != "__init__"}
    return dict(sorted(found.items(), key=lambda item: ORDER.index(item[0])))


def docstring(part: Path) -> str:
    file = part / "__init__.py" if part.is_dir() else part
    return ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""


def modules_imported(path: Path) -> set[str]:
    """Every module of helpers that a file imports, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path.relative_to(ROOT)}: import by the whole name, from helpers.…"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.split(".")[0] == "helpers"}


def imported(part: str, where: Path) -> set[str]:
    """The other parts that one imports; a public name of helpers counts as where it is from."""
    import helpers

    found = set()
    for path in [*where.rglob("*.py")] if where.is_dir() else [where]:
        for name in modules_imported(path):
            home = helpers._HOMES.get(name.split(".")[1], name)
            found.add(home.split(".")[1])
    return found - {part}


def allowed(where: Path) -> set[str]:
    """What a folder's docstring says that it may import."""
    told = re.search(r"^May import: (.*)\.$", docstring(where), re.M)
    assert told, f"{where.name}/__init__.py does not say what it may import"
    return set() if told[1] == "no other room" else set(told[1].split(", "))


@pytest.mark.parametrize("part", parts())
def test_imports_run_one_way(part):
    where = parts()[part]
    below = set(BELOW) if part in TOPS else set(ORDER[: ORDER.index(part)])
    assert imported(part, where) <= below
    if where.is_dir():
        assert imported(part, where) <= allowed(where) <= below


def test_pictures_and_diffusion_know_no_room_and_panels_no_network():
    rooms = {part for part, where in parts().items() if where.is_dir()}
    assert not (allowed(HELPERS / "pictures") | allowed(HELPERS / "diffusion") | allowed(HELPERS / "engines")) & rooms
    assert allowed(HELPERS / "models") & rooms == {"engines"}
    assert not allowed(HELPERS / "panels") & {"engines", "models", "denoising", "stable_diffusion"}


def drawn_map() -> str:
    rows = ["| in `helpers/` | what | imports |", "| --- | --- | --- |"]
    for part, where in parts().items():
        name = f"{part}/" if where.is_dir() else f"{part}.py"
        what = docstring(where).splitlines()[0].rstrip(".:")
        rows.append(f"| [{name}](helpers/{name}) | {what} | {', '.join(sorted(imported(part, where)))} |")
    return "\n".join(rows)


def test_the_map_is_the_codes():
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert drawn_map() in page, "in CONTRIBUTING.md, put this map:\n" + drawn_map()
    links = [link for link in re.findall(r"\]\(([^)#\s]+)", page) if not link.startswith("https:")]
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_no_module_is_too_long_to_read():
    long = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in HELPERS.rglob("*.py")}
    assert not {name: lines for name, lines in long.items() if lines > 250}


@pytest.mark.parametrize("module", sorted(path.stem for path in (HELPERS / "panels").glob("[!_]*.py")))
def test_panels_load_no_framework(module):
    code = f"import json, sys, helpers.panels.{module}; print(json.dumps(sorted(sys.modules)))"
    modules = json.loads(subprocess.check_output([sys.executable, "-c", code], cwd=ROOT))
    assert not {"tensorflow", "keras", "keras_cv", "openvino", "torch", "matplotlib"} & set(modules)
