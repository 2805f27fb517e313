"""A model hub on 127.0.0.1, as far as huggingface_hub asks it, that fails on demand."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "c0ffee" + "0" * 34
PAGE = b"<html><body>Please log in to this network.</body></html>"


@dataclass
class Fault:
    """What goes wrong with one answer, at a byte of what it should bring. The kinds are those of `Handler.send`."""

    kind: str
    at: int = 0
    killed: Callable[[], None] = lambda: None  # ends the process that asks

    @property
    def of_listing(self) -> bool:
        return self.kind.startswith("listing")


@dataclass
class Answer:
    """One that was given: `sent` counts the file's bytes from `start` on, right or not; a web page has none."""

    method: str
    path: str
    start: int = 0
    sent: int = 0
    fault: str = "none"


@dataclass
class Hub:
    """Repositories by id, of files by name; from `small` bytes on a file is what git-lfs keeps.

    faults: one is taken at each answer that it fits.
    """

    repositories: dict[str, dict[str, bytes]]
    small: int = 1000
    status: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)  # by the path's beginning
    faults: list[Fault] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

    def __post_init__(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"hub": self}))
        self.server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def digest(self, data: bytes) -> str:
        """The name of a file's blob."""
        if len(data) >= self.small:
            return hashlib.sha256(data).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()

    def next_fault(self, of_listing: bool) -> Fault:
        if self.faults and self.faults[0].of_listing == of_listing:
            return self.faults.pop(0)
        return Fault("none")

    def sent(self) -> int:
        """Bytes of files that were sent."""
        return sum(answer.sent for answer in self.answers)


class Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def reply(self, status: int, body: bytes = b"", **headers: str):
        self.send_response(status)
        headers = {"Content_Length": str(len(body)), "Content_Type": "text/plain"} | headers
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def answer(self, body: bool):
        path = unquote(urlsplit(self.path).path)
        for start, (status, headers) in self.hub.status.items():
            if path.startswith(start):
                self.hub.answers.append(Answer(self.command, path))
                return self.reply(status, **headers)
        if told := re.fullmatch(r"/api/models/([^/]+/[^/]+)(/.*)?", path):
            return self.listing(path, told[1], (told[2] or "").lstrip("/"))
        if told := re.fullmatch(r"/(?:cdn/)?([^/]+/[^/]+)/resolve/[^/]+/(.+)", path):
            data = self.hub.repositories.get(told[1], {}).get(told[2])
            if data is not None:
                return self.file(path, data)
        self.reply(404, **{"X-Error-Code": "EntryNotFound"})

    def listing(self, path: str, repository: str, what: str):
        self.hub.answers.append(Answer(self.command, path))
        files = self.hub.repositories.get(repository)
        fault = self.hub.next_fault(of_listing=True).kind
        if fault == "listing 503":
            return self.reply(503)
        if fault == "listing is a page":
            return self.reply(200, PAGE, Content_Type="text/html")
        if fault == "listing of something else":
            return self.reply(200, b'{"error": "no"}', Content_Type="application/json")
        if files is None:
            return self.reply(404, **{"X-Error-Code": "RepoNotFound"})
        entries = []
        for name, data in files.items():
            lfs = len(data) >= self.hub.small
            oid = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
            entry = {"size": len(data), "type": "file"}
            entry |= {"path": name, "oid": oid} if what.startswith("tree") else {"rfilename": name, "blobId": oid}
            if lfs:
                sha256 = hashlib.sha256(data).hexdigest()
                entry["lfs"] = {"sha256": sha256, "oid": sha256, "size": len(data), "pointerSize": 134}
            entries.append(entry)
        told = entries if what.startswith("tree") else {"id": repository, "sha": COMMIT, "siblings": entries}
        self.reply(200, json.dumps(told).encode(), Content_Type="application/json")

    def file(self, path: str, data: bytes):
        digest = self.hub.digest(data)
        if len(data) >= self.hub.small and not path.startswith("/cdn/"):  # large files are elsewhere, as on the hub
            elsewhere = f"{self.hub.endpoint.replace('127.0.0.1', 'localhost')}/cdn{self.path}"
            headers = {"X-Linked-Size": str(len(data)), "X-Linked-Etag": f'"{digest}"', "X-Repo-Commit": COMMIT}
            return self.reply(302, Location=elsewhere, **headers)
        assert "Authorization" not in self.headers or not path.startswith("/cdn/")
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked else 0
        headers = {"ETag": f'"{digest}"', "X-Repo-Commit": COMMIT, "Content_Type": "application/octet-stream"}
        if self.command == "HEAD":
            return self.reply(200, data, **headers)
        fault = self.hub.next_fault(of_listing=False)
        answer = Answer("GET", path, start, 0, fault.kind)
        self.hub.answers.append(answer)
        self.send(fault, answer, data, bool(asked), headers)

    def send(self, fault: Fault, answer: Answer, data: bytes, ranged: bool, headers: dict[str, str]):
        """Sends a file from `answer.start` on, or what the fault makes of it, and notes how many of its bytes."""
        kind, start, body = fault.kind, answer.start, data[answer.start :]
        if kind in ("500", "502", "503", "429"):
            return self.reply(int(kind))
        if kind == "page":
            return self.reply(200, PAGE, Content_Type="text/html; charset=utf-8")
        if kind == "page, told as a file":
            return self.reply(200, PAGE, **headers)
        if kind == "another range":
            wrong = start + 1 if start else len(data) // 2
            headers["Content-Range"] = f"bytes {wrong}-{len(data) - 1}/{len(data)}"
            return self.reply(206, data[wrong:], **headers)
        if kind == "Range ignored":
            answer.sent = len(data)
            return self.reply(200, data, **headers)
        if kind == "a byte corrupt" and body:
            where = fault.at % len(body)
            body = body[:where] + bytes([body[where] ^ 1]) + body[where + 1 :]
        cut = max(fault.at % len(body) if body else 0, int(kind == "process killed"))
        length = len(body) + 100 if kind == "length too large" else cut if kind == "length too small" else len(body)
        self.send_response(206 if ranged else 200)
        if ranged:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        for name, value in (headers | {"Content_Length": str(length)}).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        whole = kind in ("none", "a byte corrupt", "length too large")
        answer.sent = len(body) if whole else cut
        self.wfile.write(body[: answer.sent])
        self.wfile.flush()
        if kind == "stalled":
            time.sleep(0.5)
        if kind == "process killed":
            fault.killed()
        if kind != "none" and kind != "a byte corrupt":
            self.close_connection = True
