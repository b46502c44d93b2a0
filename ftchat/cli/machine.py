"""The verb `doctor`: what this machine is, what fits on it, what is missing."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any

from ftchat.files import ftchat_home
from ftchat.worker import open_worker


def add_parsers(verbs: Any) -> None:
    parser = verbs.add_parser("doctor", help="what this machine is, what fits on it, what is missing")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=doctor)


def doctor(arguments: argparse.Namespace) -> int:
    worker = open_worker("inline", ftchat_home())
    try:
        found = worker.machine()
    finally:
        worker.close()
    if arguments.json:
        print(json.dumps(found, ensure_ascii=False))
        return 0
    for name, value in found.items():
        if name.endswith("_bytes") and value is not None:
            name, value = name.removesuffix("_bytes"), f"{value / 1e9:.1f} GB"
        if name == "bases":
            value = _bases(value)
        elif isinstance(value, dict):
            value = ", ".join(f"{key} {part}" for key, part in value.items())
        elif isinstance(value, list):
            value = "; ".join(map(str, value)) or "nothing"
        print(f"{name.replace('_', ' '):<18} {value}")
    return 0


def _bases(fits: Mapping[str, str]) -> str:
    """Of the catalogue: what fits, what does with QLoRA, and what does not."""
    words = {"fits": "fit", "fits_qlora": "fit with --method qlora", "too_big": "too big"}
    groups = {word: [base for base in fits if fits[base] == fit] for fit, word in words.items()}
    return "; ".join(f"{word}: {', '.join(bases)}" for word, bases in groups.items() if bases)
