"""A conversation that is written out in one text -> its turns: chat templates of well-known models, `### Instruction:`
and its kin, and lines such as `User:` and `Assistant:`.

Knows nothing of rows. What stands before the first turn, such as a preamble, is a system message.
"""

from __future__ import annotations

import re

from ftchat.data.names import role_of

# What begins a turn, with the name of who speaks.
_MARKS = (
    re.compile(r"<\|im_start\|>[ \t]*(\w+)"),
    re.compile(r"<\|start_header_id\|>[ \t]*(\w+)[ \t]*<\|end_header_id\|>"),
    re.compile(r"<start_of_turn>[ \t]*(\w+)"),
    re.compile(r"<\|(system|user|assistant)\|>:?", re.IGNORECASE),
    re.compile(r"(\[/?INST\])"),
    re.compile(r"#{2,4} ?(\w{1,20})[ \t]?[:：]"),
    re.compile(r"^[ \t]*(?:\*\*)?(\w{1,20})[ \t]?[:：](?:\*\*)?(?!//)", re.MULTILINE),
)
_ENDS = re.compile(
    r"<\|(?:im_end|eot_id|end|endoftext|begin_of_text|end_of_text)\|>|<end_of_turn>|</?s>|<bos>|<eos>|<\|end▁of▁sentence\|>"
)
_SYSTEM = re.compile(r"\s*<<SYS>>(.*?)<</SYS>>", re.DOTALL)
_SAYS = {
    **dict.fromkeys(("[inst]", "q", "question", "prompt", "instruction", "问", "问题", "指令", "提问"), "user"),
    **dict.fromkeys(("[/inst]", "a", "answer", "response", "completion", "output", "答", "答案", "回答"), "assistant"),
    **dict.fromkeys(("input", "context", "输入"), "input"),
}

Turn = dict[str, str]


def turns_in(text: str) -> list[Turn] | None:
    """The turns, if a question is followed by an answer."""
    for mark in _MARKS:
        marks = [match for match in mark.finditer(text) if _speaker(match[1])]
        speakers = [_speaker(match[1]) for match in marks]
        if "user" in speakers and "assistant" in speakers[speakers.index("user") :]:
            return _turns(text, marks)
    return None


def _speaker(name: str) -> str | None:
    return _SAYS.get(name.lower()) or role_of(name)


def _turns(text: str, marks: list[re.Match[str]]) -> list[Turn]:
    before = _clean(text[: marks[0].start()])
    turns = [("system", [before])] if before else []
    ends = [match.start() for match in marks[1:]] + [len(text)]
    for match, end in zip(marks, ends, strict=True):
        speaker, said = str(_speaker(match[1])), text[match.end() : end]
        if speaker == "user" and (system := _SYSTEM.match(said)):
            turns.append(("system", [_clean(system[1])]))
            said = said[system.end() :]
        if speaker == "input" and turns and turns[-1][0] == "user":
            turns[-1][1].append(_clean(said))
        else:
            turns.append(("user" if speaker == "input" else speaker, [_clean(said)]))
    return [{"role": role, "content": "\n".join(filter(None, parts))} for role, parts in turns]


def _clean(said: str) -> str:
    """Without the marks of a template's end."""
    return _ENDS.sub("", said).strip()
