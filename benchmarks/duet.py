"""What two answers cost over one: base and tuned decoded together, against every other way to have both.

    python benchmarks/duet.py [starter 120m ...] [--tokens 128] [--rounds 5] [--precision float32] [--device cpu]
        [--shared] [--json FILE]

All figures are ratios taken in one run, way after way in each round; medians. Tokens are forced: no reply ends early.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import ftchat.engine  # noqa: F401 - says how threads wait, as in the program, before torch is loaded

# isort: split
import torch
from bases import clock, for_each_base, interleaved, ratio, resident_with_adapters
from peft import PeftModel

from ftchat.engine.adapters import Voice
from ftchat.engine.decode import Decoder
from ftchat.engine.loading import load_base
from ftchat.engine.models import Resident
from ftchat.engine.reply import replies_to
from ftchat.records import ChatRequest, Message, Pane, Sampling

QUESTION = (Message("user", "Tell me a short story about a fox and a river, please, with a good end."),)
BASE, ONE = Voice(None), Voice("one")


def answer(resident: Resident, voices: list[Voice], tokens: int, history: tuple[Message, ...] = QUESTION) -> float:
    """Seconds until every row has its tokens; nothing is known of the conversation beforehand."""
    decoder = Decoder(resident)
    panes = tuple(Pane(voice.adapter, history) for voice in voices)
    began = clock()
    decoder.add(replies_to(ChatRequest("x", resident.name, panes, Sampling(0.0, tokens)), resident, voices))
    while not decoder.idle:
        with resident.chatting():
            for _ in decoder.advance():
                pass
    return clock() - began


class Peers:
    """The same base through transformers and PEFT: merged, and with adapters to choose from."""

    def __init__(self, base: str, resident: Resident, folder: Path):
        self.ids = torch.tensor([resident.template.prompt_ids(QUESTION)], device=resident.device)
        self.merged = PeftModel.from_pretrained(self._load(base, resident), str(folder / "one")).merge_and_unload()
        self.both = PeftModel.from_pretrained(self._load(base, resident), str(folder / "one"), adapter_name="one")
        self.both.load_adapter(str(folder / "two"), adapter_name="two")
        self.both.eval()

    @staticmethod
    def _load(base: str, resident: Resident) -> torch.nn.Module:
        """Of the same precision."""
        return load_base(base, resident.precision, resident.device).model

    def generate(self, model: torch.nn.Module, tokens: int, rows: int = 1, **options: Any) -> float:
        ids = self.ids.expand(rows, -1)
        began = clock()
        with torch.no_grad():
            model.generate(
                input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, min_new_tokens=tokens,
                max_new_tokens=tokens, pad_token_id=0, **options,
            )  # fmt: skip
        return clock() - began

    def alone(self, tokens: int, threads: int) -> float:
        """On so many threads: a small model answers sooner on one."""
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            return self.generate(self.merged, tokens)
        finally:
            torch.set_num_threads(before)

    def one_after_the_other(self, tokens: int) -> float:
        total = 0.0
        for name in ("one", "two"):
            self.both.set_adapter(name)
            total += self.generate(self.both, tokens)
        return total


def measure(base: str, folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    tokens, rounds = arguments.tokens, arguments.rounds
    resident = resident_with_adapters(base, arguments.precision, ["one", "two"], folder, device=arguments.device)
    resident.template.stop_ids = frozenset()
    peers = Peers(base, resident, folder)
    names = ["__base__", "one"]
    ways: dict[str, Callable[[], float]] = {
        "lone tuned row": lambda: answer(resident, [ONE], tokens),
        "both": lambda: answer(resident, [BASE, ONE], tokens),
        "merged generate()": lambda: peers.alone(tokens, torch.get_num_threads()),
        "merged generate(), one thread": lambda: peers.alone(tokens, 1),
        "two calls with set_adapter": lambda: peers.one_after_the_other(tokens),
        "generate(adapter_names=...)": lambda: peers.generate(peers.both, tokens, 2, adapter_names=names),
        "first token of one": lambda: answer(resident, [ONE], 1),
        "first token of both": lambda: answer(resident, [BASE, ONE], 1),
        "base and two runs": lambda: answer(resident, [BASE, ONE, Voice("two")], tokens),
    }
    seconds = interleaved(ways, rounds)
    lone = seconds["lone tuned row"]
    merged = min((seconds[f"merged generate(){how}"] for how in ("", ", one thread")), key=statistics.median)
    faster = min(lone, merged, key=statistics.median)
    rows = {count: lambda count=count: answer(resident, [BASE, ONE] * (count // 2) or [ONE], tokens // 2)
            for count in (1, 2, 4, 8, 16, 32)}  # fmt: skip
    by_rows = interleaved({str(count): way for count, way in rows.items()}, max(1, rounds // 2))
    return {
        "parameters": resident.info.parameters,
        "both over one": ratio(seconds["both"], faster),
        "first token of both over one": ratio(seconds["first token of both"], seconds["first token of one"]),
        "first token of one, ms": statistics.median(seconds["first token of one"]) * 1e3,
        "lone tuned row over generate(), speed": ratio(merged, lone),
        "lone tuned row, tokens/s": tokens / statistics.median(lone),
        "merged generate(), tokens/s": tokens / statistics.median(merged),
        "two calls with set_adapter over one": ratio(seconds["two calls with set_adapter"], faster),
        "generate(adapter_names) over one": ratio(seconds["generate(adapter_names=...)"], faster),
        "base and two runs over one": ratio(seconds["base and two runs"], faster),
        "tokens/s per row": {
            count: round(tokens // 2 / statistics.median(found), 1) for count, found in by_rows.items()
        },
        "seconds of a turn by tokens before it": growth(resident, rounds),
    }


def growth(resident: Resident, rounds: int) -> dict[int, float]:
    """A turn of both, 16 tokens long, as the conversation grows: flat, for only what is new is read."""
    found: dict[int, list[float]] = {}
    for number in range(max(2, rounds // 2)):
        decoder = Decoder(resident)
        history: tuple[Message, ...] = (Message("user", f"{number} Tell me of foxes."),)
        for _ in range(8):
            panes = (Pane(None, history), Pane("one", history))
            request = ChatRequest("x", resident.name, panes, Sampling(0.0, 16))
            began = clock()
            replies = replies_to(request, resident, [BASE, ONE])
            decoder.add(replies)
            while not decoder.idle:
                with resident.chatting():
                    for _event in decoder.advance():
                        pass
            size = len(resident.template.prompt_ids(history))
            found.setdefault(size // 100 * 100, []).append(clock() - began)
            words = " ".join(["the fox went on to the river and"] * 8)
            history = (*history, Message("assistant", words), Message("user", "And then?"))
    return {size: round(statistics.median(seconds), 4) for size, seconds in sorted(found.items())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=128)
    for_each_base(parser, "duet", measure)


if __name__ == "__main__":
    main()
