"""The walls between a network and the page: which names, origins and routes are answered, how much is read, and what
every answer says to the browser. Knows nothing of what the page shows or does.

They wrap the whole server as ASGI middleware. What they cannot tell apart is the page's own call of one of its private
functions from a stranger's: both are `POST /gradio_api/queue/join` with a number. Handlers check what they are given.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import ipaddress
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
API = "/gradio_api"
HEALTH = "/healthz"
BODY_LIMIT = 8 * 2**20
FILES_LIMIT = 256  # MB of files that are brought at once
UPLOAD_LIMIT = (FILES_LIMIT + 4) * 2**20

# Gradio has some sixty routes; these are the ones that the page and `gradio_client` use.
READ = {"/", "/config", "/theme.css", "/favicon.ico", "/manifest.json", "/robots.txt", "/pwa_icon", "/logout"}
READ |= {API + path for path in ("/info", "/queue/data", "/queue/status", "/upload_progress", "/startup-events")}
READ |= {API + path for path in ("/theme.css", "/login_check", "/user", "/app_id")}
READ_UNDER = ("/assets/", "/static/", "/svelte/", API + "/file=", API + "/heartbeat/", API + "/call/")
WRITE = {"/login"} | {API + path for path in ("/queue/join", "/run/predict", "/cancel", "/reset", "/upload")}
NAMED = re.compile(API + r"/(?:call|call/v2|run)/([^/]+)")

POLICY = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-eval'",  # Gradio makes functions of the page's own js with `new Function`
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "worker-src": "'self' blob:",
    "frame-src": "'none'",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'self' https://huggingface.co",  # a Space is shown in a frame there
}
FILE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
INLINE_SCRIPT = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class Hosts:
    """The names that this server answers to. A page elsewhere can point a name of its own at this machine, but
    neither one of these nor a bare address."""

    names: frozenset[str] = LOOPBACK
    suffixes: tuple[str, ...] = ()
    addresses: bool = False  # whether any IP address will do: those of a machine that listens on all are not known

    def admit(self, header: str) -> bool:
        name = host_name(header)
        return name in self.names or name.endswith(self.suffixes) or (self.addresses and is_address(name))

    def admit_origin(self, origin: str, header: str) -> bool:
        """A browser names the page that asks. It must be ours; another port of this machine is another program."""
        asking = urlsplit(origin).netloc.lower()
        return bool(asking) and (asking == header.lower() or host_name(asking) in self.names - LOOPBACK)


def host_name(header: str) -> str:
    """The name in a Host header, without port and brackets."""
    return re.sub(r":\d*$", "", header.strip().lower()).strip("[]").rstrip(".")


def is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def walls(hosts: Hosts, endpoints: Iterable[str], head: str = "") -> list[Middleware]:
    """For `launch(app_kwargs={"middleware": ...})`. `endpoints` are the public names; `head` is the HTML that the page
    adds to its head, whose scripts may run."""
    return [
        Middleware(Labels, scripts=tuple(hashes(head))),
        Middleware(Gate, hosts=hosts, endpoints=frozenset(endpoints)),
        Middleware(Scales),
    ]


class Gate:
    """Refuses unknown names, foreign pages and routes that nobody needs; answers /healthz itself."""

    def __init__(self, app: ASGIApp, hosts: Hosts, endpoints: Collection[str]):
        self.app, self.hosts, self.endpoints = app, hosts, endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close"})
        else:
            await (self._refusal(scope) or self.app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self.hosts.admit(host):
            sentence = "This server does not answer to that name. Open the address that it printed, or start it with"
            return PlainTextResponse(f"{sentence} --allow-host NAME.\n", 400)
        if origin is not None and not self.hosts.admit_origin(origin, host):
            return PlainTextResponse("Another site's page may not ask this server.\n", 403)
        if scope["path"] == HEALTH:
            return JSONResponse({"ok": True})
        return None if self._known(scope["method"], scope["path"]) else PlainTextResponse("Not found.\n", 404)

    def _known(self, method: str, path: str) -> bool:
        if method in ("GET", "HEAD"):
            return path in READ or path.startswith(READ_UNDER)
        if method == "POST":
            named = NAMED.fullmatch(path)
            return path in WRITE or (named is not None and named[1] in self.endpoints)
        return False


class TooLarge(Exception):
    pass


class Scales:
    """Reads no more of a request than its limit, whatever its headers say."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = UPLOAD_LIMIT if scope["path"] == API + "/upload" else BODY_LIMIT
        announced = Headers(scope=scope).get("content-length", "0")
        read, answering, full = 0, False, not announced.isdecimal() or int(announced) > limit

        async def counted() -> Message:
            nonlocal read, full
            message = await receive()
            read += len(message.get("body", b""))
            if read > limit:
                full = True
                raise TooLarge
            return message

        async def watched(message: Message) -> None:
            nonlocal answering
            if not full or answering:
                answering = True
                await send(message)

        if not full:
            with contextlib.suppress(TooLarge):
                await self.app(scope, counted, watched)
        if full and not answering:
            await refuse(limit, receive, send)


async def refuse(limit: int, receive: Receive, send: Send) -> None:
    """413 at once; then what still comes is thrown away, up to a point: most clients read only after they wrote."""
    sentence = f"That is more than the {limit // 2**20} MB that are read at this address.\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": sentence, "more_body": True})
    thrown, more = 0, True
    while more and thrown < 4 * UPLOAD_LIMIT:
        message = await receive()
        thrown += len(message.get("body", b""))
        more = message["type"] == "http.request" and message.get("more_body", False)
    await send({"type": "http.response.body", "body": b""})


class Labels:
    """Sets what each answer says to the browser. The page's own inline scripts are named by their hashes, so that
    markup that should not be there cannot bring another."""

    def __init__(self, app: ASGIApp, scripts: tuple[str, ...]):
        self.app, self.scripts = app, scripts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start: Message | None = None
        html = bytearray()

        async def labelled(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                headers.update(ALWAYS)
                is_file = scope["path"].startswith(API + "/file=")
                headers["Content-Security-Policy"] = FILE_POLICY if is_file else policy(())
                if headers.get("content-type", "").startswith("text/html") and not is_file:
                    start = message
                    return
            elif start is not None:
                html.extend(message.get("body", b""))
                if message.get("more_body", False):
                    return
                allowed = policy((*self.scripts, *hashes(html.decode("utf-8", "replace"))))
                MutableHeaders(raw=start["headers"])["Content-Security-Policy"] = allowed
                await send(start)
                message = {"type": "http.response.body", "body": bytes(html)}
            await send(message)

        await self.app(scope, receive, labelled)


def policy(scripts: Iterable[str]) -> str:
    named = {"script-src": " ".join((POLICY["script-src"], *dict.fromkeys(scripts)))}
    return "; ".join(f"{kind} {sources}" for kind, sources in (POLICY | named).items())


def hashes(html: str) -> list[str]:
    """The CSP names of the inline scripts in a page."""
    texts = (text.replace("\r\n", "\n") for text in INLINE_SCRIPT.findall(html))
    return [f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in texts]
