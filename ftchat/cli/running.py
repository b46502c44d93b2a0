"""What `train` and `search` share: their options, the config that is asked for, and a run that is carried out to its
end. Knows nothing of how training is done."""

from __future__ import annotations

import argparse
import dataclasses
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ftchat.cli.data import add_files, parse_pairs, read_files, read_held_out
from ftchat.cli.fetching import fetch
from ftchat.continuing import continued
from ftchat.data import DatasetStore, Reading
from ftchat.errors import ConfigError, DataError
from ftchat.events import RunStatus
from ftchat.records import STARTER, RunConfig
from ftchat.runs import Run, RunStore
from ftchat.settings import METHODS, PRESETS, base_name, check_choice, check_meant, parse_setting
from ftchat.worker import Worker, open_worker


def add_options(parser: argparse.ArgumentParser, what: str, settings: str) -> None:
    """`what` is made; `settings` says what --set does."""
    add_files(parser, nargs="*")
    parser.add_argument("--base", metavar="MODEL", help="a Hub id, a folder, or starter (default)")
    parser.add_argument("--method", metavar="M", default="auto", help=", ".join(METHODS))
    parser.add_argument("--preset", metavar="P", default="balanced", help=", ".join(PRESETS))
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help=settings)
    parser.add_argument("--name", metavar="N", help=f"a name for the {what}; that of the first file otherwise")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")


def read_config(arguments: argparse.Namespace, home: Path, runs: RunStore) -> RunConfig:
    """Keeps what the files hold; returns what is to be trained."""
    method = check_choice("method", arguments.method, METHODS)
    preset = check_choice("preset", arguments.preset, PRESETS)
    settings = {name: parse_setting(name, text) for name, text in parse_pairs("--set", arguments.set).items()}
    check_meant(method, settings)
    if arguments.tracker is not None:
        settings["report_to"] = parse_setting("report_to", arguments.tracker)
    config = _go_on(arguments, RunConfig("", "", "", method, preset, settings), home, runs)
    if not arguments.files:
        raise ConfigError("nothing to train on: name a file, or an earlier run with --resume")
    reading = read_files(arguments)
    if not reading.examples:
        first = next((problem.message for problem in reading.report.problems if problem.severity == "error"), "no rows")
        raise DataError(f"there is nothing to train on: {first}")
    store = DatasetStore(home)
    title = Path(arguments.files[0]).stem if arguments.files[0] != "-" else "pasted"
    held_out = None
    if arguments.held_out:
        held_out = _put_held_out(arguments, reading, store)
    dataset = store.put(reading, title)
    name = runs.free_name(title) if arguments.name is None else arguments.name
    runs.check_name(name)
    return dataclasses.replace(config, name=name, dataset=dataset.hash, held_out=held_out)


def _go_on(arguments: argparse.Namespace, config: RunConfig, home: Path, runs: RunStore) -> RunConfig:
    """The config with its base, and with the run that it starts from, if one is named."""
    base = base_name(arguments.base or STARTER)
    if arguments.origin is None:
        if arguments.replay is not None:
            raise ConfigError("--replay takes a share of an earlier run's data; name that run with --from")
        return dataclasses.replace(config, base=base)
    earlier = runs.get(arguments.origin)
    config = dataclasses.replace(config, base=base if arguments.base else earlier.config.base)
    return continued(config, earlier, "0" if arguments.replay is None else arguments.replay, DatasetStore(home))


def _put_held_out(arguments: argparse.Namespace, learned: Reading, store: DatasetStore) -> str:
    """Keeps the held-out file, and says first where it holds what is trained on."""
    reading = read_held_out(arguments, learned)
    found = [problem for problem in reading.report.problems if problem.kind == "leak"]
    if found:
        known = f"{len(found)} of {len(reading.examples)} held-out examples are also trained on"
        print(f"ftchat: warning: {known}, so they measure memory: {found[0].message}", file=sys.stderr)
    return store.put(reading, Path(arguments.held_out).stem, "held_out").hash


def look_at_base(worker: Worker, config: RunConfig) -> None:
    """One that cannot be used is refused here, and leaves no run behind; what there is to know of another is said."""
    for note in worker.describe(config.base, config.method).notes:
        print(f"ftchat: note: {note}", file=sys.stderr)


def carry_out(
    home: Path,
    config: RunConfig,
    begin: Callable[[Worker], Run],
    follow: Callable[[Run], RunStatus],
    report: Callable[[Run, str, RunStatus], None],
) -> int:
    """Has the run that `begin` gives trained to its end, which `follow` waits for, and reports. The exit status."""
    if sys.stderr.isatty():  # importing torch and reading the weights takes seconds
        print(f"loading {config.base} ...", file=sys.stderr)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    worker = open_worker("inline", home)
    started: Run | None = None
    try:
        fetch(worker, config.base, config.method)
        run = begin(worker)
        worker.start_run(run.id)
        started = run
        status = follow(run)
    except KeyboardInterrupt:
        if started:
            with suppress(KeyboardInterrupt):  # a second one does not wait for the step and its checkpoint
                worker.close()
            report(started, "interrupted", started.status())
        else:
            print(
                "ftchat: interrupted before the run began; the data and what came of the base are kept", file=sys.stderr
            )
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(130)  # the thread that trains may be in the middle of a step still
    worker.close()
    report(run, status.state, status)
    if status.bug:
        print(status.bug, file=sys.stderr)
        return 1
    if status.error:
        print(f"ftchat: {status.error}", file=sys.stderr)
        return 2
    return 0


def resumable(run: Run) -> Run:
    """`run`, if it can go on."""
    state = run.status().state
    if not run.status().resumable:
        raise ConfigError(f"run {run.config.name} is {state}: only an interrupted or paused run can be resumed")
    return run


def takes_nothing_else(arguments: argparse.Namespace, what: str, *free: str) -> None:
    """A run that is named keeps its files, its base and its settings, so none may be given."""
    given = [name for name, usual in arguments.usual.items() if getattr(arguments, name) != usual]
    given = [name for name in given if name not in ("json", *free)]
    if given:
        word = {"origin": "from"}.get(given[0], given[0]).replace("_", "-")
        raise ConfigError(f"{what}: leave out {'the ' if word == 'files' else '--'}{word}")
