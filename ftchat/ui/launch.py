"""Starts the page: its arguments, its environment, its worker, its server. Knows nothing of what is on the page.

Nothing here imports gradio before the environment is set: gradio and datasets read theirs when they are imported.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from ftchat import __version__
from ftchat.errors import ConfigError, FtchatError
from ftchat.files import ftchat_home
from ftchat.records import STARTER
from ftchat.runs import RunStore
from ftchat.settings import chat_share
from ftchat.ui.walls import FILES_LIMIT, LOOPBACK, Hosts, walls
from ftchat.worker import Worker, open_worker

FIRST_PORT, PORTS_TRIED = 7860, 100
RESUMES_UNASKED = 2  # of a run, without a new checkpoint between


@dataclass(frozen=True)
class Address:
    """Where the page is served, to whom, and under which names."""

    host: str
    port: int
    auth: tuple[str, str] | None
    hosts: Hosts
    shared: bool  # whether others than the one who started it are let in

    @property
    def url(self) -> str:
        shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)
        return f"http://{f'[{shown}]' if ':' in shown and shown[0] != '[' else shown}:{self.port}"


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}; see --help")


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0 after Ctrl-C or a stop signal, 2 where an argument is wrong."""
    # Until the page runs, and while it ends, a stop signal is what Ctrl-C is.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        try:
            options = parser().parse_args(arguments)
            if options.home:
                os.environ["FTCHAT_HOME"] = options.home
            if options.chat_share is not None:
                os.environ["FTCHAT_CHAT_SHARE"] = options.chat_share
            chat_share()
            address = where(options)
            serve(address, settle(ftchat_home()), options.allow_base, options.resume)
        except ConfigError as error:
            print(f"ftchat: {error}", file=sys.stderr)
            return 2
    return 0


def parser() -> argparse.ArgumentParser:
    parser = Parser("app.py", description="Fine-tune a small chat model and compare it with its base, in a browser.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, help=f"default: {FIRST_PORT}, or the next free one")
    parser.add_argument("--auth", metavar="USER:PASSWORD", help="ask for this name and password")
    parser.add_argument("--open", action="store_true", help="let everybody in who reaches --host, with no password")
    parser.add_argument("--allow-host", metavar="NAME", action="append", default=[], help="also answer to this name")
    parser.add_argument(
        "--allow-base",
        metavar="NAME",
        action="append",
        default=[],
        help="where others are let in, also take this base model; '*' takes any Hub id",
    )
    parser.add_argument(
        "--resume",
        action=argparse.BooleanOptionalAction,
        default=bool(os.environ.get("SPACE_ID")),
        help="at start, go on by itself with interrupted runs (default: on a Space only)",
    )
    parser.add_argument("--home", metavar="FOLDER", help="where datasets and runs live (default: $FTCHAT_HOME)")
    parser.add_argument(
        "--chat-share",
        metavar="SHARE",
        help="of the time while a run trains and somebody chats (default: $FTCHAT_CHAT_SHARE, or 0.5)",
    )
    parser.add_argument("--version", action="version", version=f"ftchat {__version__}")
    return parser


def where(options: argparse.Namespace) -> Address:
    """What the arguments come to. Listening beyond this machine must be asked for in so many words."""
    auth = None
    if options.auth is not None:
        user, _, password = options.auth.partition(":")
        if not user or not password:
            raise ConfigError("--auth takes a name and a password with a colon between them, as in --auth me:secret")
        auth = (user, password)
    extra = {name.lower() for name in options.allow_host}
    if os.environ.get("SPACE_ID"):
        names = {name.strip().lower() for name in os.environ.get("SPACE_HOST", "").split(",")} - {""}
        hosts = Hosts(LOOPBACK | names | extra, suffixes=(".hf.space",), addresses=True)
        return Address("0.0.0.0", free_port("0.0.0.0", options.port or FIRST_PORT), auth, hosts, True)
    host = {"localhost": "127.0.0.1"}.get(options.host, options.host.strip("[]"))
    if host in LOOPBACK:
        hosts = Hosts(LOOPBACK | extra)
    elif not (auth or options.open):
        raise ConfigError(
            f"--host {host} lets other machines in: add --auth USER:PASSWORD, or --open to let everybody in"
        )
    else:
        own = socket.gethostname().lower()
        hosts = Hosts(LOOPBACK | {host.lower(), own, f"{own}.local"} | extra, addresses=True)
    port = free_port(host, options.port)
    if host not in LOOPBACK and not auth:
        print(
            f"ftchat: warning: everybody who reaches {host} port {port} can read your datasets, train and chat;"
            " --auth USER:PASSWORD asks for a password",
            file=sys.stderr,
        )
    # A name or a password on this machine's own address stands for a proxy or a tunnel that lets others in.
    shared = host not in LOOPBACK or bool(auth or options.open or extra)
    return Address(host, port, auth, hosts, shared)


def free_port(host: str, wanted: int | None) -> int:
    """`wanted`, or the first free one from 7860 on."""
    if wanted is not None and not 1 <= wanted <= 65535:
        raise ConfigError(f"--port takes a number from 1 to 65535, not {wanted}")
    for port in [wanted] if wanted is not None else range(FIRST_PORT, FIRST_PORT + PORTS_TRIED):
        try:
            for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                with socket.socket(family, kind, protocol) as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(os.name == "posix"))
                    probe.bind(address)
            return port
        except OSError as error:
            problem = error.strerror
            if isinstance(error, socket.gaierror):
                break
    at = f"{host} port {wanted}" if wanted is not None else host
    raise ConfigError(f"cannot listen at {at}: {problem}; try another --port or --host")


def settle(home: Path) -> Path:
    """Makes the folder, and points the temporary folders of gradio and datasets into it."""
    try:
        (home / "tmp").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"cannot use {home} for datasets and runs: {error.strerror}; name another with --home"
        ) from None
    os.environ |= {
        "FTCHAT_HOME": str(home),
        "GRADIO_TEMP_DIR": str(home / "tmp" / "gradio"),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "HF_DATASETS_CACHE": str(home / "tmp" / "datasets"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    # Gradio asks its own server once whether it is up; a proxy of the user's must not be asked instead.
    for name in ("no_proxy", "NO_PROXY"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), *sorted(LOOPBACK - {"::1"})]))
    return home


def serve(address: Address, home: Path, allowed: Sequence[str], resume: bool) -> None:
    """Serves until Ctrl-C. On a shared page `allowed` are base models beyond those of the list. `resume`: whether runs
    that were interrupted go on by themselves."""
    from ftchat.ui.bases import ANY, EVERYTHING, Bases
    from ftchat.ui.page import build_page, launch_options

    if address.shared and ANY in allowed:  # strangers shall not read what this machine's token may
        os.environ["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = "1"
    worker = open_worker("process", home)
    try:
        page = build_page(home, worker, Bases.listed(allowed) if address.shared else EVERYTHING)
        look = launch_options()
        public = {fn.api_name for fn in page.fns.values() if fn.api_visibility == "public" and fn.api_name}
        page.queue(default_concurrency_limit=8, max_size=100, api_open=False)
        page.launch(
            **look
            | {
                "server_name": f"[{address.host}]" if ":" in address.host else address.host,
                "server_port": address.port,
                "auth": address.auth,
                "app_kwargs": {"middleware": walls(address.hosts, public, look.get("head", ""))},
                "blocked_paths": [str(home / "owners")],
                "max_file_size": f"{FILES_LIMIT}mb",
                "state_session_capacity": 1000,
                "enable_monitoring": False,
                "run_history": False,
                "mcp_server": False,
                "ssr_mode": False,
                "pwa": False,
                "share": False,
                "inline": False,
                "quiet": True,
                "prevent_thread_lock": True,
            }
        )
        print(f"ftchat is at {address.url} (Ctrl-C ends it)", flush=True)
        threading.Thread(target=resume_runs if resume else warm, args=(worker,), daemon=True).start()
        while True:
            time.sleep(1)  # a longer sleep would hold up Ctrl-C on Windows
    finally:
        worker.close()


def resume_runs(worker: Worker) -> None:
    """Goes on with the interrupted runs, first come first served. One that was tried as often as is allowed without
    getting as far as a new checkpoint, as where it takes the machine down with it, waits for its user."""
    found = [run for run in RunStore(worker.home, worker.owner).list() if run.status().state == "interrupted"]
    for run in sorted(found, key=lambda run: run.status().queued_at):
        if run.status().attempts < RESUMES_UNASKED:
            try:
                worker.start_run(run.id, automatic=True)
            except FtchatError as error:
                print(f"ftchat: {error}", file=sys.stderr)
    warm(worker)


def warm(worker: Worker) -> None:
    """Loads the embedded model, so that the first question does not wait for it."""
    try:
        worker.describe(STARTER)
    except FtchatError as error:
        print(f"ftchat: {error}", file=sys.stderr)
