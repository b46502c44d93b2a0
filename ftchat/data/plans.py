"""Which columns of a row hold what: by what the user says, by their names, or by a guess that is said with its reason.

Knows nothing of what is made of them. Columns are looked at once per distinct set of them, not once per row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from ftchat.data.guesses import guess_pair, holds_text, is_text
from ftchat.data.names import FIELD_NAMES, LABELS, by_normal_name, is_turn, normal, pick, role_of
from ftchat.data.rows import Remark, shown
from ftchat.data.turns import turn_list

_MAP_HINT = "say which columns to use: --map prompt=COLUMN --map completion=COLUMN"
_TRANSLATIONS = frozenset(("translation", "translations"))
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:[-_]\w{2,8})*", re.IGNORECASE)
_NUMBERED = re.compile(r"(\D+?)[ _-]?(\d{1,4})")
_MAX_NOTES = 3
_MOST_LISTS = 20  # columns of a row in which lists of pairs are looked for


@dataclass(frozen=True, slots=True)
class Plan:
    """Which columns hold what, for the rows that have just these columns."""

    prompt: str | None = None
    input: str | None = None
    completion: str | None = None
    prompts: str | None = None  # several prompts that have the same answers
    answers: str | None = None  # several answers to the one prompt
    system: str | None = None
    history: str | None = None
    messages: str | None = None
    numbered: tuple[tuple[str, str], ...] = ()  # columns such as user_1, assistant_1, user_2, ..., and their roles
    images: str | None = None
    verdict: str | None = None  # a label that is true or false beside an answer: whether it is a good one
    inside: str | None = None  # the column whose object is the row, or has the columns that are named here
    within: str | None = None  # the column whose objects, each with the other columns, are the examples
    refusal: Remark | None = None
    plain: tuple[str, str] | None = None  # prompt and completion, where nothing else bears on a row

    @property
    def is_pair(self) -> bool:
        """Whether there is a prompt and an answer."""
        return (self.prompt or self.prompts) is not None and (self.completion or self.answers) is not None

    @property
    def used(self) -> list[str]:
        named = (self.prompt, self.input, self.completion, self.answers, self.system, self.history, self.messages)
        return [column for column in (*named, self.prompts) if column is not None]


class Planner:
    """Plans for the rows of one source. `sample` are the first of them: a guess needs more than one row."""

    def __init__(self, mapping: Mapping[str, str], sample: Sequence[Any] = ()):
        self._mapping = mapping
        self._sample = [value for value in sample if isinstance(value, dict)]
        self._kinds = list({frozenset(value): value for value in reversed(self._sample)}.values())[::-1]
        self._guessed: tuple[str, str] | None = None  # the columns that other rows of the source were guessed to have
        self.notes: list[Remark] = []

    def plan(self, value: dict[str, Any]) -> Plan:
        if is_turn(value) and "content" in value:
            return Plan(refusal=Remark("not_a_pair", "error", "this is a single message and no pair"))
        columns = by_normal_name(value)
        if not self._mapping and pick("chosen", columns) and pick("rejected", columns):
            what = "this is a preference pair ('chosen' and 'rejected'), which this kind of training does not use"
            return Plan(refusal=Remark("preference", "error", what))
        if not self._mapping and (translated := self._translation(value)):
            return translated
        if not self._mapping and (column := self._within(value)):
            self._note(f"every row may hold several pairs, inside '{shown(column)}'")
            return Plan(within=column)
        plan = self._named(value, columns)
        note = None
        if plan.messages is not None and plan.completion and plan.prompt is None and is_text(value[plan.messages]):
            plan = replace(plan, prompt=plan.messages, messages=None)  # a dialogue as a text, and what to say of it
        if not plan.is_pair:
            if plan.messages is None and not self._mapping and (column := self._turns(value)):
                self._note(f"every row is a conversation, inside '{shown(column)}'")
                return Plan(messages=column, system=plan.system, refusal=_no_pair(value, Plan(messages=column)))
            guessed = self._inside(value, plan) or self._guess(value, plan) if plan.messages is None else None
            if guessed is None:
                return replace(plan, refusal=_no_pair(value, plan))
            plan = guessed
            if plan.inside is not None or plan.numbered:
                return plan
            note = "the names of the columns do not say what they hold, so this is a guess: "
        self._explain(value, plan, columns, note)
        others = (plan.input, plan.answers, plan.prompts, plan.system, plan.history, plan.messages, plan.images)
        if (
            plan.prompt is not None
            and plan.completion is not None
            and all(column is None for column in (*others, plan.verdict))
        ):
            return replace(plan, plain=(plan.prompt, plan.completion))
        return plan

    def _named(self, value: dict[str, Any], columns: dict[str, str]) -> Plan:
        """The plan by mapping first and then by name."""
        mapped = {"completion" if f == "label" else f: c for f, c in self._mapping.items() if c in value}
        taken: set[str | None] = set(mapped.values())
        completion = mapped.get("completion") or pick("completion", columns, taken)
        answers = pick("answers", columns, taken | {completion}) if completion is None else None
        taken |= {completion, answers}
        prompts = None if "prompt" in mapped else pick("prompts", columns, taken)
        prompts = prompts if prompts is not None and isinstance(value[prompts], list) else None
        prompt = mapped.get("prompt") or (pick("prompt", columns, taken) if prompts is None else None)
        taken |= {prompt, prompts}
        return Plan(
            prompt=prompt,
            completion=completion,
            prompts=prompts,
            answers=answers,
            input=mapped.get("input") or pick("input", columns, taken),
            system=mapped.get("system") or pick("system", columns, taken),
            history=pick("history", columns, taken),
            messages=None if self._mapping else pick("messages", columns, taken),
            images=pick("images", columns, taken),
            verdict=None if self._mapping else _verdict(value, columns, completion),
        )

    def _translation(self, value: dict[str, Any]) -> Plan | None:
        """`{"translation": {"en": ..., "zh": ...}}`"""
        for column, texts in value.items():
            if normal(column) in _TRANSLATIONS and isinstance(texts, dict) and len(texts) > 1:
                first, second = list(texts)[:2]
                if all(_LANGUAGE.fullmatch(language) for language in texts):
                    said = (
                        f"translations are taken to go from '{first}' to '{second}', which is a guess; the other way: "
                    )
                    self._note(f"{said}--map prompt={column}.{second} --map completion={column}.{first}")
                    return Plan(inside=column, prompt=first, completion=second)
        return None

    def _inside(self, value: dict[str, Any], plan: Plan) -> Plan | None:
        """A row that lies in one of its columns, or whose turns are numbered columns."""
        objects = {column: inner for column, inner in value.items() if isinstance(inner, dict)}
        rows = [column for column, inner in objects.items() if self._is_row(inner)]
        if len(rows) == 1 and plan.completion is None and plan.answers is None:
            self._note(f"the rows are those inside '{shown(rows[0])}'")
            return Plan(inside=rows[0])
        turns = [(int(m[2]), _side(m[1]), column) for column in value if (m := _NUMBERED.fullmatch(column))]
        roles = [(column, role) for _, role, column in sorted(turns, key=lambda turn: turn[0]) if role]
        if {"user", "assistant"} <= {role for _, role in roles}:
            self._note(f"the turns are the columns {', '.join(shown(column) for column, _ in roles[:6])}")
            return Plan(numbered=tuple(roles), system=plan.system)
        return None

    def _within(self, value: dict[str, Any], among: Iterable[str] | None = None) -> str | None:
        """The column of a row that holds a list of pairs, or of answers to the one prompt, or of such lists again.
        `among`: the columns to look at, in a row that lies in a list itself."""
        columns = by_normal_name(value)
        turns = (pick("messages", columns), pick("history", columns))
        for column in islice(value if among is None else among, _MOST_LISTS):
            items = value[column]
            if column in turns or not (isinstance(items, list) and items and all(map(_is_row_of_list, items))):
                continue
            outer = {name: cell for name, cell in value.items() if name != column}
            if self._named(outer, by_normal_name(outer)).is_pair:
                continue
            row = outer | items[0]
            plan = self._named(row, by_normal_name(row))
            answer = plan.completion or plan.answers
            if plan.is_pair and answer in items[0] and normal(answer) not in LABELS:
                return column
            if among is None and self._within(row, items[0]):
                return column
        return None

    def _turns(self, value: dict[str, Any]) -> str | None:
        """The column that holds whole conversations, whatever it is called."""
        rows = [row for row in self._sample if row.keys() == value.keys()] or [value]
        for column in value:
            if 2 * sum(_are_turns(column, row[column]) for row in rows) > len(rows):
                return column
        return None

    def _is_row(self, value: dict[str, Any]) -> bool:
        plan = self._named(value, by_normal_name(value))
        return plan.is_pair or (plan.messages is not None and turn_list(value[plan.messages]) is not None)

    def _note(self, said: str) -> None:
        if len(self.notes) < _MAX_NOTES:
            self.notes.append(Remark("columns", "info", said))

    def _guess(self, value: dict[str, Any], plan: Plan) -> Plan | None:
        """What is missing is the one column of text that is left over, and the same in every row that has it: where
        this row tells nothing, the guess for a row with other columns beside holds."""
        if again := self._as_guessed(value, plan):
            return again
        for row in (value, *self._kinds):
            known = plan if row is value else self._named(row, by_normal_name(row))
            guessed = None if known.is_pair or known.messages else self._left_over(row, known)
            if guessed is None:
                continue
            if guessed.prompt is None or guessed.completion is None:
                if row is value:
                    return guessed
            elif {guessed.prompt, guessed.completion} <= value.keys():
                self._guessed = (guessed.prompt, guessed.completion)
                return guessed if row is value else self._as_guessed(value, plan)
        return None

    def _as_guessed(self, value: dict[str, Any], plan: Plan) -> Plan | None:
        if self._guessed is None or plan.prompts is not None or plan.answers is not None:
            return None
        prompt, completion = self._guessed
        if not {prompt, completion} <= value.keys() or plan.prompt not in (None, prompt):
            return None
        return replace(plan, prompt=prompt, completion=completion) if plan.completion in (None, completion) else None

    def _left_over(self, value: dict[str, Any], plan: Plan) -> Plan | None:
        rows = [row for row in self._sample if row.keys() == value.keys()] or [value]
        free = [column for column in value if column not in plan.used and holds_text(column, rows)]
        if plan.prompt is not None and len(free) == 1:
            return replace(plan, completion=free[0])
        if plan.prompts is None and (plan.completion or plan.answers) and len(free) == 1:
            return replace(plan, prompt=free[0])
        if any(column is not None for column in (plan.prompt, plan.prompts, plan.completion, plan.answers)):
            return None
        pair = guess_pair(list(value), free, rows, len(self._sample) == 1)
        return replace(plan, prompt=pair[0], completion=pair[1]) if pair else None

    def _explain(self, value: dict[str, Any], plan: Plan, columns: dict[str, str], note: str | None) -> None:
        """Says which columns are used where that is a guess, a choice, or leaves some out."""
        unused = [column for column in value if column not in plan.used and column != plan.images]
        rivals = [
            column
            for field, chosen in (("prompt", plan.prompt), ("completion", plan.completion))
            for name in FIELD_NAMES[field][:8]
            if (column := columns.get(name)) in unused and chosen is not None and column is not None
        ]
        if plan.messages is not None or not (note or unused):
            return
        if rivals and not note:
            note = "more than one column could be meant, so this is a guess: "
        asked = " and ".join(f"'{shown(column)}'" for column in (plan.prompt, plan.prompts, plan.input) if column)
        answer = shown(plan.completion or plan.answers or "")
        said = f"{note or ''}the prompt is read from {asked} and the answer from '{answer}'"
        if unused:
            said += "; not used: " + ", ".join(f"'{shown(column)}'" for column in unused[:10])
        self._note(said)


def _verdict(value: dict[str, Any], columns: dict[str, str], completion: str | None) -> str | None:
    label = columns.get("label")
    return label if label != completion and label is not None and isinstance(value[label], bool) else None


def _side(name: str) -> str | None:
    """The role that a column's name stands for."""
    if role := role_of(name):
        return role
    sides = {"prompt": "user", "completion": "assistant"}
    return next((role for field, role in sides.items() if normal(name) in FIELD_NAMES[field]), None)


def _no_pair(value: dict[str, Any], plan: Plan) -> Remark:
    names = ", ".join(f"'{shown(column)}'" for column in list(value)[:10]) or "none"
    if plan.messages is not None:
        said = f"the column '{shown(plan.messages)}' holds no list of messages"
    elif not plan.used:
        said = f"no column is known to hold a prompt or an answer (columns: {names}); {_MAP_HINT}"
    elif plan.prompt is None and plan.prompts is None:
        said = f"there is an answer but no prompt (columns: {names}); {_MAP_HINT}"
    else:
        said = f"there is a prompt but no answer (columns: {names}); {_MAP_HINT}"
    return Remark("not_a_pair", "error", said)


def _is_row_of_list(value: Any) -> bool:
    return isinstance(value, dict) and not is_turn(value)


def _are_turns(column: str, value: Any) -> bool:
    """Turns by what they say of themselves, or statements that follow each other under a name that says nothing."""
    turns = turn_list(value) if isinstance(value, str | list) else None
    if turns is None or isinstance(turns[0], str):
        return turns is not None and len(turns) > 1 and normal(column) == "data" and all(map(is_text, turns))
    return is_turn(turns[0]) and (not isinstance(value, str) or bool(turns[-1].get("content")))
