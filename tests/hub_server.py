"""A small Hugging Face Hub on this machine: a real HTTP server that the Hub's own client library talks to.

It serves folders, `ROOT/models/OWNER/NAME` and `ROOT/datasets/OWNER/NAME`, with the part of the Hub's interface that the
library asks for. Weights come by a redirect from another host, as the Hub's do. What it was asked is in `log`.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from huggingface_hub import constants

from ftchat.engine.loading import STARTER_FOLDER

_LARGE = (".safetensors", ".bin", ".parquet", ".gguf")  # what the Hub keeps in LFS
_PIECE = 16_384


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    range: str | None
    token: str | None


@dataclass
class HubServer:
    """`rate` is in bytes a second; `cuts` says after how many bytes of each next answer with weights its connection is
    cut. Gated and private repositories open to whoever has the token `hf_good`. One that has `moved` is answered with
    its new name, as one whose name is in the wrong case; one that is `refused` with a status and an error of the Hub's."""

    root: Path
    rate: float = 0.0
    cuts: list[int] = field(default_factory=list)
    gated: set[str] = field(default_factory=set)
    private: set[str] = field(default_factory=set)
    moved: dict[str, str] = field(default_factory=dict)
    refused: dict[str, tuple[int, str]] = field(default_factory=dict)
    log: list[Asked] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fetched(self, file: str) -> list[str | None]:
        """The ranges in which this file was fetched."""
        return [one.range for one in self.log if one.method == "GET" and one.path.endswith("/" + file)]

    def partial(self) -> int:
        """Bytes of weights that were begun and not ended."""
        return sum(path.stat().st_size for path in Path(constants.HF_HUB_CACHE).rglob("*.incomplete"))

    def folder(self, kind: str, name: str) -> Path:
        return self.root / kind / name

    def put(self, name: str) -> Path:
        """The starter under this name, with what else lies in such repositories."""
        folder = Path(shutil.copytree(STARTER_FOLDER, self.folder("models", name)))
        for junk in ("pytorch_model.bin", "model.fp16.safetensors", "model-q4.gguf", "modeling.py", "onnx/model.onnx"):
            (folder / junk).parent.mkdir(exist_ok=True)
            (folder / junk).write_bytes(b"never to be fetched")
        return folder

    def sha(self, folder: Path) -> str:
        names = [f"{path.name} {path.stat().st_size}" for path in sorted(folder.rglob("*")) if path.is_file()]
        return hashlib.sha1("\n".join([str(folder), *names]).encode()).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: HubServer

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_GET

    def do_POST(self) -> None:
        self._body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer()

    def log_message(self, *arguments: object) -> None:
        pass

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None
        self.hub.log.append(Asked(self.command, path, self.headers.get("Range"), token))
        for old, new in self.hub.moved.items():
            if f"/{old}/" in f"{path}/":
                self.send_response(307)
                self.send_header("Location", self.path.replace(old, new))
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
        for name, (status, error) in self.hub.refused.items():
            if f"/{name}/" in f"{path}/":
                self._json({"error": error or "refused"}, status, X_Error_Code=error, X_Error_Message="refused")
                return
        if api := re.fullmatch(
            r"/api/(models|datasets)/([^/]+/[^/]+)(?:/(revision|tree|paths-info)/([^/]+)/?(.*))?", path
        ):
            self._api(*api.groups(), token)
        elif file := re.fullmatch(r"/(datasets/|cdn/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._file(file[1] or "", file[2], file[4], token)
        else:
            self._json({"error": "Not Found"}, 404)

    def _allowed(self, name: str, token: str | None, file: bool) -> bool:
        """Sends the refusal where there is one. The names in a gated repository may be read by everybody."""
        error = ""
        if token not in (None, "hf_good"):
            self._json(
                {"error": "Invalid credentials"}, 401, X_Error_Message="Invalid credentials in Authorization header"
            )
            return False
        if name in self.hub.private and not token:
            error, status = "RepoNotFound", 401
        elif name in self.hub.gated and file and not token:
            error, status = "GatedRepo", 401
        if error:
            self._json({"error": error}, status, X_Error_Code=error, X_Error_Message=f"refused: {name}")
        return not error

    def _api(
        self, kind: str, name: str, what: str | None, revision: str | None, under: str | None, token: str | None
    ) -> None:
        folder = self.hub.folder(kind, name)
        if not folder.is_dir():
            self._json({"error": "Repository not found"}, 401 if not token else 404, X_Error_Code="RepoNotFound")
            return
        if not self._allowed(name, token, file=False):
            return
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        if what in ("tree", "paths-info"):
            wanted = json.loads(self._body)["paths"] if what == "paths-info" else None
            names = {path.relative_to(folder).as_posix(): path for path in files}
            found = [
                self._entry(path, key, "path", "oid") for key, path in names.items() if wanted is None or key in wanted
            ]
            self._json([{"type": "file", **entry} for entry in found])
            return
        siblings = [self._entry(path, path.relative_to(folder).as_posix(), "rfilename", "blobId") for path in files]
        self._json({"id": name, "sha": self.hub.sha(folder), "siblings": siblings, "private": False, "tags": []})

    def _entry(self, path: Path, name: str, name_key: str, blob_key: str) -> dict:
        size = path.stat().st_size
        entry = {name_key: name, "size": size, blob_key: _etag(path)}
        if path.suffix in _LARGE:
            entry["lfs"] = {"oid": _etag(path), "sha256": _etag(path), "size": size, "pointerSize": 134}
        return entry

    def _file(self, place: str, name: str, file: str, token: str | None) -> None:
        kind = "datasets" if place == "datasets/" else "models"
        folder = self.hub.folder(kind, name)
        path = folder / file
        if not folder.is_dir():
            self._json({"error": "Repository not found"}, 401, X_Error_Code="RepoNotFound")
        elif place == "cdn/":
            assert token is None, "the token was sent to another host"
            self._content(path, {})
        elif not self._allowed(name, token, file=True):
            pass
        elif not path.is_file():
            self._json(
                {"error": "Entry not found"}, 404, X_Error_Code="EntryNotFound", X_Repo_Commit=self.hub.sha(folder)
            )
        elif path.suffix in _LARGE and kind == "models":
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{self.hub.port}/cdn{urlsplit(self.path).path}")
            for key, value in self._marks(folder, path, "X-Linked-").items():
                self.send_header(key, value)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._content(path, self._marks(folder, path, ""))

    def _marks(self, folder: Path, path: Path, linked: str) -> dict[str, str]:
        marks = {"X-Repo-Commit": self.hub.sha(folder), f"{linked}ETag": f'"{_etag(path)}"'}
        return marks | ({"X-Linked-Size": str(path.stat().st_size)} if linked else {})

    def _content(self, path: Path, headers: dict[str, str]) -> None:
        size, start = path.stat().st_size, 0
        if asked := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or ""):
            start = int(asked[1])
            size = min(size, int(asked[2]) + 1) if asked[2] else size
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{path.stat().st_size}")
        else:
            self.send_response(200)
        for key, value in ({"Content-Length": str(size - start), "Accept-Ranges": "bytes"} | headers).items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        large = path.suffix in _LARGE
        end = start + self.hub.cuts.pop(0) if large and self.hub.cuts else size
        with path.open("rb") as file:
            file.seek(start)
            try:
                while start < min(end, size):
                    piece = file.read(min(_PIECE, min(end, size) - start))
                    self.wfile.write(piece)
                    start += len(piece)
                    if large and self.hub.rate:
                        time.sleep(len(piece) / self.hub.rate)
            except OSError:  # the other end has gone
                self.close_connection = True
        if end < size:
            self.close_connection = True
            self.connection.close()

    def _json(self, value: object, status: int = 200, **headers: str) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        for key, text in headers.items():
            self.send_header(key.replace("_", "-"), text)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _etag(path: Path) -> str:
    size = path.stat().st_size
    if path.suffix not in _LARGE or size > 1 << 30:
        return hashlib.sha1(f"{path} {size}".encode()).hexdigest()
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def hub_server(root: Path) -> Iterator[HubServer]:
    hub = HubServer(root)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def point_at(hub: HubServer, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Hub of this process, and of those that it starts, is this one; no token of this machine's is read."""
    variables = {
        "HF_ENDPOINT": hub.url,
        "HF_HUB_OFFLINE": "0",
        "HF_HOME": str(cache.parent),
        "HF_HUB_CACHE": str(cache),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    # What the library has taken from its environment when it was imported.
    template = f"{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    taken = {"ENDPOINT": hub.url, "HUGGINGFACE_CO_URL_TEMPLATE": template, "HF_HUB_OFFLINE": False}
    taken |= {"HF_HUB_CACHE": str(cache), "HF_TOKEN_PATH": str(cache.parent / "token")}
    for name, value in taken.items():
        monkeypatch.setattr(constants, name, value)
