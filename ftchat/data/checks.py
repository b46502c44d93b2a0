"""What is doubtful about examples that can be used: in each by itself, and among all of them.

Knows nothing of where they came from. The plain tests come first, so that a clean example costs little.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from ftchat.data.encodings import BROKEN
from ftchat.data.report import Problem
from ftchat.data.rows import Remark, shown
from ftchat.data.turns import Unusable
from ftchat.records import Example, Message

_PLACEHOLDER = re.compile(r"\{\{[ \t]*[^\W\d][\w .-]{0,40}\}\}")
_EMAIL = re.compile(
    r"(?<![A-Za-z0-9_.+-])[A-Za-z0-9_.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,5}\.[A-Za-z]{2,}"
)
_DIGITS = re.compile(r"(?<![A-Za-z0-9_.,/-])\+?\(?[0-9][0-9 ().-]{7,26}[0-9](?![A-Za-z0-9_/-])")
_SOME_DIGITS = re.compile(r"[0-9][0-9 ().-]{6,25}[0-9]")  # no number without it, and found much faster
_PHONE = re.compile(r"\+\d{1,3}[ .-]?\(?\d{1,4}\)?(?:[ .-]?\d{2,4}){2,4}|\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}|1[3-9]\d{9}")
_CARD = re.compile(r"\d{13,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{1,7}|\d{4}([ -])\d{6}\2\d{5}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# UTF-8 once read as cp1252: a lead byte's letter and then what a continuation byte turns into.
_MOJIBAKE_STARTS = "ÂÃâ\ufffd"
_MOJIBAKE = re.compile("[ÂÃ][\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|â€[\x80-\xbf˜™œ“”¦¢]|\ufffd")


def check_text(messages: Sequence[Message]) -> list[Remark]:
    """What is doubtful in one conversation. Unusable where a character is broken."""
    text = "\n".join([message.content for message in messages])
    found: list[Remark] = []
    if not text.isascii():
        _refuse_broken(text)
        if any(letter in text for letter in _MOJIBAKE_STARTS) and (match := _MOJIBAKE.search(text)):
            said = f"'{shown(match[0])}' looks like a character that was lost in a wrong encoding"
            found.append(Remark("mojibake", "warning", said))
    if match := _CONTROL.search(text):
        found.append(Remark("control_characters", "warning", f"there is a control character ({shown(match[0])})"))
    if "{{" in text and (match := _PLACEHOLDER.search(text)):
        found.append(Remark("placeholder", "warning", f"the placeholder {shown(match[0])} is not filled in"))
    if kinds := list(_personal(text)):
        found.append(Remark("pii", "warning", f"this looks like personal data: {' and '.join(kinds)}"))
    if messages[-1].content.strip() == _asked(messages).strip():
        found.append(Remark("echo", "warning", "the answer is the same as the prompt"))
    return found


def _asked(messages: Sequence[Message]) -> str:
    return next((message.content for message in reversed(messages) if message.role == "user"), "")


def _refuse_broken(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        if BROKEN in text:
            raise Unusable("bad_encoding", "there are bytes here that the file's encoding does not have") from None
        raise Unusable("bad_json", "there is half a character here (a lone surrogate such as \\ud83d)") from None


def _personal(text: str) -> Iterator[str]:
    if "@" in text and _EMAIL.search(text):
        yield "an e-mail address"
    if not _SOME_DIGITS.search(text):
        return
    numbers = [match[0].strip() for match in _DIGITS.finditer(text)]
    if any(_CARD.fullmatch(number) and _passes_luhn(number) for number in numbers):
        yield "a card number"
    if any(_PHONE.fullmatch(number) for number in numbers):
        yield "a phone number"


def _passes_luhn(number: str) -> bool:
    digits = [int(c) for c in reversed(number) if c.isdecimal()]
    total = sum(digits[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return total % 10 == 0 and any(digits)


def check_all(examples: Sequence[Example]) -> Iterator[Problem]:
    """Duplicates, and prompts that have different answers."""
    first: dict[int, int] = {}  # hash of what comes before the answer -> the first example with it
    others: dict[int, list[int]] = defaultdict(list)
    for index, example in enumerate(examples):
        key = hash(tuple([message.content for message in example.messages[:-1]]))
        if first.setdefault(key, index) != index:
            others[key].append(index)
    for key, indices in others.items():
        yield from _check_group([examples[index] for index in (first[key], *indices)])


def _check_group(group: list[Example]) -> Iterator[Problem]:
    """Examples that begin alike."""
    originals: dict[tuple[Message, ...], Example] = {}
    answers: dict[tuple[Message, ...], dict[str, set[tuple[str, int]]]] = defaultdict(lambda: defaultdict(set))
    for example in group:
        original = originals.setdefault(example.messages, example)
        if original is not example:
            same = _where(original, example)
            yield _problem(example, Remark("duplicate", "warning", f"this is the same as {same}"))
        answers[example.context][example.completion].add((example.source, example.row))
    for example in group:
        rivals = answers[example.context]
        here = {(example.source, example.row)}
        if len(rivals) > 1 and any(rows - here for answer, rows in rivals.items() if answer != example.completion):
            said = f"the same prompt has {len(rivals)} different answers: '{shown(example.prompt)}'"
            yield _problem(example, Remark("conflict", "warning", said))


def _where(original: Example, example: Example) -> str:
    place = f"line {original.line}" if original.line is not None else f"row {original.row}"
    return place if original.source == example.source else f"{original.source} {place}"


def _problem(example: Example, remark: Remark) -> Problem:
    return Problem.at(remark, example.source, example.row, example.line)
