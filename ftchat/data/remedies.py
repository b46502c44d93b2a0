"""What can be done about examples: a remedy for each kind of problem, an edit, a deletion, an added pair.

A change is a frozen value. Changes are replayed over the root version's examples, one after another, so that any one of
them can be taken back and the others stay; examples are known by their place. Knows nothing of disks.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

from ftchat.data.checks import CONTROL, check_text, find_mojibake
from ftchat.data.judges import OF_ONE, judge_copies
from ftchat.data.near import Alike, find_alike
from ftchat.data.personal import mask_personal
from ftchat.data.turns import Unusable
from ftchat.errors import ConfigError, DataError
from ftchat.records import Example, Message

Action = Literal["drop", "merge", "mask", "trim", "repair"]
Place = tuple[str, int, int]  # source, row, part
Conversation = tuple[Message, ...]

ADDED: Final = "added"  # the source of pairs that were added by hand

# What can be done about each kind, the recommended action first. Rows that could not be used are in no dataset: to drop
# them is to hear no more of them. `merge` keeps the answer that a prompt has most often.
REMEDIES: Final[Mapping[str, tuple[Action, ...]]] = {
    "not_a_pair": ("drop",),
    "empty_prompt": ("drop",),
    "empty_answer": ("drop",),
    "bad_json": ("drop",),
    "bad_csv": ("drop",),
    "short_row": ("drop",),
    "bad_encoding": ("drop",),
    "tool_calls": ("drop",),
    "images": ("drop",),
    "preference": ("drop",),
    "unanswered": ("drop",),
    "duplicate": ("drop",),
    "near_duplicate": ("drop",),
    "conflict": ("merge", "drop"),
    "echo": ("drop",),
    "placeholder": ("drop",),
    "pii": ("mask", "drop"),
    "control_characters": ("trim", "drop"),
    "mojibake": ("repair", "drop"),
    "very_long": ("drop",),
    "too_long": ("trim", "drop"),
    "answer_lost": ("drop",),
    "refused": ("drop",),
    "leak": ("drop",),
}
# To find these takes more than the examples (a base's tokens, another dataset), so their places are given. Those that
# the file had are named by the report: the store gives their places, and there are none where no such row is used.
FROM_REPORT = ("short_row", "unanswered", "tool_calls")
BY_PLACE = (*FROM_REPORT, "too_long", "answer_lost", "refused", "leak")
# What is only said of rows, or of parts of rows, that are left out: a warning of such a kind leaves nothing to be done.
UNUSED = ("not_a_pair", "empty_prompt", "empty_answer", "bad_json", "bad_csv", "bad_encoding", "images", "preference")


@dataclass(frozen=True, slots=True)
class Remedy:
    """An action against a kind of problem, wherever it is; `places` only for kinds that the data does not show. To trim
    what is too long, `kept` says for each place how many messages stay, and how many characters of the last of them."""

    kind: str
    action: Action
    places: tuple[Place, ...] = ()
    kept: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """Other messages for one example."""

    place: Place
    messages: Conversation


@dataclass(frozen=True, slots=True)
class Delete:
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Add:
    """An example at the end. `row` is its number among those that were added; the store gives it."""

    messages: Conversation
    row: int = 0


Change = Remedy | Edit | Delete | Add
_CHANGES: Final[Mapping[str, type[Any]]] = {cls.__name__.lower(): cls for cls in (Remedy, Edit, Delete, Add)}


@dataclass(frozen=True, slots=True)
class Means:
    """Whom changes ask for near duplicates, and who sees examples go by."""

    find: Callable[[Sequence[Example]], Alike] = find_alike
    watch: Callable[[Sequence[Example]], Iterable[Example]] = iter


def check_change(change: Change, find: Callable[[Place], int | None], changes: Sequence[Change]) -> Change:
    """The change as it is to be kept, after `changes` led to the examples that `find` knows the indices of. A sentence
    where it cannot be made."""
    match change:
        case Remedy(kind, action, places, kept):
            known = REMEDIES.get(kind, ())
            if action not in known:
                raise ConfigError(f"'{action}' is no remedy for '{kind}'; there is {' and '.join(known) or 'none'}")
            if bool(places) != (kind in BY_PLACE) and kind not in FROM_REPORT:
                raise ConfigError(f"a remedy for '{kind}' {'needs' if kind in BY_PLACE else 'takes no'} places")
            if len(kept) != (len(places) if (kind, action) == ("too_long", "trim") else 0):
                raise ConfigError("to trim what is too long needs to know what is kept of each place")
        case Edit(place, messages):
            if find(place) is None:
                raise DataError(f"there is no example at {place[0]} row {place[1]} any more; it cannot be changed")
            return Edit(place, _usable(messages))
        case Add(messages):
            row = 1 + max((other.row for other in changes if isinstance(other, Add)), default=0)
            return Add(_usable(messages), row)
    return change


def replay(examples: Sequence[Example], changes: Sequence[Change], means: Means | None = None) -> tuple[Example, ...]:
    """The examples after these changes, in order. A change of an example that is no longer there does nothing."""
    found = tuple(examples)
    for change in changes:
        found = tuple(_apply(found, change, means or Means()))
    return found


def change_to_json(change: Change) -> dict[str, Any]:
    return {"change": type(change).__name__.lower(), **asdict(change)}


def change_from_json(fields: Mapping[str, Any]) -> Change:
    values: dict[str, Any] = {name: value for name, value in fields.items() if name != "change"}
    if "place" in values:
        values["place"] = tuple(values["place"])
    if "places" in values:
        values["places"] = tuple(map(tuple, values["places"]))
    if "kept" in values:
        values["kept"] = tuple(map(tuple, values["kept"]))
    if "messages" in values:
        values["messages"] = tuple(Message(**message) for message in values["messages"])
    change: Change = _CHANGES[fields["change"]](**values)
    return change


def _usable(messages: Sequence[Message]) -> Conversation:
    """The messages, if they make an example."""
    if not messages or messages[-1].role != "assistant" or all(message.role != "user" for message in messages):
        raise DataError("a pair needs a prompt by the user, and an answer by the assistant at its end")
    for message in messages:
        if not message.content.strip():
            raise DataError(f"the {'answer' if message.role == 'assistant' else 'prompt'} is empty; write one")
    try:
        check_text(messages)
    except Unusable as unusable:
        raise DataError(f"this text cannot be used: {unusable}") from None
    return tuple(messages)


def _apply(examples: tuple[Example, ...], change: Change, means: Means) -> Iterator[Example] | Sequence[Example]:
    match change:
        case Add(messages, row):
            return (*examples, Example(messages, ADDED, row))
        case Delete(places):
            gone = frozenset(places)
            return (example for example in examples if example.place not in gone)
        case Edit(place, messages):
            return (replace(example, messages=messages) if example.place == place else example for example in examples)
        case Remedy(kind, "drop", places) if places:
            return _apply(examples, Delete(places), means)
        case Remedy(kind, "drop"):
            return _drop(examples, kind, means)
        case Remedy("too_long", "trim", places, kept):
            stays = dict(zip(places, kept, strict=True))
            return (_shortened(e, *stays[e.place]) if e.place in stays else e for e in examples)
        case Remedy(_, "merge"):
            return _merge(examples, means)
        case Remedy(kind, action):
            return _rewrite(examples, kind, _REWRITES[action], means)


def _drop(examples: Sequence[Example], kind: str, means: Means) -> Sequence[Example]:
    """Without those that have the problem; again, until none has: what is gone may have hidden another."""
    while found := _having(kind, examples, means):
        examples = [example for index, example in enumerate(examples) if index not in found]
    return examples


def _having(kind: str, examples: Sequence[Example], means: Means) -> set[int]:
    """The indices of the examples that have the problem; none for what was a problem of reading."""
    if kind in OF_ONE:
        return {
            i
            for i, e in enumerate(means.watch(examples))
            if any(remark.kind == kind for remark in check_text(e.messages))
        }
    if kind in ("duplicate", "conflict"):
        return {index for index, remark in judge_copies(examples) if remark.kind == kind and index is not None}
    if kind == "near_duplicate":
        return set(means.find(examples).originals())
    return set()


def _merge(examples: Sequence[Example], means: Means) -> Iterator[Example]:
    """Of prompts with different answers, only the examples with the most frequent one; the first of equals."""
    rivals: dict[Conversation, Counter[str]] = defaultdict(Counter)
    found = _having("conflict", examples, means)
    for index in sorted(found):
        rivals[examples[index].context][examples[index].completion] += 1
    kept = {context: answers.most_common(1)[0][0] for context, answers in rivals.items()}
    for index, example in enumerate(examples):
        if index not in found or example.completion == kept[example.context]:
            yield example


def _rewrite(
    examples: Sequence[Example], kind: str, rewrite: Callable[[Conversation], Conversation], means: Means
) -> list[Example]:
    found = _having(kind, examples, means)
    changed = list(examples)
    for index in found:
        messages = rewrite(examples[index].messages)
        if all(message.content.strip() for message in messages):  # nothing may be left: that is for drop
            changed[index] = replace(examples[index], messages=messages)
    return changed


def _shortened(example: Example, count: int, characters: int) -> Example:
    *before, last = example.messages[:count]
    shorter = replace(last, content=last.content[:characters])
    return replace(example, messages=(*before, shorter)) if shorter.content.strip() else example


def _trim(messages: Conversation) -> Conversation:
    return tuple(replace(message, content=CONTROL.sub("", message.content)) for message in messages)


def _repair(messages: Conversation) -> Conversation:
    """What can be read again in the right encoding; characters that were replaced by U+FFFD are lost for good."""
    import ftfy  # only here, and not worth its while at every start

    return tuple(
        replace(message, content=ftfy.fix_encoding(message.content)) if find_mojibake(message.content) else message
        for message in messages
    )


_REWRITES: Mapping[str, Callable[[Conversation], Conversation]] = {
    "mask": mask_personal,
    "trim": _trim,
    "repair": _repair,
}
