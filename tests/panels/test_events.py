"""A real kernel, spoken to as a browser does: what widgets say is heard between two steps, other things wait."""

import json
import os
import queue
import time
from pathlib import Path

import pytest

jupyter_client = pytest.importorskip("jupyter_client")
ipykernel = pytest.importorskip("ipykernel")
ROOT = Path(__file__).resolve().parents[2]
CODE = f"""
import sys, time
sys.path.insert(0, {str(ROOT)!r})
import ipywidgets as widgets
from helpers.panels.events import watched

pressed, seen = [], []
stop, go = widgets.Button(), widgets.Button()
stop.on_click(lambda _: pressed.append(len(seen)))

def run(_=None):
    pressed.clear(), seen.clear()
    for step in watched(range(40)):
        seen.append(step)
        if pressed:
            break
        time.sleep(0.05)
    print("ended after", len(seen), "steps, pressed at", pressed)

go.on_click(run)
print(stop.model_id, go.model_id)
"""


class Client:
    """What a browser does, step by step."""

    def __init__(self, client):
        self.client = client

    def send(self, kind, content, subshell=None):
        message = self.client.session.msg(kind, content)
        if subshell:
            message["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def execute(self, code):
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
        return self.send("execute_request", content)

    def click(self, model, subshell=None):
        data = {"method": "custom", "content": {"event": "click"}}
        return self.send("comm_msg", {"comm_id": model, "data": data}, subshell)

    def heard(self, *ids, seconds=60):
        """Until the kernel is done with all these messages: what it said, [(kind, which message, what)]."""
        told, waiting, end = [], set(ids), time.monotonic() + seconds
        while waiting:
            try:
                message = self.client.get_iopub_msg(timeout=max(0.1, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"never done: {waiting}, after {told}") from None
            parent, content = message["parent_header"].get("msg_id"), message["content"]
            if message["msg_type"] == "status" and content["execution_state"] == "idle":
                told.append(("idle", parent, ""))
                waiting.discard(parent)
            elif message["msg_type"] in ("stream", "error"):
                told.append((message["msg_type"], parent, content.get("text") or "\n".join(content["traceback"])))
        return told


@pytest.fixture(scope="module")
def browser():
    manager = jupyter_client.KernelManager(kernel_name="python3")
    manager.start_kernel(env=os.environ | {"JUPYTER_PREFER_ENV_PATH": "1"}, cwd=str(ROOT))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        yield Client(client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.fixture
def models(browser):
    """The model ids of the buttons stop and go."""
    texts = [text for kind, _, text in browser.heard(browser.execute(CODE)) if kind == "stream"]
    assert texts, "the code failed"
    return texts[0].split()


def ended(told):
    """After how many steps it ended, and at which step the press was heard; the message that it was printed for."""
    ((_, parent, text),) = [each for each in told if "ended after" in each[2]]
    words = text.split()
    return int(words[2]), json.loads(words[-1]), parent


def test_a_press_is_heard_at_the_next_step_of_a_running_cell(browser, models):
    cell = browser.execute("run()")
    time.sleep(0.6)
    click = browser.click(models[0])
    told = browser.heard(cell, click)
    steps, pressed, parent = ended(told)
    assert 1 < steps < 25 and pressed == [steps - 1] and parent == cell
    kinds = [(kind, which) for kind, which, _ in told]
    assert kinds.index(("idle", click)) < kinds.index(("idle", cell)), "the browser may send the next one"


def test_a_press_is_heard_while_a_buttons_function_runs(browser, models):
    go = browser.click(models[1])
    time.sleep(0.6)
    stop = browser.click(models[0])
    steps, pressed, _ = ended(browser.heard(go, stop))
    assert 1 < steps < 25 and pressed == [steps - 1]


def test_cells_wait_in_their_order(browser, models):
    first = browser.execute("run()")
    time.sleep(0.3)
    cells = [browser.execute(f"print({name!r}, len(seen))") for name in ("a", "b", "c")]
    time.sleep(0.3)
    click = browser.click(models[0])
    told = browser.heard(first, click, *cells)
    steps, _, _ = ended(told)
    assert steps < 30
    printed = [(which, text.split()) for kind, which, text in told if kind == "stream" and "ended" not in text]
    assert printed == [(which, [name, str(steps)]) for which, name in zip(cells, "abc")]


def test_an_interrupt_still_interrupts(browser, models):
    """And the kernel lives on, whose own handler of signals must not be lost."""
    code = "import signal\nprint(signal.getsignal(signal.SIGINT))"
    before = [text for _, _, text in browser.heard(browser.execute(code)) if "handler" in text or "SIG" in text]
    cell = browser.execute("run()")
    time.sleep(0.3)
    browser.heard(cell, browser.click(models[0]))
    assert [text for _, _, text in browser.heard(browser.execute(code)) if text] == before


def test_a_press_is_heard_in_a_subshell(browser, models):
    """As JupyterLab sends what widgets say, so that they work while a cell runs."""
    if ipykernel.version_info[0] < 7:
        pytest.skip("this ipykernel has no subshells")
    client = browser.client
    message = client.session.msg("create_subshell_request", {})
    client.control_channel.send(message)
    subshell = client.get_control_msg(timeout=20)["content"]["subshell_id"]
    go = browser.click(models[1], subshell)
    time.sleep(0.6)
    stop = browser.click(models[0], subshell)
    steps, pressed, _ = ended(browser.heard(go, stop))
    assert 1 < steps < 25 and pressed == [steps - 1]
