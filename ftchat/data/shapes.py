"""Rows -> conversations to learn from: which columns hold what, and what a row of that kind says.

Knows nothing of files. The columns are looked at once per distinct set of them, not once per row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from ftchat.data.json_values import Broken, JsonReader
from ftchat.data.names import FIELD_NAMES, by_normal_name, is_turn, pick
from ftchat.data.rows import UNREAD, Number, Remark, as_text, shown
from ftchat.data.turns import Unusable, conversation, messages_of
from ftchat.records import Message

Conversation = tuple[Message, ...]

MAPPABLE: Final = ("prompt", "completion", "system", "input", "label")
_MAP_HINT = "say which columns to use: --map prompt=COLUMN --map completion=COLUMN"
_NEVER_TEXT = frozenset(
    (
        "id",
        "idx",
        "index",
        "uuid",
        "guid",
        "date",
        "time",
        "timestamp",
        "url",
        "link",
        "lang",
        "language",
        "split",
        "score",
    )
)
_MAX_NOTES = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """Which columns hold what, for the rows that have just these columns."""

    prompt: str | None = None
    input: str | None = None
    completion: str | None = None
    answers: str | None = None  # several answers to the one prompt
    system: str | None = None
    history: str | None = None
    messages: str | None = None
    images: str | None = None
    refusal: Remark | None = None

    @property
    def used(self) -> list[str]:
        named = (self.prompt, self.input, self.completion, self.answers, self.system, self.history, self.messages)
        return [column for column in named if column is not None]


class Shaper:
    """Shapes the rows of one source. `sample` are the first of them: a guess needs more than one row."""

    def __init__(self, mapping: Mapping[str, str], sample: Sequence[Any] = ()):
        self._mapping = mapping
        self._sample = [value for value in sample if isinstance(value, dict)]
        self._plans: dict[tuple[str, ...], Plan] = {}
        self.columns: dict[str, None] = {}
        self.notes: list[Remark] = []

    def shape(self, value: Any) -> tuple[list[Conversation], list[Remark]]:
        """The conversations in a row and what there is to say; one of the two is never empty."""
        try:
            if isinstance(value, dict):
                return self._from_columns(value)
            if value is UNREAD:
                return [], []
            return self._from_list(value)
        except Unusable as unusable:
            return [], [unusable.remark]
        except RecursionError:
            return [], [Remark("not_a_pair", "error", "this row is nested too deep")]

    def _from_list(self, value: Any) -> tuple[list[Conversation], list[Remark]]:
        if isinstance(value, list) and value and (is_turn(value[0]) or len(value) == 2):
            if all(isinstance(item, str) for item in value):
                return self._from_columns({"prompt": value[0], "completion": value[1]}, known=False)
            usable, remarks = conversation(messages_of(value))
            return [usable], remarks
        kind = "a list" if isinstance(value, list) else f"'{shown(as_text(value))}'" if value is not None else "null"
        raise Unusable("not_a_pair", f"{kind} is no pair of a prompt and an answer")

    def _from_columns(self, value: dict[str, Any], known: bool = True) -> tuple[list[Conversation], list[Remark]]:
        columns = tuple(value)
        plan = self._plans.get(columns)
        if plan is None:
            plan = self._plans[columns] = self._plan(value)
            if known:
                self.columns.update(dict.fromkeys(columns))
        if plan.images is not None and value[plan.images]:
            raise Unusable("images", f"'{shown(plan.images)}' holds images; only text can be trained on here")
        if plan.messages is not None and (turns := _turns(value[plan.messages])):
            return _whole(turns, _system(value, plan))
        if plan.refusal is not None:
            return [], [plan.refusal]
        return _pair(value, plan)

    def _plan(self, value: dict[str, Any]) -> Plan:
        if is_turn(value) and "content" in value:
            return Plan(refusal=Remark("not_a_pair", "error", "this is a single message and no pair"))
        columns = by_normal_name(value)
        if not self._mapping and pick("chosen", columns) and pick("rejected", columns):
            what = "this is a preference pair ('chosen' and 'rejected'), which this kind of training does not use"
            return Plan(refusal=Remark("preference", "error", what))
        plan = self._named(value, columns)
        note = None
        if plan.prompt is None or (plan.completion is None and plan.answers is None):
            guessed = self._guess(value, plan) if plan.messages is None else None
            if guessed is None:
                return replace(plan, refusal=_no_pair(value, plan))
            plan = guessed
            note = "the names of the columns do not say what they hold, so this is a guess: "
        self._explain(value, plan, columns, note)
        return plan

    def _named(self, value: dict[str, Any], columns: dict[str, str]) -> Plan:
        """The plan by mapping first and then by name."""
        mapped = {"completion" if f == "label" else f: c for f, c in self._mapping.items() if c in value}
        taken: set[str | None] = set(mapped.values())
        completion = mapped.get("completion") or pick("completion", columns, taken)
        answers = pick("answers", columns, taken | {completion}) if completion is None else None
        prompt = mapped.get("prompt") or pick("prompt", columns, taken | {completion, answers})
        taken |= {completion, answers, prompt}
        return Plan(
            prompt=prompt,
            completion=completion,
            answers=answers,
            input=mapped.get("input") or pick("input", columns, taken),
            system=mapped.get("system") or pick("system", columns, taken),
            history=pick("history", columns, taken),
            messages=None if self._mapping else pick("messages", columns, taken),
            images=pick("images", columns, taken),
        )

    def _guess(self, value: dict[str, Any], plan: Plan) -> Plan | None:
        """What is missing is the one column of text that is left over."""
        rows = [row for row in self._sample if row.keys() == value.keys()] or [value]
        free = [column for column in value if column not in plan.used and _holds_text(column, rows)]
        if plan.prompt is not None and len(free) == 1:
            return replace(plan, completion=free[0])
        if (plan.completion or plan.answers) and len(free) == 1:
            return replace(plan, prompt=free[0])
        if plan.prompt is None and plan.completion is None and plan.answers is None:
            if list(value) == ["1", "2"]:
                return replace(plan, prompt="1", completion="2")
            if len(free) == 2:
                return replace(plan, prompt=free[0], completion=free[1])
        return None

    def _explain(self, value: dict[str, Any], plan: Plan, columns: dict[str, str], note: str | None) -> None:
        """Says which columns are used where that is a guess, a choice, or leaves some out."""
        unused = [column for column in value if column not in plan.used and column != plan.images]
        rivals = [
            column
            for field, chosen in (("prompt", plan.prompt), ("completion", plan.completion))
            for name in FIELD_NAMES[field][:8]
            if (column := columns.get(name)) in unused and chosen is not None and column is not None
        ]
        if plan.messages is not None or len(self.notes) >= _MAX_NOTES or not (note or unused):
            return
        if rivals and not note:
            note = "more than one column could be meant, so this is a guess: "
        asked = " and ".join(f"'{shown(column)}'" for column in (plan.prompt, plan.input) if column)
        answer = shown(plan.completion or plan.answers or "")
        said = f"{note or ''}the prompt is read from {asked} and the answer from '{answer}'"
        if unused:
            said += "; not used: " + ", ".join(f"'{shown(column)}'" for column in unused[:10])
        self.notes.append(Remark("columns", "info", said))


def _no_pair(value: dict[str, Any], plan: Plan) -> Remark:
    names = ", ".join(f"'{shown(column)}'" for column in list(value)[:10]) or "none"
    if plan.messages is not None:
        said = f"the column '{shown(plan.messages)}' holds no list of messages"
    elif plan.prompt is None and plan.completion is None:
        said = f"no column is known to hold a prompt or an answer (columns: {names}); {_MAP_HINT}"
    elif plan.prompt is None:
        said = f"there is an answer but no prompt (columns: {names}); {_MAP_HINT}"
    else:
        said = f"there is a prompt but no answer (columns: {names}); {_MAP_HINT}"
    return Remark("not_a_pair", "error", said)


def _holds_text(column: str, rows: Sequence[dict[str, Any]]) -> bool:
    if column.lower() in _NEVER_TEXT:
        return False
    values = [row[column] for row in rows if row[column]]
    texts = sum(isinstance(v, str) and not isinstance(v, Number) and not _is_number_or_link(v) for v in values)
    return 2 * texts > len(values)


def _is_number_or_link(text: str) -> bool:
    return text.startswith(("http://", "https://")) or not text.strip("0123456789.,:-+/% \t")


def _turns(value: Any) -> list[Any] | None:
    """A list of turns, also where a table holds it as JSON."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = JsonReader().parse(value)
        except Broken:
            return None
    return value if isinstance(value, list) and value else None


def _system(value: dict[str, Any], plan: Plan) -> Conversation:
    text = as_text(value[plan.system]) if plan.system is not None else ""
    return (Message("system", text),) if text.strip() else ()


def _whole(turns: list[Any], system: Conversation) -> tuple[list[Conversation], list[Remark]]:
    messages = messages_of(turns)
    if system and any(message.role == "system" for message in messages):
        system = ()
    usable, remarks = conversation(system + messages)
    return [usable], remarks


def _pair(value: dict[str, Any], plan: Plan) -> tuple[list[Conversation], list[Remark]]:
    assert plan.prompt is not None
    asked = value[plan.prompt]
    if isinstance(asked, list) and asked and is_turn(asked[0]):
        answer = value[plan.completion or plan.answers or ""]
        closing = answer if isinstance(answer, list) else [{"role": "assistant", "content": answer}]
        return _whole(asked + closing, _system(value, plan))
    prompt = as_text(asked)
    if plan.input is not None and (extra := as_text(value[plan.input])).strip():
        prompt = f"{prompt}\n{extra}" if prompt.strip() else extra
    answers, remarks = _answers(value, plan)
    if not prompt.strip():
        remarks.append(Remark("empty_prompt", "error", f"the prompt ('{shown(plan.prompt)}') is empty"))
    if not prompt.strip() or not answers:
        return [], remarks
    before = _system(value, plan)
    if plan.history is not None and (turns := _turns(value[plan.history])):
        before, _ = conversation(before + messages_of(turns))
    before = (*before, Message("user", prompt))
    return [(*before, Message("assistant", answer)) for answer in answers], remarks


def _answers(value: dict[str, Any], plan: Plan) -> tuple[list[str], list[Remark]]:
    """The answers that are not empty, and remarks on those that are or that are no text."""
    column = plan.completion if plan.completion is not None else plan.answers
    assert column is not None
    raw = value[column]
    if isinstance(raw, list) and (plan.completion is None or len(raw) == 1):
        every = [as_text(item) for item in raw] or [""]
    else:
        every = [as_text(raw)]
    found = [text for text in every if text.strip()]
    if len(found) == len(every):
        if isinstance(raw, (dict, list)) and every == [as_text(raw)]:
            what = "a list" if isinstance(raw, list) else "an object"
            return found, [Remark("json_answer", "info", f"the answer ('{shown(column)}') is {what}, written as JSON")]
        return found, []
    if found:
        said = f"one of the answers ('{shown(column)}') is empty and left out"
        return found, [Remark("empty_answer", "warning", said)]
    return [], [Remark("empty_answer", "error", f"the answer ('{shown(column)}') is empty")]
