"""The verb `inspect`, and how every verb reads files. Knows nothing of training."""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from ftchat.cli.fetching import fetch, show
from ftchat.data import NEAR_LIMIT, Problem, Reading, Report, Source, from_hub, leaks, read
from ftchat.data.judges import judge_lengths, problems_of
from ftchat.errors import ConfigError, DataError
from ftchat.files import ftchat_home
from ftchat.settings import base_name
from ftchat.worker import open_worker

_SHOWN = 3  # examples of each kind in the plain report
_SEVERITIES = ("error", "warning", "info")


def add_parsers(verbs: Any) -> None:
    parser = verbs.add_parser("inspect", help="read files and report what is in them; trains nothing")
    add_files(parser)
    parser.add_argument("--base", metavar="MODEL", help="also count tokens of this base model")
    parser.add_argument(
        "--near-duplicates",
        action="store_true",
        help=f"look for near duplicates among more than {NEAR_LIMIT:,} examples too",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=inspect)


def add_files(parser: argparse.ArgumentParser, nargs: str = "+") -> None:
    parser.add_argument(
        "files",
        nargs=nargs,
        metavar="FILE",
        help="a file of pairs, - for standard input, or a dataset on the Hub: owner/name:split",
    )
    parser.add_argument(
        "--map", action="append", default=[], metavar="FIELD=COLUMN", help="which column is prompt, completion, ..."
    )
    parser.add_argument(
        "--header",
        choices=("yes", "no"),
        help="whether the first row of a table names its columns; found out otherwise",
    )
    parser.add_argument("--held-out", metavar="FILE", help="pairs to measure on, which are never trained on")


def read_files(arguments: argparse.Namespace, near_duplicates: bool = False) -> Reading:
    """Reads what the command line names."""
    try:
        sources = [_source(name) for name in arguments.files]
        return read(sources, parse_pairs("--map", arguments.map), None, near_duplicates, _header(arguments))
    except KeyboardInterrupt as stop:
        raise KeyboardInterrupt(str(stop) or "while reading; nothing was kept") from None


def read_held_out(arguments: argparse.Namespace, trained: Reading, near_duplicates: bool = False) -> Reading:
    """Reads the held-out file. Its report holds what cannot be used, and what is also trained on."""
    source = _source(arguments.held_out)
    if any(source.name == example.source for example in trained.examples):
        source = replace(source, name=f"{source.name} (held out)")
    reading = read([source], parse_pairs("--map", arguments.map), header=_header(arguments))
    if not reading.examples:
        raise DataError(f"{source.name}: there is no pair to hold out{_first_error(reading.report)}")
    near = near_duplicates or len(trained.examples) + len(reading.examples) <= NEAR_LIMIT
    found = problems_of(reading.examples, leaks(trained.examples, reading.examples, near))
    errors = [problem for problem in reading.report.problems if problem.severity == "error"]
    return replace(reading, report=replace(reading.report, problems=(*errors, *found)))


def _first_error(report: Report) -> str:
    return next((f": {problem.message}" for problem in report.problems if problem.severity == "error"), "")


def inspect(arguments: argparse.Namespace) -> int:
    reading = read_files(arguments, arguments.near_duplicates)
    problems = list(reading.report.problems)
    extra: dict[str, Any] = {}
    if arguments.held_out:
        held_out = read_held_out(arguments, reading, arguments.near_duplicates)
        problems += held_out.report.problems
        extra["held_out"] = {"rows": held_out.report.rows, "examples": held_out.report.examples}
    if arguments.base:
        worker = open_worker("inline", ftchat_home())
        try:
            fetch(worker, base_name(arguments.base))
            stats = worker.token_stats(base_name(arguments.base), reading.examples)
        finally:
            worker.close()
        names = ("total", "trained", "max", "p50", "p95", "over_limit")
        extra["tokens"] = {name: getattr(stats, name) for name in names}
        problems += problems_of(reading.examples, judge_lengths(reading.examples, stats))
    report = replace(reading.report, problems=tuple(problems))
    if arguments.json:
        sys.stdout.writelines(chain(report.to_json(**extra), "\n"))
    else:
        _print(report, extra)
    return 0


def _print(report: Report, extra: dict[str, Any]) -> None:
    print(f"{report.format}, {report.encoding}: {report.rows} rows, {report.examples} examples")
    if held_out := extra.get("held_out"):
        print(f"held out: {held_out['rows']} rows, {held_out['examples']} examples")
    if tokens := extra.get("tokens"):
        share = 100 * tokens["trained"] / max(1, tokens["total"])
        print(f"{tokens['total']} tokens, {share:.0f} % of them trained; longest {tokens['max']}, p95 {tokens['p95']}")
    kinds: dict[tuple[int, str], list[Problem]] = defaultdict(list)
    for problem in report.problems:
        kinds[_SEVERITIES.index(problem.severity), problem.kind].append(problem)
    for (severity, kind), problems in sorted(kinds.items()):
        rows = len({(problem.source, problem.row) for problem in problems if problem.row is not None})
        counted = f": {rows} row{'s' if rows != 1 else ''}" if rows else ""
        print(f"{_SEVERITIES[severity]} {kind}{counted}")
        for problem in problems[:_SHOWN]:
            print(f"  {problem.message}")
        if len(problems) > _SHOWN:
            print(f"  ... and {len(problems) - _SHOWN} more; --json lists them all")


def _header(arguments: argparse.Namespace) -> bool | None:
    return None if arguments.header is None else arguments.header == "yes"


def _source(name: str) -> Source:
    if name == "-":
        return Source("standard input", sys.stdin.buffer.read())
    source = None if Path(name).exists() else show(from_hub(name))
    return source or Source.from_path(Path(name))


def _pair(option: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise ConfigError(f"{option} {text}: write it as NAME=VALUE")
    return name, value


def parse_pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    """`--option NAME=VALUE` given several times."""
    return dict(_pair(option, text) for text in texts)
