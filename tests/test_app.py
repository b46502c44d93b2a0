"""What app.py does with its arguments and its environment, in processes of its own."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from servers import Server, run_app, serving

from ftchat.ui import launch


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--host", "0.0.0.0"], "--auth"),
        (["--host", "::"], "--auth"),
        (["--host", "127.0.0.1.nip.example"], "--auth"),
        (["--auth", "nobody"], "colon"),
        (["--auth", ":secret"], "colon"),
        (["--port", "seven"], "--port"),
        (["--port", "70000"], "65535"),
        (["--no-such-thing"], "--no-such-thing"),
    ],
)
def test_a_wrong_argument_is_one_sentence(tmp_path: Path, arguments: list[str], word: str) -> None:
    ended = run_app(*arguments, home=tmp_path)
    assert ended.returncode == 2
    assert word in ended.stderr
    assert ended.stderr.count("\n") == 1 and ended.stdout == ""


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        ended = run_app("--port", str(other.getsockname()[1]), home=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1


def test_a_home_that_cannot_be_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = run_app(home=tmp_path / "file" / "home")
    assert ended.returncode == 2
    assert "file/home" in ended.stderr and ended.stderr.count("\n") == 1


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """As on a Space: listening to all, with a name of its own; and with a password."""
    home = tmp_path_factory.mktemp("app") / "home"
    with serving(home, "--auth", "me:secret", SPACE_ID="me/ftchat", SPACE_HOST="me-ftchat.hf.space") as running:
        yield running


def test_a_space_answers_to_its_name(shared: Server) -> None:
    assert shared.ask("/healthz", Host="me-ftchat.hf.space", Origin="https://me-ftchat.hf.space").status == 200
    assert shared.ask("/healthz", Host="evil.example").status == 400


def test_a_password_is_asked_for(shared: Server) -> None:
    assert shared.ask("/config").status == 401
    assert shared.post("/gradio_api/queue/join", '{"data": [], "session_hash": "x"}').status == 401
    wrong = shared.ask("/login", "POST", b"username=me&password=x", content_type="application/x-www-form-urlencoded")
    assert wrong.status == 400
    right = shared.ask(
        "/login", "POST", b"username=me&password=secret", content_type="application/x-www-form-urlencoded"
    )
    assert right.status == 200
    assert shared.ask("/config", Cookie=right.headers["set-cookie"].split(";")[0]).status == 200


def test_it_takes_the_next_free_port(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setattr(launch, "FIRST_PORT", other.getsockname()[1])
        assert launch.free_port("127.0.0.1", None) > launch.FIRST_PORT


def test_an_open_door_is_warned_of_and_it_ends_with_its_worker(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    with serving(tmp_path / "home", "--host", "0.0.0.0", "--open", GRADIO_TEMP_DIR=str(elsewhere)) as server:
        assert "warning: everybody who reaches 0.0.0.0" in server.log.read_text()
        assert server.ask("/healthz", Host="192.168.1.5").status == 200
        assert server.ask("/healthz", Host="evil.example").status == 400
        ours = psutil.Process(server.process.pid)
        until = time.monotonic() + 60
        while not (children := ours.children(recursive=True)) and time.monotonic() < until:
            time.sleep(0.1)
        assert children, "no worker was started"
        assert server.stop() == 0
        _, alive = psutil.wait_procs(children, timeout=20)
        assert not alive
        assert "Traceback" not in server.log.read_text()
    assert not elsewhere.exists()
