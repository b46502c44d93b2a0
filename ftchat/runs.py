"""A run is a folder: its config, its history and its adapter. Knows nothing of models.

runs/<id>/config.json     what the user asked for
          resolved.json   every `auto` turned into a number
          events.jsonl    the history, appended to by the process that trains
          lock            held while it trains or waits to
          checkpoints/    what it can go on from
          adapter/        what was learned
          start/          of a run that goes on from an earlier one: that one's adapter, copied
          notes.txt       what the user wrote about it

The first two are kept twice: nothing else says what they say.
"""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout

from ftchat import events
from ftchat.errors import ConfigError
from ftchat.events import Event, RunStatus, StepLogged
from ftchat.files import LOCAL_OWNER, copy_files, owner_folder, write_atomic
from ftchat.records import ResolvedConfig, RunConfig, run_config, to_json

T = TypeVar("T")

_MOST_NOTES = 20_000  # characters
_LOOKING = threading.Lock()  # among the threads of this process


class Run:
    """One run's folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.id = folder.name
        self._folded: tuple[tuple[int, bool], RunStatus] | None = None
        self._config: tuple[int, RunConfig] | None = None

    @property
    def config(self) -> RunConfig:
        """Read again when another process has renamed the run; as it was when the folder has vanished."""
        path = _copies(self.folder, "config")[0]
        written = path.stat().st_mtime_ns if path.exists() else 0
        if self._config is None or (written and self._config[0] != written):
            self._config = (written, self._read_config())
        return self._config[1]

    def _read_config(self) -> RunConfig:
        config = _read_twice(self.folder, "config", run_config)
        if config is None:
            raise ConfigError(f"the settings of run {self.id} cannot be read any more: {self.folder / 'config.json'}")
        return config

    @property
    def resolved(self) -> ResolvedConfig | None:
        """None until the run has started."""
        return _read_twice(self.folder, "resolved", _resolved)

    @property
    def adapter(self) -> Path:
        return self.folder / "adapter"

    @property
    def start(self) -> Path:
        return self.folder / "start"

    @property
    def notes(self) -> str:
        """What the user wrote about it."""
        path = self.folder / "notes.txt"
        return path.read_text("utf-8", errors="replace") if path.exists() else ""

    def note(self, text: str) -> None:
        write_atomic(self.folder / "notes.txt", text[:_MOST_NOTES])

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def steps(self) -> tuple[int, ...]:
        """Those at which a checkpoint is kept, in order."""
        names = [path.parent.name[5:] for path in self.checkpoints.glob("step-*/manifest.json")]
        return tuple(sorted(int(name) for name in names if name.isdecimal()))

    def freeze(self, resolved: ResolvedConfig) -> None:
        """Writes the resolved config, before step 1."""
        _write_twice(self.folder, "resolved", to_json(resolved))

    def append(self, event: Event) -> None:
        """Adds to the history. A line torn by an earlier cut is closed first, so that this one is whole; one that does
        not fit on the disk is taken back. Only steps, which are many, are left to the system to write out."""
        path = self.folder / "events.jsonl"
        line = events.dumps(event).encode() + b"\n"
        with path.open("ab+", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            if size:
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    line = b"\n" + line
            try:
                if file.write(line) != len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
                if not isinstance(event, StepLogged):
                    os.fsync(file.fileno())
            except OSError:
                file.truncate(size)
                raise

    def events(self) -> list[Event]:
        """The history; what was torn is left out."""
        path = self.folder / "events.jsonl"
        lines = path.read_text("utf-8", errors="replace").split("\n") if path.exists() else []
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
        lock = FileLock(self.folder / "lock", timeout=5)
        try:
            lock.acquire()
        except Timeout:
            raise ConfigError(
                f"run {self.id} is being trained by another process; wait for it, or stop it", "run_held"
            ) from None
        except OSError as error:
            raise ConfigError(f"run {self.id} cannot be written to ({error}); make its folder writable") from None
        try:
            yield
        finally:
            lock.release()

    def held(self) -> bool:
        """Whether some process holds the run. To look is to hold it for an instant, so one who finds it held looks
        again: it may have been another who looked. Where it cannot be written to, nobody does."""
        try:
            with _LOOKING, FileLock(self.folder / "lock", timeout=0.03, poll_interval=0.005):
                return False
        except Timeout:
            return True
        except OSError:
            return False


class RunStore:
    """The runs of one owner."""

    def __init__(self, home: Path, owner: str = LOCAL_OWNER):
        self.folder = owner_folder(home, owner) / "runs"
        self._runs: dict[str, Run] = {}

    def create(self, config: RunConfig, like: Run | None = None) -> Run:
        """A new run. Its name must not be in use. The adapter that it goes on from is copied, so that the earlier run
        may go: from there, or from the run that it does again."""
        self.check_name(config.name)
        folder = self.folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
        try:
            if config.origin:
                source = like.start if like else self.get(config.origin.run).adapter
                copied = _copy_adapter(source, folder / "start", config.origin.config.name)
                config = dataclasses.replace(config, origin=dataclasses.replace(config.origin, adapter=copied))
            _write_twice(folder, "config", to_json(config))
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return self.get(folder.name)

    def create_like(self, run: Run, name: str) -> Run:
        """A new run that does a run again: on the same version of the data, with its resolved config, and ending where
        the user or the clock ended it, so that on the same machine it gives the same adapter."""
        resolved, status = run.resolved, run.status()
        if resolved is None:
            raise ConfigError(
                f"run {run.config.name} never began, so there is nothing to do again; train its data anew"
            )
        cut = status.state == "stopped" or status.early in ("time", "again")
        again = self.create(dataclasses.replace(run.config, name=name), like=run)
        again.freeze(dataclasses.replace(resolved, time_limit=0.0, last_step=status.step if cut else 0))
        return again

    def rename(self, run: Run, name: str) -> None:
        """Its id stays. The new name must not be in use."""
        if name != run.config.name:
            self.check_name(name)
            _write_twice(run.folder, "config", to_json(dataclasses.replace(run.config, name=name)))

    def delete(self, run: Run) -> None:
        """With all that it learned; never one that some process holds."""
        if run.held():
            raise ConfigError(f"run {run.config.name} is training or waits to; stop it first", "run_held")
        with run.hold():
            for path in _copies(run.folder, "config"):  # without them it is no run any more, whatever cuts this short
                path.unlink(missing_ok=True)
        self._runs.pop(run.id, None)
        shutil.rmtree(run.folder, ignore_errors=True)

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
        found = []
        for path in sorted(self.folder.glob("*/config.json"), reverse=True):
            run = self._runs.get(path.parent.name) or Run(path.parent)
            with suppress(ConfigError):  # one whose settings are lost is no run any more
                run.config  # noqa: B018
                found.append(self._runs.setdefault(run.id, run))
        return found

    def ahead(self, run: Run) -> int:
        """How many runs the same process takes before this one, which waits."""
        own = run.status()
        others = [other.status() for other in self.list() if other.id != run.id]
        return sum(not s.over and s.worker == own.worker and s.queued_at < own.queued_at for s in others)

    def get(self, name: str) -> Run:
        """The run of that id or name."""
        if name in self._runs and (self.folder / name / "config.json").exists():
            return self._runs[name]
        for run in self.list():
            if name in (run.id, run.config.name):
                return run
        known = ", ".join(run.config.name for run in self.list()[:5]) or "none yet"
        raise ConfigError(f"there is no run '{name}'; the newest are: {known}", "no_run", name=name)


def _copy_adapter(source: Path, target: Path, name: str) -> str:
    try:
        return copy_files(source, target)
    except (OSError, shutil.Error) as error:
        raise ConfigError(
            f"the adapter of run {name}, which is gone on from, cannot be copied: {error}", "no_start", name=name
        ) from None


def _write_twice(folder: Path, name: str, fields: dict[str, Any]) -> None:
    for path in _copies(folder, name):
        write_atomic(path, json.dumps(fields, ensure_ascii=False, indent=1))


def _read_twice(folder: Path, name: str, made: Callable[[dict[str, Any]], T]) -> T | None:
    """What is made of the first copy that is whole; None where neither is."""
    for path in _copies(folder, name):
        with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):  # not JSON, or of something else
            return made(json.loads(path.read_text("utf-8")))
    return None


def _resolved(fields: dict[str, Any]) -> ResolvedConfig:
    return ResolvedConfig(**fields | {"target_modules": tuple(fields["target_modules"])})


def _copies(folder: Path, name: str) -> tuple[Path, Path]:
    return folder / f"{name}.json", folder / f"{name}.copy.json"
