"""Downloads from a model hub on 127.0.0.1: only what is needed, gone on with, checked; failures told in a sentence."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import constants, hf_hub_download, snapshot_download

from helpers.models import hub as hub_module
from helpers.models import transfers
from helpers.models.hub import REPOSITORIES, fetch_checkpoint, fetch_file
from tests.models.hub_server import COMMIT, Answer, Fault, Hub

OWN = "someone/painter"


def noise(seed: int, size: int) -> bytes:
    return np.random.default_rng(seed).bytes(size)


def painter() -> dict[str, bytes]:
    """What a repository of diffusers has: much that is not needed."""
    files = {name: b'{"a": 1}' for name in hub_module._CONFIGS}
    files |= {f"tokenizer/{name}": name.encode() for name in ("merges.txt", "vocab.json", "special_tokens_map.json")}
    files |= {"README.md": b"read", ".gitattributes": b"", "tokenizer/empty.txt": b""}
    for part, stem in hub_module._WEIGHTS.items():
        for end in (".bin", ".safetensors", ".fp16.safetensors", ".non_ema.safetensors", ".msgpack"):
            files[f"{part}/{stem}{end}"] = noise(len(files), 4000)
    files |= {"safety_checker/model.safetensors": noise(1, 4000), "painter.safetensors": noise(2, 4000)}
    del files["vae/diffusion_pytorch_model.fp16.safetensors"]
    return files


def use(endpoint: str, cache: str, attempts: int = 6, timeout: float = 10, set_=setattr):
    """Has huggingface_hub take another hub and cache than the environment's, for it reads that on import."""
    set_(constants, "ENDPOINT", endpoint)
    set_(constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + "/{repo_id}/resolve/{revision}/{filename}")
    set_(constants, "HF_HUB_CACHE", cache)
    set_(constants, "HF_HUB_DOWNLOAD_TIMEOUT", timeout)
    set_(constants, "HF_HUB_ETAG_TIMEOUT", timeout)
    set_(transfers, "_ATTEMPTS", attempts)
    set_(transfers, "_PAUSE", 0.0005)


@pytest.fixture
def hub(monkeypatch, tmp_path):
    started = Hub({OWN: painter()})
    use(started.endpoint, str(tmp_path), set_=monkeypatch.setattr)
    yield started
    started.close()


def in_cache() -> list[Path]:
    return [path for path in Path(constants.HF_HUB_CACHE).rglob("*") if path.is_file()]


# ---- what is fetched ----


def test_a_checkpoint_is_a_folder_of_what_is_needed_in_half_precision_where_there_is(hub):
    folder = fetch_checkpoint(OWN)
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    wanted = {*hub_module._CONFIGS, *(name for name in painter() if name.startswith("tokenizer/"))}
    wanted |= {"unet/diffusion_pytorch_model.fp16.safetensors", "text_encoder/model.fp16.safetensors"}
    assert names == wanted | {"vae/diffusion_pytorch_model.safetensors"}
    assert all((folder / name).read_bytes() == painter()[name] for name in names)
    assert hub.sent() == sum(map(len, {painter()[name] for name in names})), "each byte once"


def test_it_lies_where_huggingface_hub_looks_for_it(hub, monkeypatch):
    folder = fetch_checkpoint(OWN)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert Path(snapshot_download(OWN, local_files_only=True)) == folder
    name = "unet/diffusion_pytorch_model.fp16.safetensors"
    assert Path(hf_hub_download(OWN, name)) == folder / name


def test_what_huggingface_hub_fetched_is_not_fetched_again(hub):
    snapshot_download(OWN, allow_patterns=["unet/*", "*.json", "vae/*"], tqdm_class=None)
    hub.answers.clear()
    folder = fetch_checkpoint(OWN)
    fetched = {answer.path.split(COMMIT + "/")[1] for answer in hub.answers if COMMIT in answer.path}
    assert {name.split("/")[0] for name in fetched} == {"tokenizer", "text_encoder"}
    assert (folder / "vae/diffusion_pytorch_model.safetensors").read_bytes()


def test_a_repository_of_one_file_gives_that_file(hub):
    hub.repositories["a/single"] = {"README.md": b"", "sub/other.safetensors": b"", "one.safetensors": noise(0, 3000)}
    path = fetch_checkpoint("a/single")
    assert (path.name, path.read_bytes()) == ("one.safetensors", noise(0, 3000))


def test_a_file_is_chosen_by_its_name_or_because_it_is_the_only_one(hub):
    lora = {"pytorch_lora_weights.safetensors": b"lora", "other.safetensors": b"other"}
    hub.repositories |= {"a/lora": lora, "a/one": {"x/pixels.safetensors": b"one", "a.bin": b""}}
    hub.repositories["a/many"] = {"b.safetensors": b"", "a.safetensors": b""}
    assert fetch_file("a/lora").read_bytes() == b"lora"
    assert fetch_file("a/lora", "other.safetensors").read_bytes() == b"other"
    assert fetch_file("a/one").read_bytes() == b"one"
    with pytest.raises(ValueError, match=r"has 2 files of weights \(a.safetensors, b.safetensors\); download the one"):
        fetch_file("a/many")
    with pytest.raises(ValueError, match="no file 'x/pixel.safetensor'; did you mean 'x/pixels.safetensors'?"):
        fetch_file("a/one", "x/pixel.safetensor")


@pytest.mark.parametrize(
    "files, told",
    [
        (["model_index.json"], "no scheduler/scheduler_config.json"),
        ([*hub_module._CONFIGS, "unet/diffusion_pytorch_model.bin"], "no unet/diffusion_pytorch_model.safetensors"),
        ([*painter(), "text_encoder_2/config.json"], "two text encoders"),
        (["sd-v1-4.ckpt"], "has no .safetensors file"),
    ],
)
def test_a_repository_of_something_else_is_named_before_anything_is_fetched(hub, files, told):
    hub.repositories["a/b"] = dict.fromkeys(files, b"x")
    with pytest.raises(ValueError, match=told):
        fetch_checkpoint("a/b")
    assert hub.sent() == 0 and not in_cache()


def test_the_sha256_that_is_asked_for_is_the_only_one_that_will_do(hub):
    name = "painter.safetensors"
    digest = hub.digest(painter()[name])
    path = fetch_file(OWN, name, digest)
    with pytest.raises(ValueError, match="'painter.safetensors' of 'someone/painter' has another SHA-256 than 00000"):
        fetch_file(OWN, name, "0" * 64)
    copy = path.read_bytes()
    path.unlink()
    path.write_bytes(copy)  # as where the system has no symbolic links
    assert fetch_file(OWN, name, digest) == path


def test_one_bar_tells_all_bytes(hub, capfd):
    fetch_checkpoint(OWN)
    told = capfd.readouterr().err
    assert told.count("\n") == 1 and "100%|" in told and "12.1k/12.1k" in told
    fetch_checkpoint(OWN)
    assert capfd.readouterr().err == ""


def test_names_lead_to_repositories():
    assert {"sd-1.4", "sd-1.5", "sd-2.1", "sd-turbo"} == set(REPOSITORIES)


# ---- the cache ----


def test_the_cache_serves_without_a_hub(hub, monkeypatch):
    folder = fetch_checkpoint(OWN)
    hub.answers.clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert fetch_checkpoint(OWN) == folder and not hub.answers, "HF_HUB_OFFLINE: no request at all"
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    for status in (401, 404, 500):
        hub.status["/api"] = (status, {})
        assert fetch_checkpoint(OWN) == folder
    hub.close()
    assert fetch_checkpoint(OWN) == folder
    assert fetch_file(OWN, "text_encoder/config.json").parent == folder / "text_encoder"


def test_half_a_cache_does_not_serve(hub, monkeypatch):
    (fetch_checkpoint(OWN) / "vae/config.json").unlink()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ConnectionError, match="'someone/painter' is not whole in .*HF_HUB_OFFLINE forbids.*pocket"):
        fetch_checkpoint(OWN)


def test_a_file_cut_short_in_the_cache_is_fetched_again(hub):
    path = fetch_file(OWN, "painter.safetensors")
    path.resolve().write_bytes(b"short")
    assert fetch_file(OWN, "painter.safetensors").read_bytes() == painter()["painter.safetensors"]


def test_home_and_endpoint_come_from_the_environment(hub, tmp_path):
    code = f"from helpers.models.hub import fetch_checkpoint; print(fetch_checkpoint({OWN!r}))"
    environment = os.environ | {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path / "home"), "HF_TOKEN": "hf_secret"}
    told = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True, stderr=subprocess.DEVNULL)
    assert Path(told.strip()) == tmp_path / "home/hub/models--someone--painter/snapshots" / COMMIT
    assert (Path(told.strip()) / "model_index.json").is_file()


# ---- failures, each in a sentence ----


def told(error: type[Exception], repository: str = OWN) -> str:
    with pytest.raises(error) as raised:
        fetch_checkpoint(repository)
    sentence = str(raised.value)
    assert "\n" not in sentence and len(sentence) < 420, sentence
    return sentence


def test_no_network(hub):
    hub.close()
    sentence = told(ConnectionError)
    assert "could not be fetched from http://127.0.0.1" in sentence and "check the network" in sentence
    assert sentence.endswith("model='pocket' draws without a download.")


def test_a_gated_repository(hub):
    hub.status["/someone/painter/resolve"] = (403, {"X-Error-Code": "GatedRepo"})
    sentence = told(PermissionError)
    assert f"agree at {hub.endpoint}/someone/painter, log in with huggingface_hub.login()" in sentence


@pytest.mark.parametrize("status, error, words", [(403, PermissionError, "rights"), (429, ConnectionError, "log in")])
def test_a_refusal(hub, status, error, words):
    hub.status["/api"] = (status, {})
    assert f"({status})" in told(error) and words in told(error)


@pytest.mark.parametrize("status", [401, 404])
def test_a_typo(hub, status):
    hub.status["/api"] = (status, {})
    assert "did you mean 'CompVis/stable-diffusion-v1-4'" in told(ValueError, "CompVis/stable-difusion-v1-4")
    assert "if it is private, log in" in told(ValueError, "nobody/nothing")


@pytest.mark.parametrize("repository", ["sd", "a/b/c", "https://huggingface.co/a/b", "", None, "../a"])
def test_what_is_no_id(repository):
    with pytest.raises(ValueError, match="is no id of the model hub; expected 'owner/name'"):
        fetch_checkpoint(repository)


def test_a_full_disk(hub, monkeypatch):
    monkeypatch.setattr(transfers.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 12_000}))
    sentence = told(OSError)
    assert "room for 0.0 GB" in sentence and "HF_HOME" in sentence and hub.sent() == 0
    monkeypatch.undo()


def test_what_is_in_the_cache_needs_no_room(hub, monkeypatch):
    folder = fetch_checkpoint(OWN)
    weights = folder / "unet/diffusion_pytorch_model.fp16.safetensors"
    blob = weights.resolve()
    blob.rename(blob.with_name(blob.name + ".incomplete"))
    blob.with_name(blob.name + ".incomplete").write_bytes(painter()[weights.relative_to(folder).as_posix()][:3000])
    monkeypatch.setattr(transfers.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 1000}))
    assert fetch_checkpoint(OWN) == folder and weights.stat().st_size == 4000


def test_damage_that_stays(hub):
    hub.faults = [Fault("a byte corrupt", 7)] * 2
    sentence = told(ConnectionError)
    assert "came damaged twice" in sentence and "mirror by HF_ENDPOINT" in sentence
    assert not [path for path in in_cache() if path.suffix != ".lock"]


@pytest.mark.parametrize(
    "kind, words",
    [
        ("page", r"\(a web page came in place of it\); check the network or its log-in page"),
        ("stalled", r"\(nothing came for 0.1 s\); check the network, and run this again, it goes on where"),
        ("broken off", "run this again, it goes on where it broke off"),
        ("503", r"\(status 503\); the hub is in trouble, run this again later"),
        ("listing is a page", "does not answer as a model hub does.*check HF_ENDPOINT"),
        ("listing of something else", "does not answer as a model hub does"),
    ],
)
def test_a_hub_that_fails(hub, monkeypatch, kind, words):
    use(hub.endpoint, constants.HF_HUB_CACHE, attempts=1, timeout=0.1, set_=monkeypatch.setattr)
    hub.faults = [Fault(kind)] * 5
    with pytest.raises(ConnectionError, match=words):
        fetch_checkpoint(OWN)


# ---- two hundred faults ----

NAME, SIZE = "weights.safetensors", 200_000
LISTING = ("listing 503", "listing is a page", "listing of something else")
KINDS = ("broken off", "stalled", "length too large", "length too small", "Range ignored", "page")
KINDS += ("page, told as a file", "another range", "500", "502", "503", "429", "a byte corrupt", "process killed")


def fetch_in_a_process(endpoint: str, cache: str):
    use(endpoint, cache)
    fetch_file(OWN, NAME)


def killer(part: Path, running: list[int]):
    def kill():
        while not (part.exists() and part.stat().st_size):
            time.sleep(0.001)
        os.kill(running[-1], signal.SIGKILL)

    return kill


def test_two_hundred_faults(monkeypatch, tmp_path, figure):
    """Never a wrong file under the final name, never a start from nothing where there was something to go on with."""
    rng = np.random.default_rng(0)
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.models.test_hub"])
    count, table = 0, {kind: Counter() for kind in (*KINDS, *LISTING, "none")}
    while count < 200:
        faults = [
            Fault(str(kind), int(rng.integers(SIZE))) for kind in rng.choice((*KINDS, *LISTING), rng.integers(1, 4))
        ]
        kinds, data = [fault.kind for fault in faults], noise(count, SIZE)
        server = Hub({OWN: {NAME: data}}, faults=faults)
        cache = str(tmp_path / str(count))
        # some give up at once, and the next call goes on
        use(server.endpoint, cache, int(rng.choice([1, 6])), timeout=0.1, set_=monkeypatch.setattr)
        blob = Path(cache, "models--someone--painter/blobs", server.digest(data))
        part = blob.with_name(blob.name + ".incomplete")
        outcomes, kept, running = [], [], []

        for fault in faults:
            fault.killed = killer(part, running)
        path = None
        while not path:
            left = len(faults)
            if "process killed" in kinds[len(kinds) - left :]:
                child = processes.Process(target=fetch_in_a_process, args=(server.endpoint, cache))
                child.start()
                running.append(child.pid)
                child.join(30)
                killed = child.exitcode == -signal.SIGKILL
                outcome = "killed" if killed else "told" if child.exitcode else "went on"
                kept += [part.stat().st_size] if killed else []
            else:
                try:
                    path = fetch_file(OWN, NAME)
                    outcome = "went on"
                except ConnectionError:
                    outcome = "told"
            met = left - len(faults)
            outcomes += (["went on"] * (met - 1) + [outcome]) * (met > 0)
            assert not blob.exists() or blob.read_bytes() == data, (kinds, outcomes)
            if outcome == "went on":
                faults.clear()  # those that did not fit any more
                path = path or fetch_file(OWN, NAME)
        assert path.read_bytes() == data, (kinds, outcomes)
        answers = [answer for answer in server.answers if answer.path.startswith("/cdn/")]
        starts, in_vain = gone_on_with(answers, kept)
        assert [answer.start for answer in answers] == starts, (kinds, outcomes)
        for answer, vain in zip(answers, in_vain):
            table[answer.fault]["in vain"] += vain
        count += len(outcomes)
        for kind, outcome in zip(kinds, outcomes):
            table[kind][outcome] += 1
        server.close()
    assert not table.pop("none")["in vain"]
    for kind, found in table.items():
        times = found["went on"] + found["told"] + found["killed"]
        ends = ", ".join(f"{found[end]} {end}" for end in ("went on", "told", "killed") if found[end])
        again = found["in vain"] / times / SIZE
        figure(f"hub fault, {kind}: {times} times, {ends}; {again:.0%} of the file sent again on average")


def gone_on_with(answers: list[Answer], kept: list[int]) -> tuple[list[int], list[int]]:
    """From which byte on each answer had to be asked for, and how many bytes were sent in vain by it.

    What came before is there and need not come again, unless it is damaged.
    kept: how much each killed process left behind, in order.
    """
    starts, in_vain, damaged, left_behind = [0], [], False, iter(kept)
    for answer in answers:
        have = max(starts[-1], answer.start + answer.sent)
        if answer.fault == "process killed":
            have = next(left_behind)
        if answer.fault == "Range ignored":
            have = SIZE
        damaged |= answer.fault == "a byte corrupt"
        if damaged and have == SIZE:
            have, damaged = 0, False
        in_vain.append(answer.sent - max(0, have - starts[-1]))
        starts.append(have)
    return starts[:-1], in_vain
