"""Rows -> conversations to learn from, by the plan that says which columns hold what. Knows nothing of files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ftchat.data.names import is_turn, normal
from ftchat.data.plans import Plan, Planner
from ftchat.data.rows import UNREAD, Remark, as_text, shown
from ftchat.data.turns import Unusable, content_of, conversation, messages_of, turn_list
from ftchat.records import Message

Conversation = tuple[Message, ...]

MAPPABLE: Final = ("prompt", "completion", "system", "input", "label")
_IN_ORDER = ("questions", "prompts")  # lists under these go with a list of as many answers one by one


class Shaper:
    """Shapes the rows of one source. `sample` are the first of them: a guess needs more than one row."""

    def __init__(self, mapping: Mapping[str, str], sample: Sequence[Any] = ()):
        self._paths = [column for column in mapping.values() if "." in column]
        self._planner = Planner(mapping, [self._with_paths(value) for value in sample])
        self._plans: dict[tuple[str, ...], Plan] = {}
        self.columns: dict[str, None] = {}
        self.notes: list[Remark] = self._planner.notes

    def shape(self, value: Any) -> tuple[list[Conversation], list[Remark]]:
        """The conversations in a row and what there is to say; one of the two is never empty."""
        try:
            if isinstance(value, dict):
                return self._from_columns(self._with_paths(value) if self._paths else value)
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
                return self._from_columns({"prompt": value[0], "completion": value[1]}, None)
            return _whole(value)
        kind = "a list" if isinstance(value, list) else f"'{shown(as_text(value))}'" if value is not None else "null"
        raise Unusable("not_a_pair", f"{kind} is no pair of a prompt and an answer")

    def _from_columns(self, value: dict[str, Any], within: str | None = "") -> tuple[list[Conversation], list[Remark]]:
        """`within` stands before the names of the columns; None where they are not the user's."""
        columns = tuple(value)
        plan = self._plans.get(columns)
        if plan is None:
            plan = self._plans[columns] = self._planner.plan(value)
            if within is not None:
                self.columns.update(dict.fromkeys(within + column for column in columns))
        if plan.plain is not None:
            prompt, completion = value[plan.plain[0]], value[plan.plain[1]]
            if type(prompt) is str and type(completion) is str and prompt.strip() and completion.strip():
                return [(Message("user", prompt), Message("assistant", completion))], []
        if plan.inside is not None:
            inner = value[plan.inside]
            if not isinstance(inner, dict):
                raise Unusable("not_a_pair", f"'{shown(plan.inside)}' holds no object, as it does elsewhere")
            if plan.prompt is None:
                return self._from_columns(inner, f"{within}{plan.inside}." if within is not None else None)
            self.columns.update(dict.fromkeys(f"{plan.inside}.{column}" for column in inner))
            value = dict.fromkeys(plan.used) | inner
        if plan.within is not None:
            return self._from_each(value, plan.within)
        if plan.numbered:
            said = [{"role": role, "content": value[column]} for column, role in plan.numbered if value[column]]
            return _whole(said, _system(value, plan))
        if plan.images is not None and value[plan.images]:
            raise Unusable("images", f"'{shown(plan.images)}' is no text; only text can be trained on here")
        if plan.verdict is not None and value[plan.verdict] is False:
            raise Unusable("preference", f"the answer is marked as a bad one ('{shown(plan.verdict)}' is false)")
        if plan.messages is not None and (turns := turn_list(value[plan.messages])):
            return _whole(turns, _system(value, plan))
        if plan.refusal is not None:
            return [], [plan.refusal]
        return _pair(value, plan)

    def _from_each(self, value: dict[str, Any], column: str) -> tuple[list[Conversation], list[Remark]]:
        """The pairs of a list inside a row. What is wrong with one of them is a warning where others can be used."""
        found: list[Conversation] = []
        remarks: list[Remark] = []
        outer = {name: cell for name, cell in value.items() if name != column}
        items = value[column] if isinstance(value[column], list) else []
        for item in items:
            try:
                if not isinstance(item, dict):
                    raise Unusable("not_a_pair", f"'{shown(as_text(item))}' inside '{shown(column)}' is no pair")
                conversations, more = self._from_columns(outer | item, None)
            except Unusable as unusable:
                conversations, more = [], [unusable.remark]
            found += conversations
            remarks += more
        if not items:
            raise Unusable("not_a_pair", f"there are no pairs inside '{shown(column)}'")
        if found:
            remarks = [
                remark._replace(severity="warning" if remark.severity == "error" else remark.severity)
                for remark in remarks
            ]
        return found, list(dict.fromkeys(remarks))

    def _with_paths(self, value: Any) -> Any:
        """`data.question` as a column of its own, where the user asks for it."""
        for path in self._paths:
            inner: Any = value
            for name in path.split("."):
                inner = inner.get(name) if isinstance(inner, dict) else None
            if inner is not None and path not in value:
                value = {**value, path: inner}
        return value


def _system(value: dict[str, Any], plan: Plan) -> Conversation:
    text = content_of(value[plan.system]) if plan.system is not None else ""
    return (Message("system", text),) if text.strip() else ()


def _whole(turns: list[Any], system: Conversation = ()) -> tuple[list[Conversation], list[Remark]]:
    messages, remarks = messages_of(turns)
    if system and any(message.role == "system" for message in messages):
        system = ()
    usable, more = conversation(system + messages)
    # Where tools end it, what is left out after the last answer is part of that.
    return [usable], remarks or more


def _pair(value: dict[str, Any], plan: Plan) -> tuple[list[Conversation], list[Remark]]:
    column = plan.prompt if plan.prompt is not None else plan.prompts
    assert column is not None
    asked = value[column]
    if isinstance(asked, list) and asked and is_turn(asked[0]):
        answer = value[plan.completion or plan.answers or ""]
        closing = answer if isinstance(answer, list) else [{"role": "assistant", "content": answer}]
        return _whole(asked + closing, _system(value, plan))
    several = isinstance(asked, list) and (plan.prompts is not None or len(asked) == 1)
    prompts = [as_text(prompt) for prompt in asked] if several else [as_text(asked)]
    if plan.input is not None and (extra := as_text(value[plan.input])).strip():
        prompts = [f"{prompt}\n{extra}" if prompt.strip() else extra for prompt in prompts]
    answers, remarks = _answers(value, plan)
    if isinstance(asked, dict | list) and not several:
        remarks.append(_as_json("prompt", column, asked))
    filled = [prompt for prompt in prompts if prompt.strip()]
    if not filled:
        remarks.append(Remark("empty_prompt", "error", f"the prompt ('{shown(column)}') is empty"))
    elif len(filled) < len(prompts):
        said = f"one of the prompts ('{shown(column)}') is empty and left out"
        remarks.append(Remark("empty_prompt", "warning", said))
    if not filled or not answers:
        return [], remarks
    before = _system(value, plan)
    if plan.history is not None and (turns := turn_list(value[plan.history])):
        earlier, more = messages_of(turns)
        if more:
            raise Unusable("tool_calls", "the history calls tools, which cannot be trained on here")
        before, _ = conversation(before + earlier)
    pairs = [(prompt, answer) for prompt in filled for answer in answers]
    if plan.prompts and normal(plan.prompts) in _IN_ORDER and 1 < len(prompts) == len(filled) == len(answers):
        pairs = list(zip(filled, answers, strict=True))
    return [(*before, Message("user", prompt), Message("assistant", answer)) for prompt, answer in pairs], remarks


def _answers(value: dict[str, Any], plan: Plan) -> tuple[list[str], list[Remark]]:
    """The answers that are not empty, and remarks on those that are or that are no text."""
    column = plan.completion if plan.completion is not None else plan.answers
    assert column is not None
    raw = value[column]
    if isinstance(raw, dict) and isinstance(raw.get("text"), list):  # as SQuAD has it, with the places of the answers
        every = list(dict.fromkeys(map(as_text, raw["text"]))) or [""]
    elif isinstance(raw, list) and (plan.completion is None or len(raw) == 1):
        every = list(map(_answer, raw)) or [""]
        if any(isinstance(item, dict) for item in raw):  # as SQuAD has it too: the same answer in several places
            every = list(dict.fromkeys(every))
    else:
        every = [as_text(raw)]
    found = [text for text in every if text.strip()]
    if len(found) == len(every):
        if isinstance(raw, dict | list) and every == [as_text(raw)]:
            return found, [_as_json("answer", column, raw)]
        return found, []
    if found:
        said = f"one of the answers ('{shown(column)}') is empty and left out"
        return found, [Remark("empty_answer", "warning", said)]
    return [], [Remark("empty_answer", "error", f"the answer ('{shown(column)}') is empty")]


def _answer(item: Any) -> str:
    return as_text(item["text"]) if isinstance(item, dict) and isinstance(item.get("text"), str) else as_text(item)


def _as_json(side: str, column: str, value: dict[str, Any] | list[Any]) -> Remark:
    what = "a list" if isinstance(value, list) else "an object"
    return Remark(f"json_{side}", "info", f"the {side} ('{shown(column)}') is {what}, written as JSON")
