"""What is doubtful about examples among each other: copies, contradictions, how labels and scripts are shared out.

Each finding is the index of an example, or None for all of them together, and a remark. Knows nothing of files.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np

from ftchat.data.checks import check_text
from ftchat.data.near import Alike
from ftchat.data.report import Problem
from ftchat.data.rows import Remark, shown
from ftchat.data.turns import Unusable
from ftchat.records import Example, Message, TokenStats

Finding = tuple[int | None, Remark]

# The kinds that are judged from the examples alone; every other kind was found while reading.
OF_ONE = ("mojibake", "control_characters", "placeholder", "pii", "echo", "very_long")
COPIES = ("duplicate", "conflict")
AMONG = (*COPIES, "near_duplicate", "class_balance", "languages")

_SCRIPT_SAMPLE = 5000  # examples looked at for their script
_HEAD = 300  # characters looked at in each
_FEW = 8  # Chinese characters: so few may as well be Japanese
# The first word of a character's name in Unicode says its script; these say how it is drawn, or are used in any script.
_NO_SCRIPT = frozenset(
    "FULLWIDTH HALFWIDTH MATHEMATICAL MODIFIER MICRO FEMININE MASCULINE OHM KELVIN DOUBLE-STRUCK".split()
)
_LETTER = re.compile("[A-Za-z]")
_CALLED = {"CJK": "Chinese", "HIRAGANA": "Japanese", "KATAKANA": "Japanese", "HANGUL": "Korean"}


def judge(examples: Sequence[Example], alike: Alike | None) -> Iterator[Finding]:
    """Everything to say about examples among each other. `alike` are the near duplicates, None if not looked for."""
    yield from judge_copies(examples)
    yield from judge_rest(examples, alike)


def judge_rest(examples: Sequence[Example], alike: Alike | None) -> Iterator[Finding]:
    """What is to be said beside copies."""
    if alike is None:
        said = f"near duplicates were not looked for among {len(examples):,} examples; ask for it: --near-duplicates"
        yield None, Remark("near_duplicate", "info", said)
    else:
        yield from judge_alike(examples, alike)
    yield from _judge_labels(examples)
    yield from _judge_languages(examples)


def judge_each(examples: Iterable[tuple[int, Example]]) -> Iterator[Finding]:
    """What is doubtful in each example by itself."""
    for index, example in examples:
        try:
            for remark in check_text(example.messages):
                yield index, remark
        except Unusable as unusable:
            yield index, unusable.remark


def problems_of(examples: Sequence[Example] | Mapping[int, Example], findings: Iterable[Finding]) -> list[Problem]:
    """The findings with where they are; what is about all examples is said of the first one's source."""
    found = []
    for index, remark in findings:
        example = examples[index or 0]
        line, row = (None, None) if index is None else (example.line, example.row)
        found.append(Problem(example.source, line, row, remark))
    return found


def judge_copies(examples: Sequence[Example]) -> Iterator[tuple[int, Remark]]:
    """Duplicates, and prompts that have different answers."""
    # Numbers, not a table of objects: of a million examples most stand alone.
    hashes = (hash(tuple([message.content for message in example.messages[:-1]])) for example in examples)
    keys = np.fromiter(hashes, np.int64, len(examples))
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    begins = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    ends: Any = np.append(begins[1:], len(keys))
    several = ends - begins > 1
    groups = [order[begin:end].tolist() for begin, end in zip(begins[several], ends[several], strict=True)]
    yield from sorted(chain.from_iterable(judge_group(examples, group) for group in groups), key=itemgetter(0))


def judge_group(examples: Sequence[Example] | Mapping[int, Example], group: list[int]) -> Iterator[tuple[int, Remark]]:
    """Copies among examples that begin alike."""
    originals: dict[tuple[Message, ...], int] = {}
    answers: dict[tuple[Message, ...], dict[str, set[tuple[str, int]]]] = defaultdict(lambda: defaultdict(set))
    for index in group:
        example = examples[index]
        original = originals.setdefault(example.messages, index)
        if original != index:
            same = where(examples[original], example)
            yield index, Remark("duplicate", "warning", f"this is the same as {same}")
        answers[example.context][example.completion].add((example.source, example.row))
    told = {
        context: (sum(map(len, rivals.values())), Counter(chain.from_iterable(rivals.values())))
        for context, rivals in answers.items()
    }
    for index in group:
        example = examples[index]
        rivals = answers[example.context]
        every, by_row = told[example.context]
        # Another answer counts where another row gives it.
        others = every - len(rivals[example.completion]) - (by_row[example.source, example.row] - 1)
        if others:
            said = f"the same prompt has {len(rivals)} different answers: '{shown(example.prompt)}'"
            yield index, Remark("conflict", "warning", said)


def judge_alike(examples: Sequence[Example], alike: Alike) -> Iterator[Finding]:
    for index, (original, likeness) in alike.originals().items():
        same = where(examples[original], examples[index])
        said = f"this is nearly the same as {same} ({likeness:.0%} of it, and the same numbers)"
        yield index, Remark("near_duplicate", "warning", said)


def judge_lengths(examples: Sequence[Example], stats: TokenStats) -> Iterator[Finding]:
    """What the length limit of training takes away, by the tokens of a base model."""
    lost = set(stats.lost)
    for index, (_, length) in enumerate(zip(examples, stats.lengths, strict=True)):
        if index in lost:
            said = f"the prompt leaves no room for an answer: {length:,} tokens, and the limit is {stats.limit:,}"
            yield index, Remark("answer_lost", "warning", said)
        elif length > stats.limit:
            said = f"the answer is cut: {length:,} tokens, and the limit is {stats.limit:,}"
            yield index, Remark("too_long", "warning", said)
        elif length == 0:
            said = "this base model's chat template refuses the conversation, so it is not trained on"
            yield index, Remark("refused", "warning", said)


def where(original: Example, example: Example) -> str:
    """The place of the one, said to somebody who looks at the other."""
    place = f"line {original.line}" if original.line is not None else f"row {original.row}"
    return place if original.source == example.source else f"{original.source} {place}"


def labels_of(examples: Sequence[Example]) -> Mapping[str, int]:
    """Label -> how often, the most frequent first; empty where answers are no labels: few, short and repeated."""
    counted: Counter[str] = Counter()
    most = len(examples) // 4
    for example in examples:
        counted[example.completion] += 1
        if len(counted) > most or len(example.completion) > 100:
            return {}
    return dict(counted.most_common()) if len(counted) > 1 else {}


def _judge_labels(examples: Sequence[Example]) -> Iterator[Finding]:
    labels = labels_of(examples)
    if labels:
        shares = [f"'{shown(label, 30)}' {count / len(examples):.1%}" for label, count in labels.items()]
        said = f"the answers are {len(labels)} labels: {', '.join(shares[:8])}{', ...' if len(shares) > 8 else ''}"
        most, least = max(labels.values()), min(labels.values())
        if most >= 10 * least:
            said += (
                f"; the most frequent is {most // least} times as frequent as the rarest, which may never be learned"
            )
        yield None, Remark("class_balance", "warning" if most >= 10 * least else "info", said)


def _judge_languages(examples: Sequence[Example]) -> Iterator[Finding]:
    """Scripts rather than languages: cheap, and sure."""
    step = max(1, len(examples) // _SCRIPT_SAMPLE)
    counted = Counter(script for example in examples[::step] if (script := _script(example)))
    total = sum(counted.values())
    shares = [f"{script} {count / total:.0%}" for script, count in counted.most_common() if 100 * count >= total]
    if len(shares) > 1:
        about = "about " if step > 1 else ""
        yield None, Remark("languages", "info", f"more than one script, by example: {about}{', '.join(shares)}")


def _script(example: Example) -> str | None:
    """The one that most letters of the answer are in, or of the prompt where the answer has none. Where a few Chinese
    characters answer a Japanese prompt, they are Japanese."""
    found = _script_of(example.completion)
    if found is None or (found[0] == "Chinese" and found[1] < _FEW):
        asked = _script_of(example.prompt)
        found = asked if found is None or (asked and asked[0] == "Japanese") else found
    return found and found[0]


def _script_of(text: str) -> tuple[str, int] | None:
    """With the number of letters. A sign of most other scripts says more than a letter of Latin."""
    if text.isascii():
        return ("Latin", len(text)) if _LETTER.search(text) else None
    found = Counter(script for character in text[:_HEAD] if (script := _script_of_letter(character)))
    if found["Japanese"]:
        found["Japanese"] += found.pop("Chinese", 0)
    others = [(script, n) for script, n in found.most_common() if script != "Latin"]
    if others and 3 * others[0][1] > found.total():
        return others[0]
    return found.most_common(1)[0] if found else None


@lru_cache(maxsize=50_000)
def _script_of_letter(character: str) -> str | None:
    word = unicodedata.name(character, "").partition(" ")[0] if character.isalpha() else ""
    return _CALLED.get(word, word.title()) if word and word not in _NO_SCRIPT else None
