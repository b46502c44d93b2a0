"""A list of turns -> the messages of one conversation, whichever way roles and contents are called.

Knows nothing of files, columns or rows around it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ftchat.data.json_values import Broken, JsonReader
from ftchat.data.names import CONTENT_KEYS, ROLE_KEYS, by_normal_name, is_turn, pick, role_of
from ftchat.data.rendered import turns_in
from ftchat.data.rows import Remark, as_text, shown
from ftchat.records import Message

_MARKED = re.compile(r"\s*<\|([^<>|]{1,30})\|>:?\s*(.*?)\s*(?:<eo\w>\s*)?", re.DOTALL)
_NUMBERED = re.compile(r"(?:turn|round|轮|第)?[ _-]?(\d{1,6})轮?", re.IGNORECASE)
_CALLS = ("tool_calls", "function_call", "tool_call_id")
_COMMANDS = ("commands", "toolcalls", "toolresponses", "functioncalls")  # beside both sides of a turn, as MOSS has them
_NO_COMMAND = ("", "none", "null")


class Unusable(Exception):
    """Why a row gives no example."""

    def __init__(self, kind: str, message: str):
        super().__init__(message)
        self.remark = Remark(kind, "error", message)


def turn_list(value: Any) -> list[Any] | None:
    """A list of turns: as it is, as JSON in a table's cell, written out in one text, numbered (`{"turn_1": {...}}`), or
    by columns (`{"role": [...], "content": [...]}`)."""
    if isinstance(value, str):
        try:
            value = JsonReader().parse(value) if value.lstrip().startswith("[") else turns_in(value)
        except Broken:
            value = turns_in(value)
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


def _from_turn(turn: Any, position: int) -> Sequence[Message]:
    if isinstance(turn, dict):
        found = _from_object(turn)
        return [message for message in found if message.role != "system" or message.content.strip()]
    if isinstance(turn, list) and len(turn) == 2 and not any(isinstance(part, dict | list) for part in turn):
        return [Message("user", as_text(turn[0])), Message("assistant", as_text(turn[1]))]
    if isinstance(turn, str):
        return [Message("assistant" if position % 2 else "user", as_text(turn))]
    raise Unusable("not_a_pair", f"turn {position + 1} of the conversation is no message")


def conversation(messages: tuple[Message, ...]) -> tuple[tuple[Message, ...], list[Remark]]:
    """The messages up to the last answer. Unusable where that leaves nothing to learn."""
    end = len(messages)
    while end and messages[end - 1].role != "assistant":
        end -= 1
    if not end:
        raise Unusable("not_a_pair", "the conversation has no answer by the assistant")
    usable = messages[:end]
    if not any(message.role == "user" for message in usable):
        raise Unusable("not_a_pair", "the conversation has no message by the user before the answer")
    for message in usable:
        if not message.content.strip():
            if message.role == "user":
                raise Unusable("empty_prompt", "a message by the user is empty")
            raise Unusable("empty_answer", "an answer in the conversation is empty")
    if end == len(messages):
        return usable, []
    return usable, [Remark("unanswered", "warning", "the last message by the user has no answer and is left out")]


def _from_object(turn: dict[str, Any]) -> Sequence[Message]:
    if any(map(turn.get, _CALLS)):
        raise Unusable("tool_calls", "the conversation calls tools, which cannot be trained on here")
    for key in ROLE_KEYS:
        if isinstance(name := turn.get(key), str):
            break
    else:
        return _from_pair(turn)
    role = role_of(name)
    if role is None:
        raise Unusable("not_a_pair", f"the conversation has an unknown role '{shown(name)}'")
    if role == "tool":
        raise Unusable("tool_calls", "the conversation holds answers of tools, which cannot be trained on here")
    for key in CONTENT_KEYS:
        if key in turn:
            return [Message(role, content_of(turn[key]))]
    return [Message(role, "")]


def _from_pair(turn: dict[str, Any]) -> Sequence[Message]:
    """A turn that holds both sides."""
    columns = by_normal_name(turn)
    answer = pick("completion", columns)
    prompt = pick("prompt", columns, {answer})
    if answer is None or prompt is None:
        raise Unusable("not_a_pair", "a turn of the conversation has no role")
    system = pick("system", columns)
    extra = pick("input", columns, {prompt, answer})
    if any(_is_call(turn[columns[name]], columns[name]) for name in _COMMANDS if name in columns):
        raise Unusable("tool_calls", "a turn of the conversation calls tools, which cannot be trained on here")
    before = [Message("system", as_text(turn[system]))] if system is not None else []
    asked = [_unmarked(as_text(turn[key]), key) for key in (prompt, extra) if key is not None]
    question = Message("user", "\n".join(text for text in asked if text.strip()))
    return [*before, question, Message("assistant", _unmarked(as_text(turn[answer]), answer))]


def _is_call(command: Any, key: str) -> bool:
    return _unmarked(as_text(command), key).strip().lower() not in _NO_COMMAND


def _unmarked(text: str, key: str) -> str:
    """Without the marks of a chat template that say the key once more: `{"Human": "<|Human|>: hi<eoh>"}`."""
    match = _MARKED.fullmatch(text)
    return match[2] if match and match[1] == key else text


def content_of(content: Any) -> str:
    """Text, or the parts of a message that mixes kinds."""
    if isinstance(content, dict) and isinstance(content.get("parts"), list):
        content = content["parts"]
    if not isinstance(content, list):
        return as_text(content)
    texts = []
    for part in content:
        if isinstance(part, dict) and part.get("type", "text") not in ("text", "input_text", "output_text"):
            kind = shown(as_text(part.get("type")))
            raise Unusable("images", f"a message holds a part of type '{kind}'; only text can be trained on here")
        texts.append(as_text(part.get("text")) if isinstance(part, dict) else as_text(part))
    return "".join(texts)
