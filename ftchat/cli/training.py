"""The verb `train`. Knows nothing of how training is done; it follows the run's history like any other viewer."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ftchat.cli.data import add_files, parse_pairs, read_files, read_held_out
from ftchat.cli.fetching import fetch
from ftchat.cli.runs import origin_of, replay_of
from ftchat.continuing import continued
from ftchat.data import DatasetStore, Reading
from ftchat.errors import ConfigError, DataError
from ftchat.events import RunStatus
from ftchat.events.curves import judge
from ftchat.files import ftchat_home
from ftchat.records import STARTER, Estimate, RunConfig
from ftchat.runs import Run, RunStore
from ftchat.settings import METHODS, PRESETS, TRACKERS, base_name, check_choice, check_meant, parse_setting, versions
from ftchat.worker import Worker, open_worker


def add_parsers(verbs: Any) -> None:
    parser = verbs.add_parser("train", help="train on files; progress on standard error")
    add_files(parser, nargs="*")
    parser.add_argument("--base", metavar="MODEL", help="a Hub id, a folder, or starter (default)")
    parser.add_argument("--method", metavar="M", default="auto", help=", ".join(METHODS))
    parser.add_argument("--preset", metavar="P", default="balanced", help=", ".join(PRESETS))
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="as in SFTConfig, LoraConfig")
    parser.add_argument("--resume", metavar="RUN", help="in place of files: go on with an interrupted or paused run")
    parser.add_argument("--like", metavar="RUN", help="in place of files: do a run again, to the same adapter")
    add_origin(parser)
    parser.add_argument(
        "--tracker", metavar="T", help=f"also report to {', '.join(TRACKERS[1:])}; default: none of them"
    )
    parser.add_argument("--name", metavar="N", help="a name for the run; that of the first file otherwise")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.set_defaults(run=train)


def add_origin(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="origin", metavar="RUN", help="start from the adapter of an earlier run")
    parser.add_argument(
        "--replay",
        metavar="SHARE",
        help="with --from: share of the examples that is earlier data; 0 (default) to below 1",
    )


def train(arguments: argparse.Namespace) -> int:
    home = ftchat_home()
    runs = RunStore(home)
    if arguments.resume is not None:
        run = _to_resume(arguments, runs)
        config = run.config
    elif arguments.like is not None:
        earlier, name = _to_repeat(arguments, home, runs)
        config = earlier.config
    else:
        config = read_config(arguments, home, runs)

    def begin(worker: Worker) -> Run:
        if arguments.resume is not None:
            return run
        worker.describe(config.base, config.method)  # a base that cannot be used leaves no run behind
        if arguments.like is not None:
            return runs.create_like(earlier, name)
        with suppress(DataError):  # which the run itself will say
            print(_in_a_line(worker.estimate(config)), file=sys.stderr)
        return runs.create(config)

    def report(run: Run, state: str, status: RunStatus) -> None:
        _report(arguments, run, state, status)

    return carry_out(home, config, begin, _follow, report)


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


def _takes_nothing_else(arguments: argparse.Namespace, what: str, free: Sequence[str] = ()) -> None:
    """A run that is named keeps its files, its base and its settings, so none may be given."""
    fixed: dict[str, Any] = {"files": [], "base": None, "method": "auto", "preset": "balanced", "set": [], "map": []}
    fixed |= {
        "held_out": None,
        "header": None,
        "name": None,
        "resume": None,
        "like": None,
        "tracker": None,
        "origin": None,
        "replay": None,
    }
    given = [name for name, value in fixed.items() if name not in free and getattr(arguments, name) != value]
    if given:
        word = {"origin": "from"}.get(given[0], given[0]).replace("_", "-")
        raise ConfigError(f"{what}: leave out {'the ' if word == 'files' else '--'}{word}")


def _no_search(run: Run) -> Run:
    if run.config.search_minutes:
        raise ConfigError(f"{run.config.name} is a search, not a run: use python -m ftchat search --resume")
    return run


def _to_repeat(arguments: argparse.Namespace, home: Path, runs: RunStore) -> tuple[Run, str]:
    """The run that is named, and a name for the one that does it again."""
    _takes_nothing_else(arguments, "--like does a run again as it was", ("like", "name"))
    run = _no_search(runs.get(arguments.like))
    store, config, resolved = DatasetStore(home), run.config, run.resolved
    for dataset in config.datasets:
        try:
            store.info(dataset)
        except DataError:
            raise ConfigError(
                f"the data of run {config.name} ({dataset}) is not kept any more, so it cannot be done again; "
                "read its file, and train on that"
            ) from None
    then, now = (resolved.versions if resolved else {}), versions()
    other = [
        f"{name} {version}, here is {now[name]}" for name, version in then.items() if now.get(name, version) != version
    ]
    if other:
        print(f"ftchat: warning: it was made with {'; '.join(other)}: the adapter may differ", file=sys.stderr)
    name = runs.free_name(config.name) if arguments.name is None else arguments.name
    runs.check_name(name)
    return run, name


def _to_resume(arguments: argparse.Namespace, runs: RunStore) -> Run:
    _takes_nothing_else(arguments, "--resume goes on with a run as it was begun", ("resume",))
    run = _no_search(runs.get(arguments.resume))
    return resumable(run)


def resumable(run: Run) -> Run:
    """`run`, if it can go on."""
    state = run.status().state
    if not run.status().resumable:
        raise ConfigError(f"run {run.config.name} is {state}: only an interrupted or paused run can be resumed")
    return run


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
        raise ConfigError("nothing to train on: name a file, or a run with --resume or --like")
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


def _in_a_line(found: Estimate) -> str:
    """Before the run: what it will take, and what auto chose."""
    chosen = found.resolved
    memory = f"{found.total / 1e9:.2f} of {found.available / 1e9:.1f} GB"
    time_ = "time not known yet" if found.seconds is None else f"about {found.seconds:.0f} s"
    if found.ends_early:
        time_ = time_.replace("about", "at most")
    warning = {"fits": "", "fits_qlora": "; fits with --method qlora", "too_big": "; too big for this machine"}
    return (
        f"estimated: {memory}, {time_}: {chosen.method}, r {chosen.r}, {chosen.max_steps} steps"
        f" of {chosen.per_device_train_batch_size} x {chosen.gradient_accumulation_steps} rows"
        f" of up to {chosen.max_length} tokens{', packed' if chosen.packing else ''},"
        f" learning rate {chosen.learning_rate:g}{warning[found.fit]}"
    )


def _follow(run: Run) -> RunStatus:
    """Shows the run's progress until it is over."""
    with tqdm(desc=run.config.name, unit=" steps", file=sys.stderr, disable=None) as bar:
        while not (status := run.status()).over:
            bar.total = status.total_steps or None
            bar.update(status.step - bar.n)
            if status.losses:
                bar.set_postfix_str(f"loss {status.losses[-1][1]:.3f}, {status.tokens_per_second:.0f} tokens/s")
            time.sleep(0.2)
        bar.update(status.step - bar.n)
    return status


def _report(arguments: argparse.Namespace, run: Run, state: str, status: RunStatus) -> None:
    resolved = run.resolved
    judged = judge(status.losses, status.eval_losses, ended=status.over)
    found = {
        "run": run.id,
        "name": run.config.name,
        "status": state,
        "error": status.error,
        "method": resolved.method if resolved else run.config.method,
        "base": run.config.base,
        "dataset": run.config.dataset,
        "held_out": run.config.held_out,
        **replay_of(run),
        "steps": status.step,
        "early": status.early,
        "kept_step": status.kept or status.step,
        "curves": judged.meaning if judged else None,
        "train_loss": status.train_loss,
        "eval_loss": status.eval_losses[-1][1] if status.eval_losses else None,
        "seconds": round(status.seconds, 3),
        "tokens_per_second": round(status.tokens_per_second, 1),
        "adapter": str(run.adapter) if status.usable else None,
        "peak_memory_bytes": status.peak_memory,
        "checks": {check.name: check.ok for check in status.checks},
    }
    if arguments.json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        print(f"{run.config.name} {state} after {status.step} steps and {status.seconds:.0f} s; run {run.id}")
        if run.config.origin:
            print(f"  it went on from {origin_of(run)}")
        for check in status.checks:
            print(f"  {'ok ' if check.ok else 'NOT'} {check.name.replace('_', ' ')} {check.detail}")
        if state in ("interrupted", "paused"):
            print(f"go on with it: python -m ftchat train --resume {run.id}")
        if status.usable:
            print(f'ask both: python -m ftchat compare {run.config.name} --prompt "..."')
