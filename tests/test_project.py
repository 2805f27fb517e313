"""The project as a whole: what is promised of its files, whatever stands in them."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PYTHONS = {"constraints.txt": ("3.10.0", "3.11.2", "3.12.0", "3.13.0"), "constraints-colab.txt": ("3.11.2", "3.13.0")}
# A folder of one machine: of a user, or a temporary one. An address on the web has a letter before it.
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:home|root|tmp|Users)/|[A-Za-z]:\\+Users")

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def requirements(name: str) -> list[Requirement]:
    lines = (line.partition("#")[0].strip() for line in (ROOT / name).read_text().splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


def cells(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def text(lines) -> str:
    """A notebook keeps a text as one string or as a list of lines."""
    return lines if isinstance(lines, str) else "".join(lines)


def shown(cell: dict) -> str:
    """The text among a cell's outputs, without its pictures."""
    parts = []
    for output in cell.get("outputs", []):
        parts += [text(output.get("text", "")), "\n".join(output.get("traceback", []))]
        parts += [text(value) for kind, value in output.get("data", {}).items() if kind.startswith("text/")]
    return "\n".join(parts)


def without_magics(source: str) -> str:
    return re.sub(r"^(\s*)[%!].*", r"\1pass", source, flags=re.M)


# ---- helpers ----


def test_importing_helpers_loads_no_framework(figure):
    code = (
        "import json, sys, time; start = time.perf_counter(); import helpers; "
        "print(json.dumps([time.perf_counter() - start, sorted(sys.modules)]))"
    )
    seconds, modules = json.loads(subprocess.check_output([sys.executable, "-c", code], cwd=ROOT))
    figure(f"import helpers: {seconds:.3f} s")
    assert not {"tensorflow", "keras", "keras_cv", "torch", "jax", "matplotlib"} & set(modules)


@pytest.mark.skipif(sys.platform == "darwin", reason="TensorFlow has no oneDNN there")
@pytest.mark.parametrize("asked", [None, "0"])
def test_one_dnn_learns_unless_it_is_asked_not_to(asked):
    pytest.importorskip("openvino")
    code = "import helpers; from tensorflow.python.framework.test_util import IsMklEnabled; print(IsMklEnabled())"
    environment = {name: value for name, value in os.environ.items() if name != "TF_ENABLE_ONEDNN_OPTS"}
    environment |= {"TF_ENABLE_ONEDNN_OPTS": asked} if asked else {}
    told = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, env=environment, text=True)
    assert told.split()[-1] == str(asked is None)


def test_what_is_imported_is_required():
    known = {
        "PIL": "pillow",
        "traitlets": "ipywidgets",
        "keras_cv": "keras-cv",
        "urllib3": "requests",
        "IPython": "ipywidgets",
        "h5py": "keras",
        "ml_dtypes": "keras",
        "regex": "keras-cv",
    }
    optional = {"diffusers", "google", "jax", "openvino", "ray", "torch", "transformers"}  # used where they are there
    optional |= {"jupyter_core", "jupyter_server", "tornado", "voila"}  # by `make app`, which installs them
    sources = {path: path.read_text(encoding="utf-8") for path in (ROOT / "helpers").rglob("*.py")}
    for path in NOTEBOOKS:
        code = [text(cell["source"]) for cell in cells(path) if cell["cell_type"] == "code"]
        sources[path] = without_magics("\n".join(code))
    required = {canonicalize_name(requirement.name) for requirement in requirements("requirements.txt")}
    missing = set()
    for path, source in sources.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            else:
                continue
            for name in {name.partition(".")[0] for name in names} - sys.stdlib_module_names - optional:
                if name != "helpers" and canonicalize_name(known.get(name, name)) not in required:
                    missing.add(f"{path.relative_to(ROOT)}: {name}")
    assert not missing


# ---- requirements ----


@pytest.mark.parametrize("name", PYTHONS)
def test_constraints_hold_a_name_and_a_version_a_line(name):
    for line in (ROOT / name).read_text().splitlines():
        if line and not line.startswith("#"):
            assert re.fullmatch(r'[a-z0-9.-]+==[0-9a-z.]+(; python_full_version (<|>=) "[0-9.]+")?', line), line


@pytest.mark.parametrize("name, python", [(name, python) for name in PYTHONS for python in PYTHONS[name]])
def test_every_requirement_has_one_pin_that_satisfies_it(name, python):
    environment = {"python_full_version": python, "python_version": python.rpartition(".")[0]}
    pins = {}
    for pin in requirements(name):
        if pin.marker is None or pin.marker.evaluate(environment):
            assert pin.name not in pins, f"two versions of {pin.name}"
            pins[pin.name] = str(pin.specifier).removeprefix("==")
    wanted = requirements("requirements.txt") + requirements("requirements-dev.txt")
    if name == "constraints.txt":
        others = ("jupyterlab", "voila", "playwright", "axe-playwright-python", "openvino", "ray")
        wanted += map(Requirement, others)
    for requirement in wanted:
        version = pins.get(canonicalize_name(requirement.name))
        assert version, f"{requirement.name} has no version in {name}"
        assert requirement.specifier.contains(version), f"{name} has {version} for {requirement}"


# ---- notebooks ----


@each_notebook
def test_notebook_has_the_current_format_and_a_name_for_each_cell(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    ids = [cell.get("id") for cell in notebook["cells"]]
    assert all(ids) and len(set(ids)) == len(ids)


@each_notebook
def test_notebook_is_small_and_names_no_folder_of_one_machine(path):
    assert path.stat().st_size < 1_500_000
    for cell in cells(path):
        for part in (text(cell["source"]), shown(cell)):
            assert not MACHINE_PATH.search(part), part


@each_notebook
def test_notebook_describes_its_pictures(path):
    for cell in cells(path):
        page = text(cell["source"]) if cell["cell_type"] == "markdown" else shown(cell)
        assert not re.search(r"!\[\s*\]\(", page), page
        for tag in re.findall(r"<img\b[^>]*>", page):
            assert re.search(r"""\balt=(["'])\s*[^"'\s]""", tag), tag[:200]


@pytest.mark.parametrize("path", [path for path in NOTEBOOKS if path.stem == "1_generation"])
def test_gallery_can_set_its_parameters(path):
    (cell,) = [cell for cell in cells(path) if "parameters" in cell["metadata"].get("tags", [])]
    names = {node.id for node in ast.walk(ast.parse(text(cell["source"]))) if isinstance(node, ast.Name)}
    assert {"PROMPT", "OUTPUT"} <= names


# ---- the rest ----


def files() -> list[Path]:
    """The project's files: what git has or would take."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        names = subprocess.check_output(command, cwd=ROOT, stderr=subprocess.DEVNULL, text=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [path for name in names.split("\0") if name and (path := ROOT / name).is_file()]


def test_no_file_names_a_folder_of_one_machine():
    found = []
    for path in files():
        data = path.read_bytes()
        if path.suffix == ".ipynb" or b"\0" in data[:8192]:
            continue  # notebooks have a test of their own; the others are pictures and weights
        for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
            if MACHINE_PATH.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}")
    assert not found


def test_readme_links_lead_somewhere_and_name_every_notebook():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#\s]+)", readme) if not link.startswith("https:")]
    assert [link for link in links if not (ROOT / link).exists()] == []
    assert {path.relative_to(ROOT).as_posix() for path in NOTEBOOKS} <= set(links)
    assert not re.search(r"!\[\s*\]\(", readme)


def make(*arguments: str, makefile: str = "", **environment: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = ["make", "-s", "-f", "Makefile", "-f", "-", *arguments]
    return subprocess.check_output(command, cwd=ROOT, env=clean | environment, input=makefile, text=True)


def test_make_alone_lists_every_target():
    targets = re.search(r"^\.PHONY: (.*)", (ROOT / "Makefile").read_text(), re.M)[1].split()
    assert [line.split()[1] for line in make().splitlines()] == targets


@pytest.mark.parametrize("bundled", [True, False])
def test_a_bundle_is_installed_without_asking_anybody(bundled, tmp_path):
    for name in ("Makefile", "requirements.txt", "constraints.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    if bundled:
        (tmp_path / "wheels").mkdir()
    commands = make("-n", "-C", str(tmp_path), ".venv/.lab")
    (install,) = [line for line in commands.replace("\\\n", "").splitlines() if "pip install" in line]
    assert ("--no-index --find-links wheels" in install) == bundled and "-r requirements.txt" in install
    packed = make("-n", "-C", str(tmp_path), "bundle").replace("\\\n", "")
    assert install.rpartition("constraints.txt ")[2].strip() in packed, "what is packed is what is installed"


def test_a_bundle_s_weights_are_keras_s(tmp_path):
    (tmp_path / "Makefile").write_bytes((ROOT / "Makefile").read_bytes())
    show = 'show: ; @printf %s "$$KERAS_HOME"\n'
    assert make("-C", str(tmp_path), "show", makefile=show, KERAS_HOME="") == ""
    (tmp_path / "keras/datasets").mkdir(parents=True)
    home = make("-C", str(tmp_path), "show", makefile=show)
    code = "import keras; print(keras.utils.get_file('some.h5', 'http://127.0.0.1:9/some.h5'))"
    (tmp_path / "keras/datasets/some.h5").write_bytes(b"weights")
    found = subprocess.check_output([sys.executable, "-c", code], env=os.environ | {"KERAS_HOME": home}, text=True)
    assert found.strip() == str(tmp_path / "keras/datasets/some.h5")


PROMPTS = (
    "a cat",
    'it\'s "it"',
    "$HOME $(shell id) $$ $(",
    "`id` \\n \\",
    "a: {b} # [c], d",
    "--help",
    "a\nb",
    "é",
    "",
)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_make_hands_a_prompt_on_unchanged(prompt):
    show = 'show: ; @printf %s "$$PROMPT"\n'
    assert make("show", f"PROMPT={prompt}", makefile=show, PROMPT="%n@%m") == prompt
    assert make("show", makefile=show, PROMPT="%n@%m") == ""
