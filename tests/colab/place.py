"""A place like Google Colab's: an empty folder with one notebook, and the project at its address, which is here."""

import os
import shutil
import subprocess
from pathlib import Path

from helpers.address import ADDRESS

ROOT = Path(__file__).resolve().parents[2]


def repository(folder: Path) -> Path:
    """A bare repository of the project's files as they are now."""
    work, bare = folder / "work", folder / "project.git"
    names = subprocess.check_output(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, text=True
    )
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, work / name)
    git = ["git", "-c", "user.name=Colab", "-c", "user.email=colab@localhost", "-C", str(work)]
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "The project"]):
        subprocess.run([*git, *command], check=True)
    subprocess.run(["git", "clone", "-q", "--bare", str(work), str(bare)], check=True)
    return bare


def environment(bare: Path) -> dict[str, str]:
    """The environment in which the project's address leads to that repository, and which has Colab's own package."""
    return os.environ | {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{bare.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": ADDRESS,
        "PYTHONPATH": str(Path(__file__).parent / "stand_in"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
