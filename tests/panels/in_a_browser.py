"""Notebooks in a real browser, for tests: JupyterLab or Voila, Chromium, and what a hand does."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def skip_without(*modules):
    """Skips the whole file without a browser or one of the modules, unless REQUIRE_BROWSER is set."""
    if not os.environ.get("REQUIRE_BROWSER"):
        for module in ("playwright", *modules):
            pytest.importorskip(module)
        if not CHROMIUM:
            pytest.skip("no Chromium here", allow_module_level=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def notebook_of(*cells: str) -> dict:
    """A notebook with these cells of code."""
    made = [
        {"cell_type": "code", "id": f"cell-{i}", "metadata": {}, "outputs": [], "execution_count": None, "source": cell}
        for i, cell in enumerate(cells)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


@contextlib.contextmanager
def served(notebook: dict, by: str):
    """The address of the notebook's page in a server of its own, by "jupyterlab" or by "voila"."""
    (ROOT / "outputs").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "outputs") as folder:
        file = Path(folder) / "widgets.ipynb"
        file.write_text(json.dumps(notebook), encoding="utf-8")
        (Path(folder) / "start.py").symlink_to(ROOT / "notebooks" / "start.py")  # as it lies beside the notebooks
        port = free_port()
        if by == "voila":
            command, page, answer = [str(file), "--no-browser", f"--port={port}"], "/", "/voila/static/"
        else:
            settings = {
                "--ip": "127.0.0.1",
                "--port": port,
                "--IdentityProvider.token": "",
                "--ServerApp.root_dir": folder,
                "--LabApp.expose_app_in_browser": True,
            }
            command = ["--no-browser", "--allow-root", *(f"{name}={value}" for name, value in settings.items())]
            page, answer = "/lab/tree/widgets.ipynb", "/api"
        environment = os.environ | {
            "JUPYTER_PREFER_ENV_PATH": "1",
            "JUPYTER_CONFIG_DIR": f"{folder}/.config",
            "JUPYTER_DATA_DIR": f"{folder}/.data",
            "IPYTHONDIR": f"{folder}/.ipython",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        server = subprocess.Popen(
            [sys.executable, "-m", by, *command],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            for _ in range(120):
                try:
                    urllib.request.urlopen(f"{address}{answer}", timeout=5).close()
                    break
                except urllib.error.HTTPError:
                    break
                except OSError:
                    time.sleep(0.5)
            yield f"{address}{page}"
        finally:
            server.terminate()
            server.wait(30)


@contextlib.contextmanager
def chromium(**options):
    """A page of a browser with these options of a context."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser.new_context(**options).new_page()
        finally:
            browser.close()


def run_all(page, cells: int) -> None:
    """Runs a notebook of so many cells that JupyterLab has just opened."""
    page.wait_for_function(
        f"window.jupyterapp && document.querySelectorAll('.jp-CodeCell').length == {cells}", timeout=60_000
    )
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]", timeout=60_000)
    page.wait_for_timeout(4000)  # a kernel just started may drop what is asked of it at once
    page.evaluate("jupyterapp.commands.execute('runmenu:run-all')")


class Hand:
    """A mouse, a finger or a pen on a page, by what the browser itself takes for one."""

    def __init__(self, page, kind: str):
        self.devtools, self.kind = page.context.new_cdp_session(page), kind

    def drag(self, way) -> None:
        """Down at the first point (x, y) of the page, over the others, and up."""
        for number, (x, y) in enumerate(way):
            self._tell("start" if number == 0 else "move", x, y)
        self._tell("end", *way[-1])

    def _tell(self, what, x, y):
        if self.kind == "touch":
            points = [] if what == "end" else [{"x": x, "y": y}]
            self.devtools.send("Input.dispatchTouchEvent", {"type": f"touch{what.capitalize()}", "touchPoints": points})
            return
        kind = {"start": "mousePressed", "move": "mouseMoved", "end": "mouseReleased"}[what]
        event = {"type": kind, "x": x, "y": y, "button": "left", "buttons": int(what != "end"), "clickCount": 1}
        self.devtools.send("Input.dispatchMouseEvent", event | {"pointerType": self.kind})
