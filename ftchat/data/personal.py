"""Personal data in text: one table of what it looks like, for finding it and for masking it.

A checksum or a strict shape stands behind each entry, so that order numbers, dates, versions and measurements are left
alone. Names, addresses and IP addresses are not looked for: their shapes are those of ordinary words and numbers.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ftchat.records import Message


@dataclass(frozen=True, slots=True)
class Pattern:
    """`shape` finds it, as the group `it` where words around it belong to the shape; `valid` has the last word."""

    name: str
    mask: str
    shape: re.Pattern[str]
    valid: Callable[[str], bool] = bool


# Numbers stand by themselves: letters of the alphabet, digits, - and / around them make them part of something else.
_ALONE = r"(?<![A-Za-z0-9_/-])(?<![0-9][.,])(?:{})(?![A-Za-z0-9_/-]|[.,][0-9])"


_PICTURE = re.compile(r"\.(?:png|jpe?g|gif|webp|svg|css|js)$", re.IGNORECASE)  # icon@2x.png
_EXTENSION = r"(?: ?(?:x|ext\.?) ?\d{1,5})?"


def _number(shape: str) -> re.Pattern[str]:
    return re.compile(_ALONE.format(shape))


def _digits(text: str) -> str:
    return "".join(c for c in text if "0" <= c <= "9")


def _is_card(text: str) -> bool:
    """A length and a beginning that a card network gives out, and Luhn's checksum."""
    number = _digits(text)
    total = sum(int(c) for c in number[::-2]) + sum(sum(divmod(2 * int(c), 10)) for c in number[-2::-2])
    return total % 10 == 0 and _NETWORKS.fullmatch(number) is not None


_NETWORKS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|6(?:011|4[4-9]\d|5\d\d)\d{12}|62\d{14,17}|35(?:2[89]|[3-8]\d)\d{12}|3(?:0[0-5]|[68]\d)\d{11}"
)


def _is_chinese_id(text: str) -> bool:
    weighted = sum(int(c) * 2 ** (17 - i) for i, c in enumerate(text[:17]))
    return "10X98765432"[weighted % 11] == text[17].upper()


def _is_iban(text: str) -> bool:
    compact = text.replace(" ", "")
    return 15 <= len(compact) <= 34 and int("".join(str(int(c, 36)) for c in compact[4:] + compact[:4])) % 97 == 1


def _is_phone(text: str) -> bool:
    return 8 <= len(_digits(re.split("[xe]", text)[0])) <= 15


def _is_called_phone(text: str) -> bool:
    return 7 <= len(_digits(text)) <= 15 and not re.fullmatch(r"(?:19|20)\d\d[-. ]\d\d[-. ]\d\d", text)


TABLE = (
    Pattern(
        "an e-mail address",
        "[EMAIL]",
        re.compile(
            r"(?<![A-Za-z0-9_.+-])[A-Za-z0-9_.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,5}\.[A-Za-z]{2,}"
        ),
        lambda text: not text.startswith("git@") and not _PICTURE.search(text),
    ),
    Pattern(
        "an identity number",
        "[ID]",
        _number(r"[1-9]\d{5}(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[0-9Xx]"),
        _is_chinese_id,
    ),
    Pattern("an identity number", "[ID]", _number(r"(?!000|666|9)\d{3}-(?!00)\d\d-(?!0000)\d{4}")),
    Pattern(
        "a bank account number",
        "[IBAN]",
        _number(r"[A-Z]{2}\d\d(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?"),
        _is_iban,
    ),
    Pattern(
        "a card number",
        "[CARD]",
        _number(r"\d{13,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{1,7}|\d{4}([ -])\d{6}\2\d{4,5}"),
        _is_card,
    ),
    Pattern(  # with the country's code
        "a phone number",
        "[PHONE]",
        _number(
            r"(?:\+\d{1,3}|00[1-9]\d{0,2}[ .-])[ .-]?(?:\(0?\d{1,4}\)[ .-]?)?\d{1,5}(?:[ .-]?\d{2,4}){1,4}"
            rf"{_EXTENSION}|\+\d{{8,15}}"
        ),
        _is_phone,
    ),
    Pattern("a phone number", "[PHONE]", _number(r"1[3-9]\d([ -]?)\d{4}\1\d{4}")),  # Chinese mobiles
    Pattern(  # North America; three of a row of numbers are none
        "a phone number",
        "[PHONE]",
        _number(r"(?<!\d )(?:1[ .-])?(?:\(\d{3}\) ?\d{3}[ .-]|\d{3}([ .-])\d{3}\1)\d{4}" + _EXTENSION + r"(?! \d)"),
    ),
    Pattern(  # with the 0 of a trunk call: Europe, China, Japan
        "a phone number",
        "[PHONE]",
        _number(
            r"0[1-9]\d{0,3}([ .-])\d{2,4}(?:\1\d{2,4}){1,3}|0[1-9]\d{1,2}[ -]\d{7,8}|0[1-9]\d{3} \d{6}"
            r"|\(0[1-9]\d{0,3}\) ?\d{3,4}[ -]?\d{3,4}"
        ),
        lambda text: 9 <= len(_digits(text)) <= 12,
    ),
    Pattern(  # said to be one
        "a phone number",
        "[PHONE]",
        re.compile(
            r"(?i:\b(?:phone|tel|telephone|mobile|cell|whatsapp|fax)\b\.?|电话|手机|座机)"
            r"(?i:\s*(?:number\b|no\b\.?|号码?|is\b|是|为))*\s*[:：]?\s*"
            r"(?P<it>\(?\d[0-9 ().-]{5,16}\d)(?![A-Za-z0-9_/-])"
        ),
        _is_called_phone,
    ),
)
_SOME_DIGITS = re.compile(r"[0-9][0-9 ().-]{5,25}[0-9]")  # nothing but an e-mail address is without it

_Found = tuple[int, int, Pattern]


def find_personal(text: str) -> list[_Found]:
    """Where something personal begins and ends, and what it is; none of them overlap. Earlier entries go first."""
    found: list[_Found] = []
    numbers = _SOME_DIGITS.search(text) is not None
    if not numbers and "@" not in text:
        return found
    for pattern in TABLE:
        if not numbers if pattern.mask != "[EMAIL]" else "@" not in text:
            continue
        for match in pattern.shape.finditer(text):
            start, end = match.span("it" if "it" in pattern.shape.groupindex else 0)
            place = bisect(found, start, key=_start)
            free = (place == 0 or found[place - 1][1] <= start) and (place == len(found) or end <= found[place][0])
            if free and pattern.valid(text[start:end]):
                found.insert(place, (start, end, pattern))
    return found


def _start(piece: _Found) -> int:
    return piece[0]


def mask_personal(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The conversation with every piece of personal data masked. The same piece has the same mask wherever it stands;
    a second e-mail address is [EMAIL_2], and so on. Nothing else changes."""
    masks: dict[str, str] = {}
    numbers: Counter[str] = Counter()
    before = "\n".join(message.content for message in messages)
    texts = [message.content for message in messages]
    # What stood against something that is masked now stands by itself, and may be found now.
    while any(found := [find_personal(text) for text in texts]):
        for place, pieces in enumerate(found):
            for start, end, pattern in pieces:
                piece = texts[place][start:end]
                if piece not in masks:
                    masks[piece] = _next(pattern.mask, numbers, before)
            for start, end, _ in reversed(pieces):
                texts[place] = texts[place][:start] + masks[texts[place][start:end]] + texts[place][end:]
    return tuple(replace(message, content=text) for message, text in zip(messages, texts, strict=True))


def _next(mask: str, numbers: Counter[str], before: str) -> str:
    """The first of [EMAIL], [EMAIL_2], [EMAIL_3], ... that is neither given out nor in the text already."""
    while True:
        numbers[mask] += 1
        found = mask if numbers[mask] == 1 else f"{mask[:-1]}_{numbers[mask]}]"
        if found not in before:
            return found
