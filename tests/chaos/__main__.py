"""Many trials, kept in a folder as they end, so that this can be cut off and go on: `make chaos`."""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
from collections import Counter
from pathlib import Path

from chaos.phases import PHASES, Nursery, new_run, outcome, trial


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--folder", type=Path, required=True, help="where trials and results are kept")
    parser.add_argument("--seed", type=int, help="of the moments; of the results that are there, else drawn")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    results = options.folder / "results.jsonl"
    done = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    seed = done[0]["seed"] if done else options.seed or random.randrange(10**6)
    print(f"seed {seed}, {len(done)} of {options.trials} trials done before, in {results}")
    nursery, scratch = Nursery(), options.folder / "homes"
    shutil.rmtree(scratch, ignore_errors=True)
    run = new_run(scratch / "whole", "whole")
    _, durations = nursery.train(run)
    expected = outcome(run)
    for number in range(len(done), options.trials):
        run = new_run(scratch / str(number), "killed")
        hit = trial(nursery, run, random.Random(f"{seed} {number}"), durations, PHASES[number % len(PHASES)])
        try:
            same, why = outcome(run) == expected, ""
        except AssertionError as error:
            same, why = False, str(error)
        done.append({"seed": seed, "trial": number, "same": same, "kills": [str(kill) for kill in hit], "why": why})
        with results.open("a") as file:
            file.write(json.dumps(done[-1]) + "\n")
        print(
            f"{number + 1:>4} {'same' if same else 'DIFFERENT'}  killed in {'; '.join(done[-1]['kills']) or '-'} {why}"
        )
        if same:
            shutil.rmtree(scratch / str(number))
    same = sum(result["same"] for result in done)
    hit = Counter(kill.rpartition(" after ")[0].rpartition(" ")[0] for result in done for kill in result["kills"])
    print(f"{same} of {len(done)} killed runs ended with the identical adapter and history ({sum(hit.values())} kills:")
    print("  " + ", ".join(f"{phase} {count}" for phase, count in hit.most_common()) + ")")
    return same != len(done)


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    raise SystemExit(main())
