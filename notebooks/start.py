"""Makes a notebook ready: finds the project, and installs what is missing, something only in a place like Google Colab.

No package that is there already is changed. The notebooks run this file; it imports nothing that Python lacks.
"""

import importlib
import os
import re
import subprocess
import sys
import tempfile
import warnings
from importlib.metadata import distributions
from pathlib import Path

project = Path("start.py").resolve().parents[1]  # on Colab start.py is a link into the fetched project
os.chdir(project / "notebooks")
if str(project) not in sys.path:
    sys.path.insert(0, str(project))

wanted = dict(re.findall(r"^([a-z][\w-]*)([^\s#]*)", (project / "requirements.txt").read_text(), re.M))
there = {d.metadata["Name"].lower().replace("_", "-"): d.version for d in distributions() if d.metadata["Name"]}
if missing := wanted.keys() - there.keys():
    held = Path(tempfile.mkdtemp()) / "there.txt"  # all of them: what is added must not change what it needs itself
    held.write_text("".join(f"{name}=={version}\n" for name, version in there.items()))
    packages = [name + wanted[name] for name in missing]
    if subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "-c", held, *packages]).returncode:
        raise RuntimeError(f"pip could not install {', '.join(missing)}; the lines above say why.")
    importlib.invalidate_caches()
warnings.formatwarning = lambda message, *_, **__: f"Note: {message}\n"  # without the line of code it comes from
