"""The verb `inspect`, and how every verb reads files. Knows nothing of training."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ftchat.data import Reading, Report, Source, from_hub, read
from ftchat.errors import ConfigError
from ftchat.files import ftchat_home
from ftchat.settings import base_name
from ftchat.worker import open_worker

_SHOWN = 20  # problems in the plain report


def add_parsers(verbs: Any) -> None:
    parser = verbs.add_parser("inspect", help="read files and report what is in them; trains nothing")
    add_files(parser)
    parser.add_argument("--base", metavar="MODEL", help="also count tokens of this base model")
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


def read_files(files: Sequence[str], mapping: Sequence[str]) -> Reading:
    """Reads what the command line names."""
    return read([_source(name) for name in files], dict(_pair("--map", text) for text in mapping))


def inspect(arguments: argparse.Namespace) -> int:
    reading = read_files(arguments.files, arguments.map)
    found: dict[str, Any] = reading.report.to_json()
    if arguments.base:
        worker = open_worker("inline", ftchat_home())
        try:
            stats = worker.token_stats(base_name(arguments.base), reading.examples)
        finally:
            worker.close()
        names = ("total", "trained", "max", "p50", "p95", "over_limit")
        found["tokens"] = {name: getattr(stats, name) for name in names}
    if arguments.json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        _print(reading.report, found.get("tokens"))
    return 0


def _print(report: Report, tokens: dict[str, int] | None) -> None:
    print(f"{report.format}, {report.encoding}: {report.rows} rows, {report.examples} examples")
    if tokens:
        share = 100 * tokens["trained"] / max(1, tokens["total"])
        print(f"{tokens['total']} tokens, {share:.0f} % of them trained; longest {tokens['max']}, p95 {tokens['p95']}")
    for kind, rows in report.counts.items():
        print(f"  {kind}: {rows}")
    for problem in report.problems[:_SHOWN]:
        print(f"{problem.severity}: {problem.message}")
    if len(report.problems) > _SHOWN:
        print(f"... and {len(report.problems) - _SHOWN} more; --json lists them all")


def _source(name: str) -> Source:
    if name == "-":
        return Source("standard input", sys.stdin.buffer.read())
    source = None if Path(name).exists() else from_hub(name)
    return source or Source.from_path(Path(name))


def _pair(option: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise ConfigError(f"{option} {text}: write it as NAME=VALUE")
    return name, value


def parse_pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    """`--option NAME=VALUE` given several times."""
    return dict(_pair(option, text) for text in texts)
