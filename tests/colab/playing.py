"""Plays Google Colab: `python -m tests.colab.playing`, which takes minutes and downloads Colab's packages.

An environment gets what Colab has of this project's requirements, in Colab's versions. Then each notebook runs from top
to bottom alone in an empty folder. Told are the times, and whether pip changed a package that was there before; the
first notebook runs twice, the second time with what pip fetched still in its cache.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.colab.place import ROOT, environment, repository

LACKS = {"keras-cv", "pillow-heif", "nbval"}
RUN = """
import sys, time
import nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], 4)
shown = []
def tell(cell, cell_index, execute_reply):
    pictures = [each for each in cell.outputs if "image/jpeg" in each.get("data", {})]
    if pictures and not shown:
        shown.append(time.perf_counter() - begin)
client = NotebookClient(notebook, timeout=1200, kernel_name="python3", on_cell_executed=tell)
begin = time.perf_counter()
client.execute()
print(f"{shown[0]:.0f} {time.perf_counter() - begin:.0f}")
"""


def packages(python: Path) -> dict[str, str]:
    told = subprocess.check_output([python, "-m", "pip", "list", "--format=json", "--disable-pip-version-check"])
    return {each["name"]: each["version"] for each in json.loads(told)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.colab.playing", description=__doc__.splitlines()[0])
    parser.add_argument(
        "notebooks", nargs="*", default=sorted(path.name for path in ROOT.glob("notebooks/[0-9]*.ipynb"))
    )
    args = parser.parse_args()
    wanted = re.findall(r"^([a-z][\w-]*[^\s#]*)", (ROOT / "requirements.txt").read_text(), re.M)
    there = [line for line in wanted if re.match(r"[\w-]+", line)[0] not in LACKS]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        python = folder / "venv/bin/python"
        begin = time.perf_counter()
        install = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*install, "-c", ROOT / "constraints-colab.txt", *there, "ipykernel", "nbclient"], check=True)
        print(f"Colab's packages installed in {time.perf_counter() - begin:.0f} s.", flush=True)
        before = packages(python)
        where = environment(repository(folder)) | {"PIP_CACHE_DIR": str(folder / "cache"), "JUPYTER_PATH": ""}
        where["PATH"] = f"{python.parent}:{where['PATH']}"
        for notebook in [args.notebooks[0], *args.notebooks]:
            content = folder / "content"
            content.mkdir()
            shutil.copyfile(ROOT / "notebooks" / notebook, content / notebook)
            run = subprocess.run([python, "-c", RUN, notebook], cwd=content, env=where, capture_output=True, text=True)
            after = packages(python)
            changed = {each: (old, after.get(each)) for each, old in before.items() if after.get(each) != old}
            new = sorted(after.keys() - before.keys())
            if run.returncode:
                sys.exit(run.stderr[-3000:])
            first, whole = run.stdout.split()[-2:]
            print(f"{notebook}: first picture after {first} s, all after {whole} s; changed: {changed or 'nothing'}; "
                  f"added: {', '.join(new)}", flush=True)  # fmt: skip
            assert not changed
            shutil.rmtree(content)
            subprocess.run([python, "-m", "pip", "uninstall", "-q", "-y", *new], check=True)


if __name__ == "__main__":
    main()
