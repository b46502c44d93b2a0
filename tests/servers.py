"""The real server for tests: app.py in a process of its own, on a free port, with a home that is thrown away."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str


@dataclass(frozen=True)
class Server:
    port: int
    home: Path
    process: subprocess.Popen[str]
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str, method: str = "GET", body: object = None, **headers: str) -> Answer:
        """One request, with headers written as `content_type=...`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)  # type: ignore[arg-type]
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        connection.close()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, text)

    def post(self, path: str, json_text: str, **headers: str) -> Answer:
        return self.ask(path, "POST", json_text.encode(), content_type="application/json", **headers)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run_app(*arguments: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """app.py to its end, for arguments that it should refuse."""
    command = [sys.executable, "app.py", "--home", str(home), *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False
    )


@contextmanager
def serving(home: Path, *arguments: str, **environment: str) -> Iterator[Server]:
    port, log = a_free_port(), home.parent / f"{home.name}.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "app.py", "--port", str(port), "--home", str(home), *arguments],
            cwd=ROOT,
            env=os.environ | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
    server = Server(port, home, process, log)
    try:
        until = time.monotonic() + 180
        while "ftchat is at" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, f"not up after 180 s: {log.read_text()}"
            time.sleep(0.1)
        yield server
    finally:
        try:
            server.stop()
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
