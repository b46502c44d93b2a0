"""The verb `runs`: what has been trained here. Knows nothing of models."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

from ftchat.files import ftchat_home
from ftchat.runs import Run, RunStore


def add_parsers(verbs: Any) -> None:
    parser = verbs.add_parser("runs", help="list runs, newest first")
    parser.add_argument("--json", action="store_true", help="print one JSON list")
    parser.set_defaults(run=list_runs)


def list_runs(arguments: argparse.Namespace) -> int:
    found: list[dict[str, Any]] = []
    store = RunStore(ftchat_home())
    listed = store.list()
    for run in listed:
        status, config = run.status(), run.config
        found.append(
            {
                "run": run.id,
                "name": config.name,
                "status": status.state,
                "error": status.error,
                "base": config.base,
                "method": status.method or config.method,
                "dataset": config.dataset,
                "held_out": config.held_out,
                **replay_of(run),
                "steps": status.step,
                "resumable": status.resumable,
                "ahead": store.ahead(run) if status.state == "queued" else None,
                "search_minutes": config.search_minutes or None,
                "train_loss": None if config.search_minutes else status.train_loss,
                "seconds": round(status.seconds, 3),
                "created": status.queued_at,
                "early": status.early,
                "eval_loss": status.eval_losses[-1][1] if status.eval_losses else None,
                "notes": run.notes,
                "adapter": str(run.adapter) if status.usable else None,
            }
        )
    for damage in store.damages():
        print(f"ftchat: warning: {damage}", file=sys.stderr)
    if arguments.json:
        print(json.dumps(found, ensure_ascii=False))
        return 0
    for run, row in zip(listed, found, strict=True):
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(row["created"]))
        done = f"{'search':>12}" if row["search_minutes"] else f"{row['steps']:>6} steps"
        origin = f", from {origin_of(run)}" if row["from"] else ""
        print(f"{when}  {row['name']:<28} {row['status']:<12} {done}  {row['method']} on {row['base']}{origin}")
    if not found:
        print("no runs yet; train one: python -m ftchat train FILE")
    return 0


def replay_of(run: Run) -> dict[str, Any]:
    """Which run it went on from, the share of earlier data that was asked for, and how many examples that came to."""
    origin, resolved = run.config.origin, run.resolved
    return {
        "from": origin.run if origin else None,
        "replay": origin.replay if origin else None,
        "replayed": resolved.replayed if origin and resolved else None,
    }


def origin_of(run: Run) -> str:
    """The same for people, by the name that the earlier run had then."""
    origin, resolved = run.config.origin, run.resolved
    assert origin is not None
    if not origin.replay or resolved is None:
        return origin.config.name
    return f"{origin.config.name} with {resolved.replayed} of {resolved.examples} examples replayed"
