"""The commands; see the package's docstring."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Reads the command line and runs one step."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    # Threads that spin while they wait cost ten times the work itself when the machine is shared.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    parser = argparse.ArgumentParser(prog="python -m scripts.starter", description=__doc__)
    parser.add_argument("command", choices=("tokenizer", "train", "export", "separate", "evaluate", "overlap", "show"))
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "starter")
    parser.add_argument("--target", type=Path, default=ROOT / "ftchat" / "starter")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--decay", type=int, default=800)
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--length", type=int, default=384)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=20260)
    parser.add_argument("--count", type=int, default=20)
    args = parser.parse_args()
    if args.command == "show":
        from itertools import islice

        from .mix import conversations

        for talk in islice(conversations(args.seed), args.count):
            print("\n".join(f"{role}: {text}" for role, text in talk.turns), end="\n\n")
        return
    import torch

    from .training import CHUNK

    torch.set_num_threads(args.threads)
    if args.command == "tokenizer":
        from .vocabulary import train_tokenizer

        print(len(train_tokenizer(args.work / "tokenizer")), "entries")
    elif args.command == "train":
        from .training import Plan, train

        train(Plan(args.work, args.steps, args.decay, args.rows, args.length, seed=args.seed))
    elif args.command == "export":
        from .exporting import export

        print(json.dumps(export(args.work, args.target)))
    elif args.command == "separate":
        from .separate import separate

        print(json.dumps(separate(args.target, args.seed)))
    elif args.command == "evaluate":
        from .figures import evaluate

        figures = evaluate(args.target)
        args.work.mkdir(parents=True, exist_ok=True)
        (args.work / "figures.json").write_text(json.dumps(figures, indent=1, ensure_ascii=False), encoding="utf-8")
        print(json.dumps(figures, indent=1, ensure_ascii=False))
    else:
        from .figures import overlap

        print(json.dumps(overlap(ROOT / "data_templates", args.seed, args.steps // CHUNK, args.count)))


if __name__ == "__main__":
    main()
