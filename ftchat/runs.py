"""A run is a folder: its config, its history and its adapter. Knows nothing of models.

runs/<id>/config.json     what the user asked for
          resolved.json   every `auto` turned into a number
          events.jsonl    the history, appended to by the process that trains
          lock            held while it trains
          adapter/        what was learned
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ftchat import events
from ftchat.errors import ConfigError
from ftchat.events import Event, RunStatus
from ftchat.files import LOCAL_OWNER, owner_folder, write_atomic
from ftchat.records import ResolvedConfig, RunConfig, to_json

_LOOKING = threading.Lock()  # among the threads of this process


class Run:
    """One run's folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.id = folder.name
        self._folded: tuple[tuple[int, bool], RunStatus] | None = None

    @property
    def config(self) -> RunConfig:
        return RunConfig(**json.loads((self.folder / "config.json").read_text("utf-8")))

    @property
    def resolved(self) -> ResolvedConfig | None:
        """None until the run has started."""
        path = self.folder / "resolved.json"
        if not path.exists():
            return None
        fields = json.loads(path.read_text("utf-8"))
        return ResolvedConfig(**fields | {"target_modules": tuple(fields["target_modules"])})

    @property
    def adapter(self) -> Path:
        return self.folder / "adapter"

    def freeze(self, resolved: ResolvedConfig) -> None:
        """Writes the resolved config, before step 1."""
        write_atomic(self.folder / "resolved.json", json.dumps(to_json(resolved), indent=1))

    def append(self, event: Event) -> None:
        """Adds to the history. A line torn by an earlier cut is closed first, so that this one is whole."""
        path = self.folder / "events.jsonl"
        with path.open("ab+") as file:
            if file.tell():
                file.seek(-1, 2)
                if file.read(1) != b"\n":
                    file.write(b"\n")
            file.write(events.dumps(event).encode() + b"\n")

    def events(self) -> list[Event]:
        """The history; what was torn is left out."""
        path = self.folder / "events.jsonl"
        lines = path.read_text("utf-8", errors="replace").splitlines() if path.exists() else []
        return [event for line in lines if (event := events.loads(line))]

    def status(self) -> RunStatus:
        """The history folded. Cheap to ask again while nothing has changed."""
        path = self.folder / "events.jsonl"
        size = path.stat().st_size if path.exists() else 0
        known = self._folded
        if known and known[0][0] == size and known[1].closed:
            return known[1]
        key = (size, self.held())
        if known is None or known[0] != key:
            self._folded = known = (key, events.fold(self.events(), held=key[1]))
        return known[1]

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Holds the run for this process, until it dies at the latest."""
        try:
            with FileLock(self.folder / "lock", timeout=5):
                yield
        except Timeout:
            raise ConfigError(
                f"run {self.id} is being trained by another process; wait for it, or stop it", "run_held"
            ) from None

    def held(self) -> bool:
        """Whether some process holds the run. To look is to hold it for an instant, so one who finds it held looks
        again: it may have been another who looked."""
        try:
            with _LOOKING, FileLock(self.folder / "lock", timeout=0.03, poll_interval=0.005):
                return False
        except Timeout:
            return True


class RunStore:
    """The runs of one owner."""

    def __init__(self, home: Path, owner: str = LOCAL_OWNER):
        self.folder = owner_folder(home, owner) / "runs"
        self._runs: dict[str, Run] = {}

    def create(self, config: RunConfig) -> Run:
        """A new run. Its name must not be in use."""
        self.check_name(config.name)
        run_id = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
        write_atomic(self.folder / run_id / "config.json", json.dumps(to_json(config), ensure_ascii=False, indent=1))
        return self.get(run_id)

    def check_name(self, name: str) -> None:
        """ConfigError where `name` cannot name a new run."""
        if not name.strip() or name.startswith("-") or len(name) > 120:
            raise ConfigError(
                f"'{name[:40]}' cannot name a run: use a few letters, as in support-1", "bad_name", name=name[:40]
            )
        if any(name in (run.config.name, run.id) for run in self.list()):
            raise ConfigError(f"there is a run named '{name}' already; choose another name", "name_taken", name=name)

    def free_name(self, wanted: str) -> str:
        """`wanted`, or `wanted-2`, `wanted-3`, ... where it is in use."""
        used = {run.config.name for run in self.list()}
        candidates = [wanted] + [f"{wanted}-{n}" for n in range(2, len(used) + 3)]
        return next(name for name in candidates if name not in used)

    def list(self) -> list[Run]:
        """Newest first."""
        folders = sorted(self.folder.glob("*/config.json"), reverse=True) if self.folder.exists() else []
        return [self._runs.setdefault(path.parent.name, Run(path.parent)) for path in folders]

    def get(self, name: str) -> Run:
        """The run of that id or name."""
        if name in self._runs and (self.folder / name).exists():
            return self._runs[name]
        for run in self.list():
            if name in (run.id, run.config.name):
                return run
        known = ", ".join(run.config.name for run in self.list()[:5]) or "none yet"
        raise ConfigError(f"there is no run '{name}'; the newest are: {known}", "no_run", name=name)
