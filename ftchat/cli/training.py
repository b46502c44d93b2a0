"""The verb `train`. Knows nothing of how training is done; it follows the run's history like any other viewer."""

from __future__ import annotations

import argparse
import json
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ftchat.cli.running import add_options, carry_out, look_at_base, read_config, resumable, takes_nothing_else
from ftchat.cli.runs import origin_of, replay_of
from ftchat.data import DatasetStore
from ftchat.errors import ConfigError, DataError
from ftchat.events import RunStatus
from ftchat.events.curves import judge
from ftchat.files import ftchat_home
from ftchat.records import Estimate
from ftchat.runs import Run, RunStore
from ftchat.settings import TRACKERS, versions
from ftchat.worker import Worker


def add_parsers(verbs: Any) -> None:
    parser = verbs.add_parser("train", help="train on files; progress on standard error")
    add_options(parser, "run", settings="as in SFTConfig, LoraConfig")
    parser.add_argument("--resume", metavar="RUN", help="in place of files: go on with an interrupted or paused run")
    parser.add_argument("--like", metavar="RUN", help="in place of files: do a run again, to the same adapter")
    parser.add_argument(
        "--tracker", metavar="T", help=f"also report to {', '.join(TRACKERS[1:])}; default: none of them"
    )
    parser.set_defaults(run=train, usual=vars(parser.parse_args([])))


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
        look_at_base(worker, config)
        if arguments.like is not None:
            return runs.create_like(earlier, name)
        with suppress(DataError):  # which the run itself will say
            print(_in_a_line(worker.estimate(config)), file=sys.stderr)
        return runs.create(config)

    def report(run: Run, state: str, status: RunStatus) -> None:
        _report(arguments, run, state, status)

    return carry_out(home, config, begin, _follow, report)


def _no_search(run: Run) -> Run:
    if run.config.search_minutes:
        raise ConfigError(f"{run.config.name} is a search, not a run: use python -m ftchat search --resume")
    return run


def _to_repeat(arguments: argparse.Namespace, home: Path, runs: RunStore) -> tuple[Run, str]:
    """The run that is named, and a name for the one that does it again."""
    takes_nothing_else(arguments, "--like does a run again as it was", "like", "name")
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
    takes_nothing_else(arguments, "--resume goes on with a run as it was begun", "resume")
    run = _no_search(runs.get(arguments.resume))
    return resumable(run)


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
    judged = judge(status.losses, status.eval_losses, ended=status.over, total=status.total_steps)
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
