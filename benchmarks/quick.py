"""How well and how fast the main job is done: `train --preset quick` on a template, then every prompt asked of both.

    python benchmarks/quick.py [data_templates/support_en.jsonl ...] [--base MODEL] [--json FILE]

Prints, per file: seconds of training and of the whole command, optimizer steps, tokens per second, and of base and
tuned the share of the file's own answers that they give exactly, greedily, and the share of replies that stop by
themselves. Runs the real command line in a home of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def ftchat(home: str, *arguments: str) -> list[dict[str, Any]]:
    """The JSON values that a command prints."""
    environment = os.environ | {"FTCHAT_HOME": home, "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "ftchat", *arguments, "--json"]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def measure(file: Path, base: str) -> dict[str, Any]:
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    with tempfile.TemporaryDirectory() as home:
        began = time.monotonic()
        (run,) = ftchat(home, "train", str(file.resolve()), "--preset", "quick", "--base", base)
        command_seconds = time.monotonic() - began
        prompts = [part for row in rows for part in ("--prompt", row["prompt"])]
        replies = ftchat(home, "compare", run["run"], *prompts)
    exact = {
        side: sum(reply[side]["text"] == row["completion"] for reply, row in zip(replies, rows, strict=True))
        for side in ("base", "tuned")
    }
    stopped = {side: sum(reply[side]["stop"] == "eos" for reply in replies) for side in ("base", "tuned")}
    return {
        "file": file.name,
        "pairs": len(rows),
        "training_seconds": round(run["seconds"], 1),
        "command_seconds": round(command_seconds, 1),
        "steps": run["steps"],
        "tokens_per_second": round(run["tokens_per_second"]),
        "tuned_exact": exact["tuned"] / len(rows),
        "base_exact": exact["base"] / len(rows),
        "tuned_stopped": stopped["tuned"] / len(rows),
        "base_stopped": stopped["base"] / len(rows),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, default=[ROOT / "data_templates" / "support_en.jsonl"])
    parser.add_argument("--base", default="starter")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    found = []
    for file in arguments.files:
        found.append(measure(file, arguments.base))
        print("  ".join(f"{name} {value}" for name, value in found[-1].items()), flush=True)
    if arguments.json:
        machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
        arguments.json.write_text(json.dumps({"machine": machine, "base": arguments.base, "runs": found}, indent=1))


if __name__ == "__main__":
    main()
