"""The walls, through the real server."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from servers import Server, serving

from ftchat.ui.walls import API, BODY_LIMIT, LOOPBACK, Hosts, hashes

MEGABYTE = b"a" * 2**20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("walls") / "home") as running:
        yield running


@pytest.mark.parametrize(
    ("header", "admitted"),
    [
        ("localhost", True),
        ("LOCALHOST:7860", True),
        ("127.0.0.1:7860", True),
        ("[::1]:7860", True),
        ("", False),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example:7860", False),
        ("evil.example:7860@localhost", False),
        ("192.168.1.5:7860", False),
        ("me-ftchat.hf.space", False),
    ],
)
def test_a_server_on_this_machine_answers_to_its_own_names_only(header: str, admitted: bool) -> None:
    assert Hosts().admit(header) is admitted


@pytest.mark.parametrize(
    ("header", "admitted"),
    [
        ("192.168.1.5:7860", True),
        ("[fe80::1]:7860", True),
        ("box.local", True),
        ("evil.example", False),
        ("1.2.3.4.evil.example", False),
    ],
)
def test_a_server_on_a_network_answers_to_any_bare_address_but_to_known_names_only(header: str, admitted: bool) -> None:
    assert Hosts(LOOPBACK | {"box.local"}, addresses=True).admit(header) is admitted


def test_a_page_on_another_port_of_this_machine_is_another_page() -> None:
    assert Hosts().admit_origin("http://127.0.0.1:7860", "127.0.0.1:7860")
    assert not Hosts().admit_origin("http://127.0.0.1:3000", "127.0.0.1:7860")
    assert not Hosts().admit_origin("null", "127.0.0.1:7860")
    assert Hosts(LOOPBACK | {"ft.example.org"}).admit_origin("https://ft.example.org", "127.0.0.1:7860")


def test_it_says_that_it_is_up(server: Server) -> None:
    answer = server.ask("/healthz")
    assert (answer.status, json.loads(answer.text)) == (200, {"ok": True})


def test_a_name_pointed_at_this_machine_gets_nothing(server: Server) -> None:
    for path in ("/", "/config", "/healthz", "/assets/x.js"):
        answer = server.ask(path, Host="evil.example")
        assert answer.status == 400
        assert "ftchat is" not in answer.text and "gradio" not in answer.text


def test_another_sites_page_gets_nothing(server: Server) -> None:
    assert server.ask("/config", Origin="http://evil.example").status == 403
    assert server.post(API + "/queue/join", "{}", Origin="null").status == 403
    assert server.ask("/config", Origin=server.url).status == 200


def test_a_huge_body_is_refused_when_it_is_announced(server: Server) -> None:
    answer = server.ask(API + "/queue/join", "POST", MEGABYTE * 80, content_type="application/json")
    assert answer.status == 413
    assert "8 MB" in answer.text


def test_a_huge_body_is_refused_when_it_is_not_announced(server: Server) -> None:
    chunks = (MEGABYTE for _ in range(80))
    answer = server.ask(API + "/queue/join", "POST", chunks, content_type="application/json")
    assert answer.status == 413
    assert server.ask("/healthz").status == 200


def test_a_file_may_be_larger_than_a_message(server: Server) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.jsonl"\r\n\r\n'
    body = head + MEGABYTE * (BODY_LIMIT // 2**20 + 2) + b"\r\n--x--\r\n"
    answer = server.ask(API + "/upload", "POST", body, content_type="multipart/form-data; boundary=x")
    assert answer.status == 200
    assert json.loads(answer.text)[0].startswith(str(server.home))


@pytest.mark.parametrize("path", ["/", "/config", "/theme.css", "/no/such/thing", "/healthz"])
def test_every_answer_carries_the_headers(server: Server, path: str) -> None:
    headers = server.ask(path).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == "'self' https://huggingface.co"
    assert policy["object-src"] == policy["frame-src"] == "'none'"
    assert policy["form-action"] == policy["base-uri"] == "'self'"
    assert policy["img-src"] == "'self' data: blob:"
    assert "'unsafe-inline'" not in policy["script-src"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "x-frame-options" not in headers  # a Space is shown in a frame


def test_the_page_names_each_of_its_scripts(server: Server) -> None:
    page = server.ask("/")
    found = hashes(page.text)
    assert len(found) >= 3
    assert all(script in page.headers["content-security-policy"] for script in found)


@pytest.mark.parametrize(
    "path",
    [
        "/monitoring",
        "/monitoring/summary",
        "/monitoring/x",
        API + "/runs",
        API + "/run-history/records",
        API + "/deep_link?session_hash=x",
        API + "/openapi.json",
        API + "/proxy=https://x.hf.space/",
        API + "/custom_component/x/y/z/w",
        API + "/vibe-code",
        API + "/dev/reload",
        API + "/stream/x/y/1/playlist.m3u8",
        "/docs",
        "/openapi.json",
    ],
)
def test_what_nobody_needs_is_not_there(server: Server, path: str) -> None:
    assert server.ask(path).status == 404


@pytest.mark.parametrize("path", ["/process_recording", "/component_server", "/vibe-edit", "/api/predict", "/stream/x"])
def test_what_nobody_needs_cannot_be_asked(server: Server, path: str) -> None:
    assert server.post(API + path, '{"data": []}').status == 404


def test_private_functions_do_not_answer_to_their_names(server: Server) -> None:
    functions = json.loads(server.ask("/config").text)["dependencies"]
    private = {fn["api_name"] for fn in functions if fn["api_visibility"] != "public" and fn["api_name"]}
    public = {fn["api_name"] for fn in functions if fn["api_visibility"] == "public" and fn["api_name"]}
    assert private
    for name in private - public - {"predict"}:
        for door in ("call", "call/v2", "run", "api"):
            assert server.post(f"{API}/{door}/{name}", '{"data": []}').status == 404, (door, name)


def test_no_queued_function_can_be_called_past_the_queue(server: Server) -> None:
    functions = json.loads(server.ask("/config").text)["dependencies"]
    queued = [fn["id"] for fn in functions if fn["queue"] is not False and fn["backend_fn"]]
    assert queued
    for number in queued:
        body = json.dumps({"data": [], "fn_index": number, "session_hash": "x"})
        assert server.post(API + "/run/predict", body).status == 404


def test_files_outside_are_not_served(server: Server) -> None:
    secret = server.home / "owners" / "local" / "secret.txt"
    secret.parent.mkdir(parents=True, exist_ok=True)
    secret.write_text("a secret")
    for path in (secret, "/etc/passwd", server.home / "tmp" / ".." / "owners" / "local" / "secret.txt"):
        answer = server.ask(f"{API}/file={path}")
        assert answer.status in (403, 404)
        assert "a secret" not in answer.text and "root:" not in answer.text
