"""A list of turns -> the messages of one conversation, whichever way roles and contents are called.

Knows nothing of files, columns or rows around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ftchat.data.json_values import Broken, JsonReader
from ftchat.data.names import CONTENT_KEYS, ROLE_KEYS, by_normal_name, is_turn, pick, role_of
from ftchat.data.rows import Remark, as_text, shown
from ftchat.records import Message

_NUMBERED = re.compile(r"(?:turn|round|轮|第)?[ _-]?(\d{1,6})轮?", re.IGNORECASE)
_CALLS = ("tool_calls", "function_call", "tool_call_id")


class Unusable(Exception):
    """Why a row gives no example."""

    def __init__(self, kind: str, message: str):
        super().__init__(message)
        self.remark = Remark(kind, "error", message)


def turn_list(value: Any) -> list[Any] | None:
    """A list of turns: as it is, as JSON in a table's cell, numbered (`{"turn_1": {...}}`), or by columns
    (`{"role": [...], "content": [...]}`)."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = JsonReader().parse(value)
        except Broken:
            return None
    elif isinstance(value, dict):
        value = _numbered(value) or _by_column(value)
    return value if isinstance(value, list) and value else None


def _numbered(value: dict[str, Any]) -> list[Any] | None:
    matches = {key: _NUMBERED.fullmatch(key) for key in value}
    if not all(matches.values()):
        return None
    return [value[key] for key, match in sorted(matches.items(), key=lambda item: int(item[1][1]) if item[1] else 0)]


def _by_column(value: dict[str, Any]) -> list[Any] | None:
    columns = list(value.values())
    if not all(isinstance(column, list) and len(column) == len(columns[0]) for column in columns):
        return None
    turns = [dict(zip(value, cells, strict=True)) for cells in zip(*columns, strict=True)]
    return turns if turns and is_turn(turns[0]) else None


def messages_of(turns: list[Any]) -> tuple[tuple[Message, ...], list[Remark]]:
    """All messages of the turns, or those before the first call of a tool, which is said then; empty system messages
    are no messages."""
    found: list[Message] = []
    for position, turn in enumerate(turns):
        try:
            found.extend(_from_turn(turn, position))
        except Unusable as unusable:
            if unusable.remark.kind != "tool_calls" or not any(message.role == "assistant" for message in found):
                raise
            said = f"the conversation uses tools from message {position + 1} on; only what comes before is used"
            return tuple(found), [Remark("tool_calls", "warning", said)]
    return tuple(found), []


def _from_turn(turn: Any, position: int) -> Iterator[Message]:
    if isinstance(turn, dict):
        for message in _from_object(turn):
            if message.role != "system" or message.content.strip():
                yield message
    elif isinstance(turn, list) and len(turn) == 2 and not any(isinstance(part, dict | list) for part in turn):
        yield Message("user", as_text(turn[0]))
        yield Message("assistant", as_text(turn[1]))
    elif isinstance(turn, str):
        yield Message("assistant" if position % 2 else "user", as_text(turn))
    else:
        raise Unusable("not_a_pair", f"turn {position + 1} of the conversation is no message")


def conversation(messages: tuple[Message, ...]) -> tuple[tuple[Message, ...], list[Remark]]:
    """The messages up to the last answer. Unusable where that leaves nothing to learn."""
    last = max((i for i, message in enumerate(messages) if message.role == "assistant"), default=-1)
    if last < 0:
        raise Unusable("not_a_pair", "the conversation has no answer by the assistant")
    usable = messages[: last + 1]
    if not any(message.role == "user" for message in usable):
        raise Unusable("not_a_pair", "the conversation has no message by the user before the answer")
    for message in usable:
        if not message.content.strip():
            if message.role == "user":
                raise Unusable("empty_prompt", "a message by the user is empty")
            raise Unusable("empty_answer", "an answer in the conversation is empty")
    if usable == messages:
        return usable, []
    return usable, [Remark("unanswered", "warning", "the last message by the user has no answer and is left out")]


def _from_object(turn: dict[str, Any]) -> Iterator[Message]:
    if any(turn.get(key) for key in _CALLS):
        raise Unusable("tool_calls", "the conversation calls tools, which cannot be trained on here")
    role_key = next((key for key in ROLE_KEYS if isinstance(turn.get(key), str)), None)
    if role_key is None:
        yield from _from_pair(turn)
        return
    role = role_of(turn[role_key])
    if role is None:
        raise Unusable("not_a_pair", f"the conversation has an unknown role '{shown(turn[role_key])}'")
    if role == "tool":
        raise Unusable("tool_calls", "the conversation holds answers of tools, which cannot be trained on here")
    content = next((turn[key] for key in CONTENT_KEYS if key in turn), None)
    yield Message(role, _content(content))


def _from_pair(turn: dict[str, Any]) -> Iterator[Message]:
    """A turn that holds both sides."""
    columns = by_normal_name(turn)
    answer = pick("completion", columns)
    prompt = pick("prompt", columns, {answer})
    if answer is None or prompt is None:
        raise Unusable("not_a_pair", "a turn of the conversation has no role")
    system = pick("system", columns)
    extra = pick("input", columns, {prompt, answer})
    if system is not None:
        yield Message("system", as_text(turn[system]))
    asked = [as_text(turn[key]) for key in (prompt, extra) if key is not None]
    yield Message("user", "\n".join(text for text in asked if text.strip()))
    yield Message("assistant", as_text(turn[answer]))


def _content(content: Any) -> str:
    """Text, or the parts of a message that mixes kinds."""
    if not isinstance(content, list):
        return as_text(content)
    texts = []
    for part in content:
        if isinstance(part, dict) and part.get("type", "text") not in ("text", "input_text", "output_text"):
            kind = shown(as_text(part.get("type")))
            raise Unusable("images", f"a message holds a part of type '{kind}'; only text can be trained on here")
        texts.append(as_text(part.get("text")) if isinstance(part, dict) else as_text(part))
    return "".join(texts)
