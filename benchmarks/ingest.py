"""How reading grows: `inspect` on generated files of more and more pairs, and what keeping and changing them takes.

    python benchmarks/ingest.py [ROWS ...] [--shapes jsonl csv ...] [--near-duplicates] [--store] [--json FILE]

Prints, per shape and number of rows: the median seconds of the whole command, its CPU seconds, its peak memory, how
many times as long it took as with a tenth of the rows; for `jsonl` also what the rival takes, a process that calls
`datasets.load_dataset("json")` with an empty cache and passes over it for exact duplicates, each round beside ours.
With --store also what DatasetStore takes to put, page, search, edit and remedy the pairs, in one more process.

Shapes: jsonl (prompt and completion), csv, messages, chinese, array (Chinese, one JSON array), and problems, where each
row has two of them.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
CHARACTERS = 300  # of a pair
SHAPES = ("jsonl", "csv", "messages", "chinese", "array", "problems")
COPIES = 50  # one row in so many repeats an earlier one

RIVAL = """
import sys, datasets
rows = datasets.load_dataset("json", data_files=sys.argv[1], cache_dir=sys.argv[2], split="train")
seen = set()
for batch in rows.iter(batch_size=1000):
    seen.update(map(hash, zip(batch["prompt"], batch["completion"])))
print(len(rows) - len(seen))
"""

STORE = """
import json, sys, time
from pathlib import Path
from ftchat.data import DatasetStore, Edit, Remedy, Source, read
from ftchat.records import Message
store = DatasetStore(Path(sys.argv[2]))
source = Source.from_path(sys.argv[1])
reading = read([source])
place = reading.examples[len(reading.examples) // 2].place
times = {}
def timed(name, work):
    began = time.monotonic()
    found = work()
    times[name] = round(time.monotonic() - began, 3)
    return found
key = timed("put", lambda: store.put(reading, "pairs", sources=[source]).hash)
del reading
timed("page", lambda: store.page(key, 50, 50))
timed("search", lambda: store.search(key, "river stone", 0, 50))
edit = Edit(place, (Message("user", "What is new?"), Message("assistant", "This is.")))
edited = timed("edit", lambda: store.change(key, edit).hash)
timed("edit_again", lambda: store.change(edited, edit).hash)
timed("remedy", lambda: store.change(key, Remedy("duplicate", "drop")).hash)
print(json.dumps(times))
"""


def texts(chinese: bool) -> Iterator[tuple[str, str]]:
    """Prompts and answers without end, always the same ones; together of about CHARACTERS characters."""
    chance = random.Random(7)
    if chinese:
        letters = [chr(code) for code in range(0x4E00, 0x4E00 + 2000)]
        words = ["".join(chance.choices(letters, k=chance.randint(2, 5))) for _ in range(20_000)]
        space, mean = "，", 4.5
    else:
        letters = list("etaoinshrdlucmfwypvbgk")
        words = ["".join(chance.choices(letters, k=chance.randint(2, 9))) for _ in range(20_000)]
        space, mean = " ", 6.5
    count = round(CHARACTERS / mean)
    recent = [("What stands here?", "A first answer.")]
    while True:
        if chance.randrange(COPIES) == 0:
            yield chance.choice(recent)
            continue
        drawn = chance.choices(words, k=count)
        pair = (space.join(drawn[: count // 2]) + "?", space.join(drawn[count // 2 :]) + ".")
        if len(recent) < 100:
            recent.append(pair)
        yield pair


def write(path: Path, shape: str, rows: int) -> None:
    pairs = zip(range(rows), texts(shape in ("chinese", "array")), strict=False)
    with path.open("w", encoding="utf-8", newline="") as file:
        if shape == "csv":
            table = csv.writer(file)
            table.writerow(("prompt", "completion"))
            table.writerows(pair for _, pair in pairs)
            return
        for number, (prompt, completion) in pairs:
            row: dict[str, Any] = {"prompt": prompt, "completion": completion}
            if shape == "messages":
                turns = (("system", "You are a helpful assistant."), ("user", prompt), ("assistant", completion))
                row = {"messages": [{"role": role, "content": content} for role, content in turns]}
            elif shape == "problems":
                row["completion"] = f"{completion} Write to user{number // 2}@example.org for {{{{name}}}}."
            before = "" if shape != "array" else ",\n" if number else "[\n"
            file.write(before + json.dumps(row, ensure_ascii=False) + ("" if shape == "array" else "\n"))
        file.write("\n]" if shape == "array" else "")


def child(command: list[str], home: str) -> tuple[dict[str, float], bytes]:
    """What a command took: seconds, CPU seconds, GB at its peak; and what it printed."""
    environment = os.environ | {"FTCHAT_HOME": home, "HF_HUB_OFFLINE": "1", "HF_HOME": home}
    with tempfile.TemporaryFile() as output:
        began = time.monotonic()
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        if status:
            raise SystemExit(f"{' '.join(command[:4])} ended with status {os.waitstatus_to_exitcode(status)}")
        output.seek(0, os.SEEK_END)
        output.seek(max(0, output.tell() - 2000))
        tail = output.read()
    figures = {"seconds": seconds, "cpu_seconds": usage.ru_utime + usage.ru_stime, "peak_gb": usage.ru_maxrss / 1e6}
    return {name: round(value, 3) for name, value in figures.items()}, tail


def medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(figures[name] for figures in rounds) for name in rounds[0]}


def measure(path: Path, arguments: argparse.Namespace, shape: str) -> dict[str, Any]:
    """Medians of ours and, where it can, the rival's, one after the other in each round."""
    ours: list[dict[str, float]] = []
    rivals: list[dict[str, float]] = []
    options = ["--near-duplicates"] if arguments.near_duplicates else []
    for _ in range(arguments.rounds):
        with tempfile.TemporaryDirectory(dir=path.parent) as home:
            ours.append(child([sys.executable, "-m", "ftchat", "inspect", str(path), "--json", *options], home)[0])
            if shape == "jsonl":
                rivals.append(child([sys.executable, "-c", RIVAL, str(path), home], home)[0])
    found: dict[str, Any] = medians(ours)
    if rivals:
        rival = medians(rivals)
        found["rival_seconds"], found["rival_peak_gb"] = rival["seconds"], rival["peak_gb"]
        found["times_rival"] = round(found["seconds"] / rival["seconds"], 2)
    if arguments.store:
        with tempfile.TemporaryDirectory(dir=path.parent) as home:
            figures, tail = child([sys.executable, "-c", STORE, str(path), home], home)
        found["store"] = json.loads(tail.splitlines()[-1]) | {"peak_gb": figures["peak_gb"]}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", type=int, default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--shapes", nargs="+", default=["jsonl"], choices=SHAPES)
    parser.add_argument("--near-duplicates", action="store_true", help="look for near duplicates at every size")
    parser.add_argument("--store", action="store_true", help="also measure what keeping and changing takes")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    found = []
    for shape in arguments.shapes:
        before: dict[int, float] = {}
        for rows in sorted(arguments.rows):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"pairs.{'csv' if shape == 'csv' else 'jsonl'}"
                write(path, shape, rows)
                figures = {"shape": shape, "rows": rows, "mb": round(path.stat().st_size / 1e6, 1)}
                figures |= measure(path, arguments, shape)
            before[rows] = figures["seconds"]
            if rows // 10 in before:
                figures["times_a_tenth"] = round(figures["seconds"] / before[rows // 10], 1)
            found.append(figures)
            print("  ".join(f"{name} {value}" for name, value in figures.items()), flush=True)
    if arguments.json:
        machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
        arguments.json.write_text(json.dumps({"machine": machine, "runs": found}, indent=1))


if __name__ == "__main__":
    main()
