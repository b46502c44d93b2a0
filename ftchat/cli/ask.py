"""The verbs `compare` and `chat`: both models asked from the shell. Knows nothing of decoding."""

from __future__ import annotations

import argparse
import json
import sys
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ftchat.adapters import AdapterStore, BroughtAdapter
from ftchat.adapters import fetch as fetch_adapter
from ftchat.cli.fetching import fetch, show
from ftchat.data import DatasetStore
from ftchat.errors import ChatError, ConfigError, DataError
from ftchat.events import ReplyDone, ReplyFailed, ReplyToken
from ftchat.files import ftchat_home
from ftchat.hub import is_hub_id
from ftchat.records import ChatRequest, Message, Pane, Sampling, Sides
from ftchat.runs import Run, RunStore
from ftchat.worker import Worker, open_worker


class Tuned(NamedTuple):
    """Who answers beside the base; `run` where a run made it."""

    id: str
    base: str
    run: Run | None = None


def add_parsers(verbs: Any) -> None:
    compare_ = verbs.add_parser("compare", help="answers of base and tuned, decoded together")
    compare_.add_argument("name", metavar="RUN", help="a run's id or name, or an adapter's folder or Hub id")
    compare_.add_argument("--prompt", action="append", default=[], metavar="TEXT", help="may be given several times")
    compare_.add_argument("--held-out", action="store_true", help="ask the prompts that the run held out")
    compare_.add_argument("--json", action="store_true", help="print one JSON object per prompt")
    _add_sampling(compare_, temperature=0.0)
    compare_.set_defaults(run=compare)
    chat_ = verbs.add_parser("chat", help="a terminal chat with both")
    chat_.add_argument("name", metavar="RUN", help="a run's id or name, or an adapter's folder or Hub id")
    _add_sampling(chat_, temperature=0.7)
    chat_.set_defaults(run=chat)


def _add_sampling(parser: argparse.ArgumentParser, temperature: float) -> None:
    parser.add_argument("--max-new-tokens", type=int, default=256, metavar="N")
    parser.add_argument("--temperature", type=float, default=temperature, metavar="T", help="0 is greedy")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="shared by both answers")
    parser.add_argument("--system", metavar="TEXT", help="a system message for both")


def compare(arguments: argparse.Namespace) -> int:
    sampling = _sampling(arguments)
    home = ftchat_home()
    tuned = _tuned(home, arguments.name)
    learned, held_out, _ = _sides(home, tuned.run, needed=arguments.held_out)
    if arguments.held_out and not held_out:
        raise ConfigError(f"{arguments.name} held nothing out; train with --preset balanced on 20 pairs or more")
    prompts = [*arguments.prompt, *(example.prompt for example in held_out if arguments.held_out)]
    if not prompts:
        raise ConfigError("nothing to ask: give --prompt TEXT (as often as you like) or --held-out")
    references = {example.prompt: example.completion for example in reversed((*held_out, *learned))}
    worker = open_worker("inline", home)
    try:
        fetch(worker, tuned.base)
        for prompt in prompts:
            history = (*_system(arguments), Message("user", prompt))
            base, answer = ask(worker, tuned, (history, history), sampling)
            found = {
                "prompt": prompt,
                "reference": references.get(prompt),
                "base": _answer(base),
                "tuned": _answer(answer),
                "first_token_seconds": round(max(base.first_token_seconds, answer.first_token_seconds), 4),
                "seconds": round(max(base.seconds, answer.seconds), 4),
                "seed": sampling.seed,
            }
            if arguments.json:
                print(json.dumps(found, ensure_ascii=False), flush=True)
            else:
                print(f"? {prompt}\n  base:  {base.text}\n  tuned: {answer.text}\n", flush=True)
    finally:
        worker.close()
    return 0


def chat(arguments: argparse.Namespace) -> int:
    sampling = _sampling(arguments)
    home = ftchat_home()
    tuned = _tuned(home, arguments.name)
    worker = open_worker("inline", home)
    histories: list[tuple[Message, ...]] = [_system(arguments), _system(arguments)]
    print("Both models hear what you type. Ctrl-D ends.", file=sys.stderr)
    try:
        fetch(worker, tuned.base)
        while True:
            try:
                question = input("you:   " if sys.stdin.isatty() else "").strip()
            except EOFError:
                return 0
            if not question:
                continue
            asked = [(*history, Message("user", question)) for history in histories]
            print("base:  ", end="", flush=True)
            try:
                replies = ask(worker, tuned, asked, sampling, lambda text: print(text, end="", flush=True))
            except ChatError as error:
                print(f"\nftchat: {error}", file=sys.stderr)
                continue
            print(f"\ntuned: {replies[1].text}")
            histories = [(*h, Message("assistant", r.text)) for h, r in zip(asked, replies, strict=True)]
    finally:
        worker.close()


def ask(
    worker: Worker,
    tuned: Tuned,
    histories: Sequence[tuple[Message, ...]],
    sampling: Sampling,
    show_base: Callable[[str], None] = lambda text: None,
) -> list[ReplyDone]:
    """Both whole answers, base first; `show_base` is handed the base's text as it comes."""
    panes = (Pane(None, tuple(histories[0])), Pane(tuned.id, tuple(histories[1])))
    replies: dict[int, ReplyDone] = {}
    for event in worker.chat(ChatRequest(uuid.uuid4().hex, tuned.base, panes, sampling)):
        match event:
            case ReplyToken(pane=0):
                show_base(event.text)
            case ReplyDone():
                replies[event.pane] = event
            case ReplyFailed():
                raise ChatError(event.error)
    return [replies[0], replies[1]]


def _sampling(arguments: argparse.Namespace) -> Sampling:
    if not 0 <= arguments.temperature <= 5:
        raise ConfigError(f"--temperature must lie between 0 and 5, not {arguments.temperature:g}")
    if not 1 <= arguments.max_new_tokens <= 32_768:
        raise ConfigError(f"--max-new-tokens must lie between 1 and 32768, not {arguments.max_new_tokens}")
    if not 0 <= arguments.seed < 2**63:
        raise ConfigError(f"--seed must be a whole number from 0, not {arguments.seed}")
    return Sampling(arguments.temperature, arguments.max_new_tokens, arguments.seed)


def _system(arguments: argparse.Namespace) -> tuple[Message, ...]:
    return (Message("system", arguments.system),) if arguments.system else ()


def _tuned(home: Path, name: str) -> Tuned:
    """The run of that name, or the adapter of that folder, ZIP archive or Hub id, which is kept from then on."""
    brought = AdapterStore(home)
    path = Path(name).expanduser()
    if found := brought.find(name):
        return Tuned(found.id, found.base)
    if path.is_dir() or (path.suffix.lower() == ".zip" and path.is_file()):
        return _kept(brought.add([path], path.resolve().stem, lambda base: None))
    if is_hub_id(name) and "/" in name:
        with brought.coming() as folder:
            show(fetch_adapter(name, folder, private=True))
            return _kept(brought.add([folder], name.rpartition("/")[2], lambda base: None))
    run = RunStore(home).get(name)
    return Tuned(run.id, run.config.base, run)


def _kept(adapter: BroughtAdapter) -> Tuned:
    """Says by which id it can be named from now on, which asks nobody else for it."""
    passed = f"; passed over, and not opened: {adapter.passed}" if adapter.passed_over else ""
    print(f"adapter {adapter.name} is kept as {adapter.id}{passed}", file=sys.stderr)
    return Tuned(adapter.id, adapter.base)


def _sides(home: Path, run: Run | None, needed: bool) -> Sides:
    """What the run learned and what it held out; nothing where its dataset is gone, unless it is needed."""
    if run is None:
        return Sides((), ())
    try:
        return DatasetStore(home).split_for(run.config)
    except DataError:
        if not needed:
            return Sides((), ())
        sentence = f"the dataset of run {run.config.name} is gone, so its held-out prompts are not known"
        raise DataError(sentence) from None


def _answer(reply: ReplyDone) -> dict[str, Any]:
    return {"text": reply.text, "tokens": reply.tokens, "stop": reply.stop}
