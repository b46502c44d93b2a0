"""Plain text -> rows: `Q:`/`A:`, `User:`/`Assistant:`, `问：`/`答：`, and pairs of lines between blank lines.

Knows nothing of Examples: a row comes out as the columns or the messages that its labels say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ftchat.data.rows import Remark, Row, unread

# Labels that belong together, and the role each stands for. Within one text only one such family counts.
_FAMILIES: dict[str, dict[str, str]] = {
    "pairs": {
        **dict.fromkeys(("q", "question", "问", "问题", "提问", "問", "問題", "質問", "prompt", "instruction"), "user"),
        **dict.fromkeys(("指令", "提示", "frage", "pregunta"), "user"),
        **dict.fromkeys(("a", "answer", "答", "回答", "答案", "completion", "response", "output"), "assistant"),
        **dict.fromkeys(("输出", "回复", "antwort", "respuesta"), "assistant"),
        **dict.fromkeys(("input", "输入", "context"), "input"),
    },
    "chat": {
        **dict.fromkeys(("user", "human", "customer", "me", "用户", "客户", "人类"), "user"),
        **dict.fromkeys(("assistant", "ai", "bot", "agent", "chatgpt", "gpt", "model"), "assistant"),
        **dict.fromkeys(("助手", "机器人", "客服"), "assistant"),
        **dict.fromkeys(("system", "系统"), "system"),
    },
}
_WORDS = "|".join(sorted({word for family in _FAMILIES.values() for word in family}, key=len, reverse=True))
_LABEL = re.compile(rf"[ \t]*(?:[*#>-]+[ \t]*)?({_WORDS})[ \t]?\d{{0,6}}[ \t]*\**[ \t]*[:：]\**[ \t]*", re.IGNORECASE)
_SEPARATOR = re.compile(r"\s*(?:-{3,}|={3,}|\*{3,}|_{3,}|#{3,})\s*")


@dataclass(slots=True)
class _Turn:
    role: str
    line: int
    after_blank: bool
    parts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.parts).strip()


def find_labels(head: str) -> str | None:
    """The family whose labels the text uses, if a question is followed by an answer."""
    seen: set[str] = set()
    for line in head.splitlines():
        for family, label in _labels(line):
            seen.add(f"{family} {label}")
            if label == "assistant" and f"{family} user" in seen:
                return family
    return None


def _labels(line: str) -> Iterator[tuple[str, str]]:
    if match := _LABEL.match(line):
        word = match[1].lower()
        for family, labels in _FAMILIES.items():
            if word in labels:
                yield family, labels[word]


def labelled_rows(lines: Iterable[str], family: str) -> Iterator[Row]:
    labels = _FAMILIES[family]
    turns: list[_Turn] = []
    preamble = _Turn("", 1, False)
    current, blank = preamble, True
    for number, raw in enumerate(lines, 1):
        line = raw.rstrip("\r\n")
        match = _LABEL.match(line)
        role = labels.get(match[1].lower()) if match else None
        if match and role:
            current = _Turn(role, number, blank, [line[match.end() :]])
            turns.append(current)
        elif _SEPARATOR.fullmatch(line):
            current = _Turn("end", number, blank)
            turns.append(current)
        else:
            current.parts.append(line)
        blank = not line.strip()
    before = 1 if preamble.text else 0
    if before:
        yield unread(1, 1, "not_a_pair", "this text stands before the first question and belongs to no pair")
    for number, group in enumerate(_groups(turns, family), before + 1):
        yield _row(number, group, family)


def _groups(turns: list[_Turn], family: str) -> Iterator[list[_Turn]]:
    """The turns of each row."""
    blanks_part = _blanks_part_conversations(turns)
    group: list[_Turn] = []
    for turn in turns:
        opens = turn.role == "end" or _opens(turn, group, family, blanks_part)
        if opens and group:
            yield group
            group = []
        if turn.role != "end" or turn.text:
            group.append(turn)
    if group:
        yield group


def _opens(turn: _Turn, group: list[_Turn], family: str, blanks_part: bool) -> bool:
    if turn.role == "system":
        return True
    if turn.role != "user" or all(other.role == "system" for other in group):
        return False
    return family == "pairs" or (blanks_part and turn.after_blank)


def _blanks_part_conversations(turns: list[_Turn]) -> bool:
    """Blank lines between conversations, or between all turns alike? In both, a question after one begins a row."""
    return any(turn.after_blank for turn in turns[1:] if turn.role == "user")


def _row(number: int, group: list[_Turn], family: str) -> Row:
    line = group[0].line
    if any(turn.role == "end" for turn in group):
        return unread(number, line, "not_a_pair", "this text follows a separator and belongs to no pair")
    if family == "chat":
        return Row(number, line, {"messages": [{"role": turn.role, "content": turn.text} for turn in group]})
    if group[0].role != "user":
        return unread(number, line, "not_a_pair", "an answer without a question before it")
    value: dict[str, Any] = {"prompt": group[0].text}
    inputs = [turn.text for turn in group if turn.role == "input"]
    answers = [turn.text for turn in group if turn.role == "assistant"]
    if inputs:
        value["input"] = "\n".join(inputs)
    value["completion" if len(answers) < 2 else "answers"] = (answers or [""])[0] if len(answers) < 2 else answers
    return Row(number, line, value)


def are_line_pairs(head: str) -> bool:
    """Two lines, a blank line, two lines, ...: at least twice, and nothing else."""
    blocks = re.split(r"(?:\r\n?|\n)[ \t]*(?:\r\n?|\n)\s*", head.strip())
    pairs = sum(len(block.splitlines()) == 2 for block in blocks)
    return pairs >= 2 and pairs >= 0.9 * len(blocks)


def line_pairs(lines: Iterable[str]) -> Iterator[Row]:
    number, start = 0, 1
    block: list[str] = []
    for line_number, raw in enumerate([*lines, ""], 1):
        line = raw.strip()
        if line:
            start = start if block else line_number
            block.append(line)
        elif block:
            number += 1
            if len(block) == 2:
                yield Row(number, start, {"prompt": block[0], "completion": block[1]})
            else:
                yield unread(number, start, "not_a_pair", f"this block has {len(block)} lines where a pair has two")
            block = []


LINE_PAIRS_NOTE = Remark("layout", "info", "each block of two lines is read as a question and its answer")
CHAT_NOTE = Remark(
    "layout", "info", "each block of turns is one conversation; a blank line before the user's turn begins a new one"
)
