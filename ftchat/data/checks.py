"""What is doubtful about one conversation by itself. Knows nothing of where it came from, nor of the others.

The plain tests come first, so that a clean example costs little.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ftchat.data.encodings import BROKEN
from ftchat.data.personal import find_personal
from ftchat.data.rows import Remark, shown
from ftchat.data.turns import Unusable
from ftchat.records import Message

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# Not in code, where a template is meant: in a fence, in backticks, or as ${{ ... }} of a workflow.
_PLACEHOLDER = re.compile(r"(?<!\$)\{\{[ \t]*[^\W\d][\w .-]{0,40}\}\}")
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
# UTF-8 once read as cp1252: a lead byte's letter and then what a continuation byte turns into. One pair of Western
# letters is enough; Cyrillic and Chinese come in runs, and a single one of those is ordinary French or German.
_TAIL = "[\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]"
_MOJIBAKE_STARTS = "ÂÃâÐÑäåæçèé\ufffdï锟"
_MOJIBAKE = re.compile(
    f"[ÂÃ]{_TAIL}|â€[\x80-\xbf˜™œ“”¦¢]|(?:[ÐÑ]{_TAIL}){{2,}}|(?:[ä-é]{_TAIL}{{2}}){{2,}}|ï¿½|锟斤拷|\ufffd"
)
_VERY_LONG = 8000  # characters, about 2,000 tokens of English: what many a training length leaves out


def check_text(messages: Sequence[Message]) -> list[Remark]:
    """What is doubtful in one conversation. Unusable where a character is broken."""
    text = "\n".join([message.content for message in messages])
    found: list[Remark] = []
    if not text.isascii():
        _refuse_broken(text)
        if lost := find_mojibake(text):
            said = f"'{shown(lost)}' looks like a character that was lost in a wrong encoding"
            found.append(Remark("mojibake", "warning", said))
    if match := CONTROL.search(text):
        found.append(Remark("control_characters", "warning", f"there is a control character ({shown(match[0])})"))
    if "{{" in text and (match := _PLACEHOLDER.search(_CODE.sub("", text) if "`" in text else text)):
        found.append(Remark("placeholder", "warning", f"the placeholder {shown(match[0])} is not filled in"))
    if personal := find_personal(text):
        names = " and ".join(dict.fromkeys(pattern.name for _, _, pattern in personal))
        found.append(Remark("pii", "warning", f"this looks like personal data: {names}"))
    if messages[-1].content.strip() == _asked(messages).strip():
        found.append(Remark("echo", "warning", "the answer is the same as the prompt"))
    if len(text) > _VERY_LONG:
        found.append(Remark("very_long", "info", f"this is very long: {len(text):,} characters"))
    return found


def find_mojibake(text: str) -> str | None:
    """The first piece that looks like a character lost in a wrong encoding."""
    if any(letter in text for letter in _MOJIBAKE_STARTS) and (match := _MOJIBAKE.search(text)):
        return match[0]
    return None


def _asked(messages: Sequence[Message]) -> str:
    for message in reversed(messages):
        if message.role == "user":
            return message.content
    return ""


def _refuse_broken(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        if BROKEN in text:
            raise Unusable("bad_encoding", "there are bytes here that the file's encoding does not have") from None
        raise Unusable("bad_json", "there is half a character here (a lone surrogate such as \\ud83d)") from None
