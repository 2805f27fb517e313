"""A notebook alone, as Colab opens it: fetched, installed, run; and the address in one place."""

import ast
import json
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from helpers.address import ADDRESS, colab
from tests.colab.place import ROOT, environment, repository

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SETUP = (
    f"!test -e start.py || git clone --quiet --depth 1 {ADDRESS} project\n"
    "!test -e start.py || ln -s project/notebooks/start.py .\n"
    'exec(open("start.py").read())'
)

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path: Path) -> list[tuple[str, str]]:
    return [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(path.read_text("utf-8"))["cells"]]


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    return repository(tmp_path_factory.mktemp("repository"))


def played(bare: Path, folder: Path, code: str) -> subprocess.CompletedProcess:
    """The setup cell run by IPython in a folder, and then the code."""
    run = "import sys; from IPython.core.interactiveshell import InteractiveShell as Shell; shell = Shell.instance()\n"
    run += f"for cell in {[SETUP, code]!r}: shell.run_cell(cell).raise_error()"
    return subprocess.run(
        [sys.executable, "-c", run], cwd=folder, env=environment(bare), capture_output=True, text=True
    )


# ---- the notebooks ----


@each_notebook
def test_a_notebook_begins_with_its_badge_and_the_one_setup_cell(path):
    found = cells(path)
    badge = f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({colab(path.name)})"
    assert found[0][1].split("\n\n")[1] == badge
    code = [source for kind, source in found if kind == "code"]
    at = code.index(SETUP)
    assert all("import" not in source for source in code[:at]), "nothing is imported before it is installed"


def test_the_script_needs_nothing_but_python():
    names = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse((ROOT / "notebooks/start.py").read_text("utf-8")))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names])
    }
    assert names <= set(sys.stdlib_module_names)


# ---- played ----


def test_a_notebook_alone_fetches_the_project(bare, tmp_path):
    code = "import os, google.colab, helpers\n"
    code += "print(os.getcwd(), helpers.__file__, os.path.exists('../assets/gallery.png'))"
    told = played(bare, tmp_path, code)
    assert told.returncode == 0, told.stderr + told.stdout
    project = tmp_path / "project"
    assert told.stdout.split()[-3:] == [str(project / "notebooks"), str(project / "helpers/__init__.py"), "True"]
    assert played(bare, tmp_path, code).stdout.split()[-1] == "True", "after a restart"


def test_a_notebook_in_the_project_uses_it_as_it_is(bare):
    told = played(bare, ROOT / "notebooks", "import helpers; print(helpers.__file__)")
    assert told.stdout.split()[-1] == str(ROOT / "helpers/__init__.py")


def test_an_address_that_leads_nowhere_is_told_by_git(tmp_path):
    told = played(tmp_path / "nothing.git", tmp_path, "print('went on')")
    assert told.returncode and "nothing.git" in told.stdout + told.stderr and "went on" not in told.stdout


def run_start(folder: Path, lacking: set[str], fails: bool = False) -> tuple[list[list[str]], str]:
    """What start.py asks of pip where these are lacking: packages, and constraints; and what it raises."""
    (folder / "start.py").symlink_to(ROOT / "notebooks/start.py")
    code = f"""
import importlib.metadata, json, subprocess, types
asked, real = [], importlib.metadata.distributions
importlib.metadata.distributions = lambda: [
    each for each in real() if each.metadata["Name"].lower().replace("_", "-") not in {lacking!r}
]
def run(command):
    asked.extend([command[7:], command[6].read_text().split()])
    return types.SimpleNamespace(returncode={int(fails)})
subprocess.run = run
error = ""
try:
    exec(open("start.py").read())
except RuntimeError as raised:
    error = str(raised)
print(json.dumps([asked, error]))
"""
    asked, error = json.loads(subprocess.check_output([sys.executable, "-c", code], cwd=folder))
    return asked, error


def test_what_is_missing_is_installed_and_what_is_there_is_held(tmp_path):
    (packages, constraints), error = run_start(tmp_path, {"keras-cv", "pillow-heif"})
    assert all(Requirement(each) for each in packages), "no comment is taken for a version"
    held = dict(each.split("==") for each in constraints)
    assert (
        len(packages) == 2
        and "keras-cv==0.9.0" in packages
        and any(each.startswith("pillow-heif>=") for each in packages)
    )
    assert "keras-cv" not in held and not error
    for name in ("numpy", "keras", "tensorflow", "protobuf", "certifi"):  # what others need is held too
        assert held[name] == version(name)


def test_where_nothing_is_missing_pip_is_not_called(tmp_path):
    assert run_start(tmp_path, set()) == ([], "")


def test_what_pip_cannot_install_stops_the_notebook(tmp_path):
    assert "keras-cv" in run_start(tmp_path, {"keras-cv"}, fails=True)[1]


# ---- the address ----


def test_the_address_is_nowhere_else():
    pages = {path: path.read_text("utf-8") for path in (*NOTEBOOKS, ROOT / "README.md")}
    own = re.sub("https://github.com", "", ADDRESS)
    for path, page in pages.items():
        rest = page.replace(ADDRESS, "").replace(f"/github{own}/", "")
        assert "OWNER" not in rest and own.split("/")[-1] not in rest, path
    assert colab("1_generation.ipynb") in pages[ROOT / "README.md"]


def test_a_fork_changes_the_address_once(tmp_path):
    for name in ("helpers", "notebooks"):
        (tmp_path / name).mkdir()
    for path in (*NOTEBOOKS, ROOT / "README.md", ROOT / "helpers/__init__.py", ROOT / "helpers/address.py"):
        shutil.copyfile(path, tmp_path / path.relative_to(ROOT))
    new = "https://github.com/some-one/their.fork"
    command = [sys.executable, "-m", "helpers.address"]
    subprocess.run([*command, new + ".git"], cwd=tmp_path, check=True)
    pages = [path.read_text("utf-8") for path in tmp_path.rglob("*") if path.suffix in (".py", ".md", ".ipynb")]
    assert not any(ADDRESS in page or ADDRESS.split("/")[-1] in page for page in pages)
    assert sum(new in page for page in pages) == len(NOTEBOOKS) + 1
    assert sum("/github/some-one/their.fork/blob/" in page for page in pages) == len(NOTEBOOKS) + 1
    subprocess.run([*command, ADDRESS], cwd=tmp_path, check=True)
    for path in (*NOTEBOOKS, ROOT / "README.md", ROOT / "helpers/address.py"):
        assert (tmp_path / path.relative_to(ROOT)).read_bytes() == path.read_bytes(), path
    refused = subprocess.run([*command, "github.com/x/y"], cwd=tmp_path, capture_output=True, text=True)
    assert refused.returncode and "of the form https://github.com/OWNER/NAME" in refused.stderr
