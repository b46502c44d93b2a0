"""A run is a folder: its config, its history and its adapter. Knows nothing of models.

runs/<id>/config.json     what the user asked for
          resolved.json   every `auto` turned into a number
          events.jsonl    the history, appended to by the process that trains
          lock            held while it trains or waits to
          checkpoints/    what it can go on from
          adapter/        what was learned
          start/          of a run that goes on from an earlier one: that one's adapter, copied
          notes.txt       what the user wrote about it

The first two are kept twice: nothing else says what they say. Whatever else lies in their places, a run is read as far
as it can be, says what is wrong with it, and takes no other with it.
"""

from __future__ import annotations

import dataclasses
import secrets
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ftchat import events
from ftchat.errors import ConfigError
from ftchat.events import Event, RunStatus
from ftchat.files import LOCAL_OWNER, copy_files, owner_folder, remove, why_unreadable, write_atomic
from ftchat.history import History
from ftchat.kept import CONFIG, RESOLVED
from ftchat.records import ResolvedConfig, RunConfig

_MOST_NOTES = 20_000  # characters
_NOTHING = events.fold([], held=False)
_LOOKING = threading.Lock()  # among the threads of this process


class Run:
    """One run's folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.id = folder.name
        self._history = History(folder / "events.jsonl")
        self._folded: tuple[tuple[int, bool], RunStatus] | None = None
        self._damaged = 0  # lines of the history, when it was folded
        self._config: tuple[int, RunConfig] | None = None

    @property
    def config(self) -> RunConfig:
        """Read again when another process has renamed the run; as it was when the folder has vanished."""
        written = CONFIG.written(self.folder)
        if self._config is None or (written and self._config[0] != written):
            config = CONFIG.read(self.folder)
            if config is None:
                raise ConfigError(
                    f"the settings of run {self.id} cannot be read any more, so it is passed over: bring back "
                    f"{CONFIG.path(self.folder)}, or delete its folder",
                    "run_lost",
                    run=self.id,
                    path=CONFIG.path(self.folder),
                )
            self._config = (written, config)
        return self._config[1]

    @property
    def resolved(self) -> ResolvedConfig | None:
        """None until the run has started."""
        return RESOLVED.read(self.folder)

    @property
    def adapter(self) -> Path:
        return self.folder / "adapter"

    @property
    def start(self) -> Path:
        return self.folder / "start"

    @property
    def notes(self) -> str:
        """What the user wrote about it."""
        with suppress(OSError):
            return (self.folder / "notes.txt").read_text("utf-8", errors="replace")
        return ""

    def note(self, text: str) -> None:
        with self.writing():
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
        with self.writing():
            RESOLVED.write(self.folder, resolved)

    def append(self, event: Event) -> None:
        self._history.append(event)

    def events(self) -> list[Event]:
        """The history; what was torn or damaged is left out."""
        return self._history.read()[0]

    def status(self) -> RunStatus:
        """The history folded. Cheap to ask again while nothing has changed."""
        size = self._history.size
        known = self._folded
        if known and known[0][0] == size and known[1].closed:
            return known[1]
        key = (size, self.held())
        if known is None or known[0] != key:
            found, self._damaged = self._history.read()
            self._folded = known = (key, events.fold(found, held=key[1]))
        return known[1]

    def damages(self) -> list[ConfigError]:
        """What is wrong with its files, in sentences. That a kill tore a line of the history is nothing wrong."""
        history, notes, setup = self._history.path, self.folder / "notes.txt", RESOLVED.path(self.folder)
        name, lost, lines = self.config.name, self.status() == _NOTHING, self._damaged
        found = [
            ConfigError(
                f"run {name}: {path} cannot be read ({why}); put it right or remove it",
                "run_unread",
                name=name,
                path=path,
                why=why,
            )
            for path in (history, notes)
            if (why := why_unreadable(path))
        ]
        if lost and lines:
            said = "holds nothing that can be read any more; resume the run from its last checkpoint, or delete it"
            found.append(ConfigError(f"run {name}: {history} {said}", "run_history_lost", name=name, path=history))
        elif lines:
            said = f"is damaged: lines that cannot be read are left out ({lines})"
            found.append(
                ConfigError(
                    f"run {name}: {history} {said}", "run_history_damaged", name=name, path=history, lines=lines
                )
            )
        if RESOLVED.written(self.folder) and self.resolved is None:
            said = "is damaged, so how the run was set up is not known any more; train again to be sure"
            found.append(ConfigError(f"run {name}: {setup} {said}", "run_settings_damaged", name=name, path=setup))
        return found

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Inside, what cannot be written is told in a sentence."""
        try:
            yield
        except OSError as error:
            said = f"run {self.id} cannot be written to ({error}); make its folder writable"
            raise ConfigError(said, "run_unwritable", run=self.id, error=error) from None

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Holds the run for this process, until it dies at the latest."""
        lock = FileLock(self.folder / "lock", timeout=5)
        with self.writing():
            try:
                lock.acquire()
            except Timeout:
                said = f"run {self.id} is being trained by another process; wait for it, or stop it"
                raise ConfigError(said, "run_held") from None
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
            CONFIG.write(folder, config)
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
            with run.writing():
                CONFIG.write(run.folder, dataclasses.replace(run.config, name=name))

    def delete(self, run: Run) -> None:
        """With all that it learned; never one that some process holds."""
        if run.held():
            raise ConfigError(f"run {run.config.name} is training or waits to; stop it first", "run_held")
        with run.hold():
            for path in CONFIG.copies(run.folder):  # without them it is no run any more, whatever cuts this short
                remove(path)
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
        return [*self._look()[0]]

    def damages(self) -> Sequence[ConfigError]:
        """What is wrong with the files of its runs, in sentences; also of those that are no runs any more."""
        runs, lost = self._look()
        return [*lost, *(damage for run in runs for damage in run.damages())]

    def _look(self) -> tuple[Sequence[Run], Sequence[ConfigError]]:
        """The runs, and what there is to say of those whose settings are lost."""
        found, lost = [], []
        for folder in sorted(CONFIG.folders(self.folder), reverse=True):
            run = self._runs.get(folder.name) or Run(folder)
            try:
                run.config  # noqa: B018
                found.append(self._runs.setdefault(run.id, run))
            except ConfigError as error:
                lost.append(error)
        return found, lost

    def ahead(self, run: Run) -> int:
        """How many runs the same process takes before this one, which waits."""
        own = run.status()
        others = [other.status() for other in self.list() if other.id != run.id]
        return sum(not s.over and s.worker == own.worker and s.queued_at < own.queued_at for s in others)

    def get(self, name: str) -> Run:
        """The run of that id or name."""
        if name in self._runs and CONFIG.written(self.folder / name):
            return self._runs[name]
        runs, lost = self._look()
        for run in runs:
            if name in (run.id, run.config.name):
                return run
        for error in lost:
            if error.values["run"] == name:
                raise error
        known = ", ".join(run.config.name for run in runs[:5]) or "none yet"
        raise ConfigError(f"there is no run '{name}'; the newest are: {known}", "no_run", name=name)


def _copy_adapter(source: Path, target: Path, name: str) -> str:
    try:
        return copy_files(source, target)
    except (OSError, shutil.Error) as error:
        raise ConfigError(
            f"the adapter of run {name}, which is gone on from, cannot be copied: {error}", "no_start", name=name
        ) from None
