"""Files of the model hub, brought into huggingface_hub's cache: gone on with where they broke off, and checked.

The library does all but the bytes: addresses, mirrors, log-in, locks, the cache's places. Its own downloads (1.4 and
2.4 were read and tried) fall short of what is wanted here:
- since 1.12 each goes into a file of a name of its own, which is deleted on failure and not found again after a kill,
  so that gigabytes start from nothing (huggingface_hub issue 4196); 1.4 gives up where a connection breaks;
- nothing but the size is compared, and before 1.12 a damaged piece was kept and gone on with;
- 10 MB are held in memory before they are written, and are lost with the connection;
- a full disk is a warning.
So the bytes come here, over the library's connection, into the `.incomplete` file that 1.4 has too, and get their
place in the cache once they are what the hub says they are.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, constants, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError, HTTPError
from huggingface_hub.utils import WeakFileLock, build_hf_headers, get_session, hf_raise_for_status
from tqdm.auto import tqdm

_ATTEMPTS = 6  # in a row that bring nothing new of a file
_PAUSE = 0.5  # seconds before the next attempt; doubled each time


class Refused(ConnectionError):
    """What came cannot be a piece of the file: nothing of it was written."""


class NotAHub(ConnectionError):
    """What answers does not speak as a model hub does."""


class Damaged(ConnectionError):
    """The whole file came, twice, and is not what the hub says it is: nothing of it was kept."""


@dataclass(frozen=True)
class HubFile:
    """A file of a repository. digest: its SHA-256 if it is large, git's SHA-1 of it otherwise; its name as a blob."""

    name: str
    size: int  # bytes
    digest: str

    @property
    def is_told(self) -> bool:
        """Whether the hub told its size and digest, and a name within the repository."""
        inside = ".." not in self.name.split("/") and not self.name.startswith("/")
        return inside and self.size >= 0 and bool(re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", self.digest))

    def fits(self, path: Path) -> bool:
        """Whether one of its size is there. A file cut short, by a full disk or an older library, is none."""
        return path.exists() and path.stat().st_size == self.size

    def is_at(self, path: Path) -> bool:
        """Whether the bytes at `path` are this file's."""
        large = len(self.digest) == 64
        digest = hashlib.sha256() if large else hashlib.sha1(b"blob %d\0" % self.size, usedforsecurity=False)
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
        return digest.hexdigest() == self.digest


def repository_folder(repo_id: str) -> Path:
    """Where the cache has a repository, whether it is there or not."""
    return Path(constants.HF_HUB_CACHE, "--".join(("models", *repo_id.split("/"))))


def cached(repo_id: str) -> tuple[Path, dict[str, Path]]:
    """The cache's snapshot of a repository's main branch, and its files by name: none where there is no snapshot."""
    folder = repository_folder(repo_id)
    try:
        snapshot = folder / "snapshots" / (folder / "refs" / constants.DEFAULT_REVISION).read_text().strip()
    except OSError:
        return folder, {}
    return snapshot, {each.relative_to(snapshot).as_posix(): each for each in snapshot.rglob("*") if each.is_file()}


def listing(repo_id: str, attempts: int) -> tuple[str, dict[str, HubFile]]:
    """The commit of a repository's main branch and its files by name, from the hub.

    Raises httpx's HTTPError, and NotAHub.
    """

    def asked():
        return HfApi().model_info(repo_id, files_metadata=True, timeout=constants.HF_HUB_ETAG_TIMEOUT)

    try:
        answer = _insisted(asked, attempts)
        found = {
            each.rfilename: HubFile(each.rfilename, each.size, each.lfs.sha256 if each.lfs else each.blob_id)
            for each in answer.siblings
        }
        # they become names in the cache
        if not re.fullmatch("[0-9a-f]{40}", answer.sha) or not all(each.is_told for each in found.values()):
            raise ValueError("without sizes and checksums")
    except (ValueError, TypeError, KeyError, AttributeError) as error:  # a web page, or JSON of something else
        raise NotAHub("it does not answer as a model hub does") from error
    return answer.sha, found


def fetch(repo_id: str, commit: str, files: list[HubFile]) -> Path:
    """Brings files into the cache where they are not yet, and gives the folder of their snapshot.

    Raises httpx's HTTPError, Refused, Damaged, and OSError where the disk is full; what has come is kept and gone on
    with the next time.
    """
    folder = repository_folder(repo_id)
    blobs = folder / "blobs"
    blobs.mkdir(parents=True, exist_ok=True)
    # by digest, for some files are the same
    missing = {file.digest: file for file in files if not any(map(file.fits, _places(folder, commit, file)))}
    have = sum(_size(_part(blobs, file)) for file in missing.values())
    total = sum(file.size for file in missing.values())
    _check_space(blobs, total - have)
    with tqdm(
        desc=repo_id, total=total, initial=have, unit="B", unit_scale=True, unit_divisor=1000, disable=not missing
    ) as bar:
        for file in missing.values():
            lock = folder.parent / ".locks" / folder.name / f"{file.digest}.lock"  # the library's
            lock.parent.mkdir(parents=True, exist_ok=True)
            with WeakFileLock(lock):
                if not file.fits(blobs / file.digest):  # another process may have brought it meanwhile
                    _bring(repo_id, commit, file, blobs, bar)
    # The weights last: where they are, all is.
    for file in sorted(files, key=lambda file: file.size):
        _place(folder, commit, file)
    reference = folder / "refs" / constants.DEFAULT_REVISION
    reference.parent.mkdir(exist_ok=True)
    new = reference.with_name(f"{reference.name}.{os.getpid()}")
    new.write_text(commit)
    os.replace(new, reference)
    return folder / "snapshots" / commit


def _places(folder: Path, commit: str, file: HubFile) -> tuple[Path, Path]:
    """Its name in the snapshot, and the blob to which that leads."""
    return folder / "snapshots" / commit / file.name, folder / "blobs" / file.digest


def _part(blobs: Path, file: HubFile) -> Path:
    return blobs / f"{file.digest}.incomplete"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(f"{needed / 1e9:.1f} GB are still to come and there is room for {free / 1e9:.1f} GB")


def _bring(repo_id: str, commit: str, file: HubFile, blobs: Path, bar: tqdm) -> None:
    """The whole of a file, among the blobs."""
    part = _part(blobs, file)
    url = hf_hub_url(repo_id, file.name, revision=commit, endpoint=constants.ENDPOINT)
    for _ in range(2):
        if _size(part) > file.size:
            part.unlink()
        _insisted(lambda: _go_on(url, file, part, bar), _ATTEMPTS, lambda: _size(part))
        if file.is_at(part):
            os.replace(part, blobs / file.digest)
            return
        part.unlink()  # what is damaged cannot be gone on with
        bar.update(-file.size)
    raise Damaged(f"'{file.name}' came damaged twice")


def _insisted(attempt: Callable[[], Any], attempts: int, progress: Callable[[], int] = lambda: 0) -> Any:
    """What `attempt` returns; where connection or hub fail it is tried again, but so often at most without progress."""
    most, failures = progress(), 0
    while True:
        try:
            return attempt()
        except (HTTPError, Refused) as error:
            status = error.response.status_code if isinstance(error, HfHubHTTPError) else 500
            most, failures = max(most, progress()), 0 if progress() > most else failures + 1
            if failures >= attempts or (status < 500 and status not in (408, 416, 429)):
                raise
        time.sleep(_PAUSE * 2**failures)


def _go_on(url: str, file: HubFile, part: Path, bar: tqdm) -> None:
    """Adds to `part` what it lacks of the file, by one request. Raises Refused where less comes."""
    have = _size(part)
    headers = build_hf_headers() | {"Accept-Encoding": "identity", "Range": f"bytes={have}-"}
    if have < file.size:
        with get_session().stream("GET", url, headers=headers, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT) as answer:
            if answer.status_code >= 400:
                answer.read()
            hf_raise_for_status(answer)
            unwanted = _start(answer, file, have)
            with part.open("ab") as out:
                for piece in answer.iter_bytes():
                    wanted = piece[unwanted : unwanted + file.size - have]
                    unwanted = max(0, unwanted - len(piece))
                    out.write(wanted)
                    out.flush()
                    have += len(wanted)
                    bar.update(len(wanted))
    part.touch()
    if have < file.size:
        raise Refused(f"the answer ended {file.size - have:,} bytes too early")


def _start(answer, file: HubFile, have: int) -> int:
    """How many bytes of an answer are there already. Raises Refused for what cannot be a piece of the file."""
    headers = answer.headers
    if "html" in headers.get("Content-Type", "") and not file.name.endswith(".html"):
        raise Refused("a web page came in place of it")
    if answer.status_code == 206:
        told = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", headers.get("Content-Range", ""))
        if not told or int(told[1]) != have or told[2] not in ("*", str(file.size)):
            raise Refused(f"another piece came than the one from byte {have:,}: {headers.get('Content-Range')}")
        return 0
    length = headers.get("Content-Length")
    if length and "Content-Encoding" not in headers and int(length) != file.size:
        raise Refused(f"{int(length):,} bytes were offered and it has {file.size:,}")
    return have  # the request for the rest was not understood, and the whole comes again


def _place(folder: Path, commit: str, file: HubFile) -> None:
    """Its name in the snapshot leads to the blob, as in the library; a copy where the system has no such links."""
    name, blob = _places(folder, commit, file)
    if file.fits(name):
        return
    name.parent.mkdir(parents=True, exist_ok=True)
    name.unlink(missing_ok=True)
    try:
        name.symlink_to(os.path.relpath(blob, name.parent))
    except OSError:
        shutil.copyfile(blob, name)
