"""The verb `search`: which learning rate and rank to train with. Knows nothing of how they are found."""

from __future__ import annotations

import argparse
import dataclasses
import json
import shlex
import sys
import time
from typing import Any

from ftchat.cli.running import add_options, carry_out, look_at_base, read_config, resumable, takes_nothing_else
from ftchat.data import DatasetStore
from ftchat.errors import ConfigError
from ftchat.events import Recommendation, RunStatus, Trial
from ftchat.events.search import ended
from ftchat.files import ftchat_home
from ftchat.records import ResolvedConfig
from ftchat.runs import Run, RunStore
from ftchat.settings import check_search, parse_minutes
from ftchat.worker import Worker

_GIVEN = ("base", "method", "preset", "header", "held_out")  # options that the command which trains has to repeat


def add_parsers(verbs: Any) -> None:
    parser = verbs.add_parser(
        "search", help="find a learning rate and a rank by short runs; progress on standard error"
    )
    add_options(parser, "search", settings="what is given stays as it is")
    parser.add_argument("--minutes", metavar="M", default="5", help="the budget, which is kept; default: 5")
    parser.add_argument("--resume", metavar="RUN", help="in place of files: go on with a search that was interrupted")
    parser.set_defaults(run=search, tracker=None, origin=None, replay=None, usual=vars(parser.parse_args([])))


def search(arguments: argparse.Namespace) -> int:
    home = ftchat_home()
    runs = RunStore(home)
    if arguments.resume is not None:
        run = _to_resume(arguments, runs)
        config = run.config
    else:
        minutes = parse_minutes(arguments.minutes)
        config = read_config(arguments, home, runs)
        config = dataclasses.replace(config, search_minutes=minutes)
        if arguments.name is None:
            config = dataclasses.replace(config, name=runs.free_name(f"{config.name}-search"))
        check_search(config, DatasetStore(home).info(config.dataset).count)

    def begin(worker: Worker) -> Run:
        if arguments.resume is not None:
            return run
        look_at_base(worker, config)
        return runs.create(config)

    def report(run: Run, state: str, status: RunStatus) -> None:
        _report(arguments, run, state, status)

    return carry_out(home, config, begin, _follow, report)


def _to_resume(arguments: argparse.Namespace, runs: RunStore) -> Run:
    takes_nothing_else(arguments, "--resume goes on with a search as it was begun", "resume")
    run = runs.get(arguments.resume)
    if not run.config.search_minutes:
        raise ConfigError(f"run {run.config.name} is no search: use python -m ftchat train --resume")
    return resumable(run)


def _follow(run: Run) -> RunStatus:
    """A line for every trial, as it ends."""
    seen = 0
    while True:
        status = run.status()
        done = ended(status.trials)
        for trial in done[seen:]:
            left = f", {status.seconds_left:.0f} s left" if status.seconds_left is not None else ""
            print(f"trial {trial.number}: {_in_a_line(trial)}{left}", file=sys.stderr)
        seen = len(done)
        if status.over:
            return status
        time.sleep(0.2)


def _in_a_line(trial: Trial) -> str:
    loss = "not measured" if trial.loss is None else f"{trial.loss:.4f}"
    state = "" if trial.state == "complete" else f", {trial.state}"
    return (
        f"{_choice(trial)}, seed {trial.seed}: held-out loss {loss}"
        f" after {trial.steps} steps and {trial.seconds:.0f} s{state}"
    )


def _choice(trial: Trial) -> str:
    return f"learning rate {trial.learning_rate:g}" + (f", r {trial.r}" if trial.r else "")


def _report(arguments: argparse.Namespace, run: Run, state: str, status: RunStatus) -> None:
    found, resolved = status.recommended, run.resolved
    if arguments.json:
        print(json.dumps(_as_json(run, state, status, found, resolved), ensure_ascii=False))
        return
    print(f"{run.config.name} {state} after {len(ended(status.trials))} trials and {status.busy_seconds:.0f} s")
    for trial in ended(status.trials):
        print(f"  {trial.number:>2}  {_in_a_line(trial)}")
    if found is not None and status.plan is not None:
        print(_said(found, len(status.plan.tokens)))
        if arguments.resume is None:
            print(f"train with it: {_command(arguments, found)}")
    elif resolved is not None:
        print("no trial came to an end that can be judged, so there is nothing to recommend")
    if status.resumable:
        print(f"go on with it: python -m ftchat search --resume {run.id}")


def _said(found: Recommendation, judges: int) -> str:
    """What is recommended, and how sure that is."""
    auto, best = found.auto, found.best
    if auto.loss is None:
        return f"recommended: {_choice(best)}: what auto chose ({_choice(auto)}) does not learn at all"
    held = f"held-out loss {auto.loss:.4f}"
    if best is auto:
        return f"recommended: {_choice(auto)}, as auto chose ({held}): no other trial did better"
    assert found.gain is not None and found.error is not None and best.loss is not None
    gain = f"ahead of auto by {found.gain:.4f} ± {found.error:.4f} on {judges} held-out examples"
    again = f", with another seed by {found.again[0]:.4f}" if found.again else ", not tried with another seed"
    if found.sure:
        return f"recommended: {_choice(best)} (held-out loss {best.loss:.4f}; auto's {auto.loss:.4f}): {gain}{again}"
    noise = f"the best trial, {_choice(best)}, is {gain}{again}, which may be noise"
    return f"recommended: {_choice(auto)}, as auto chose ({held}): {noise}"


def _command(arguments: argparse.Namespace, found: Recommendation) -> str:
    """What trains with what is recommended, on the same files."""
    words = ["python", "-m", "ftchat", "train", *arguments.files]
    usual = {"method": "auto", "preset": "balanced"}
    for name in _GIVEN:
        value = getattr(arguments, name)
        if value != usual.get(name):
            words += [f"--{name.replace('_', '-')}", value]
    for pair in arguments.map:
        words += ["--map", pair]
    for pair in arguments.set:
        if pair.partition("=")[0] not in ("learning_rate", "r"):
            words += ["--set", pair]
    choice = {"learning_rate": f"{found.choice.learning_rate:g}"} | ({"r": found.choice.r} if found.choice.r else {})
    for setting, number in choice.items():
        words += ["--set", f"{setting}={number}"]
    return shlex.join(words)


def _as_json(
    run: Run, state: str, status: RunStatus, found: Recommendation | None, resolved: ResolvedConfig | None
) -> dict[str, Any]:
    auto = {"learning_rate": resolved.learning_rate, "r": resolved.r, "loss": None} if resolved else None
    if found:
        auto = _choice_json(found.auto)
    return {
        "run": run.id,
        "name": run.config.name,
        "status": state,
        "error": status.error,
        "base": run.config.base,
        "method": resolved.method if resolved else run.config.method,
        "recommended": _choice_json(found.choice) if found else auto,
        "auto": auto,
        "best": _choice_json(found.best) if found else None,
        "gain": found.gain if found else None,
        "gain_error": found.error if found else None,
        "gain_again": list(found.again) if found else [],
        "sure": found.sure if found else False,
        "held_out_examples": len(status.plan.tokens) if status.plan else None,
        "trials": [_trial_json(trial) for trial in ended(status.trials)],
        "seconds": round(status.busy_seconds, 3),
    }


def _choice_json(trial: Trial) -> dict[str, Any]:
    return {"learning_rate": trial.learning_rate, "r": trial.r, "loss": trial.loss}


def _trial_json(trial: Trial) -> dict[str, Any]:
    names = ("number", "learning_rate", "r", "seed", "loss", "steps", "seconds", "state", "curve")
    return {name: getattr(trial, name) for name in names}
