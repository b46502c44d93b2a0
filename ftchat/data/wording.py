"""What two examples say: the same numbers and names, the same words or others in their place. Knows nothing of how many
characters they share.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from difflib import SequenceMatcher
from functools import lru_cache
from typing import TypeVar

from ftchat.records import Example

_SHORT = 2000  # characters
_TYPOS = 20  # misspelt words that are looked for in two texts; more are exchanged ones
Found = TypeVar("Found")
_NUMBER = re.compile(  # and what is calculated with them
    r"\d+(?:[.,]\d+)*|(?<=\w)[+*/^×÷<>=](?=\w)|(?<=\w )[+*/^×÷<>=](?= \w)|(?<=\d)-(?=\d)|(?<=\d )-(?= \d)"
)
_NAME = re.compile(r"(?<=[a-z,] )[A-Z]\w+")
_WORD = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af]|[^\W\u2e80-\u9fff\uac00-\ud7af]+")


def _kept(function: Callable[[str], Found]) -> Callable[[str], Found]:
    """What it finds in short texts is kept in mind."""
    kept = lru_cache(maxsize=1 << 14)(function)
    return lambda text: kept(text) if len(text) <= _SHORT else function(text)


def says_the_same(a: Example, b: Example) -> bool:
    """Whether the two name the same numbers, and not different names."""
    for one, other in ((a.context, b.context), (a.messages[-1:], b.messages[-1:])):
        (numbers, names), (other_numbers, others) = (
            _named("\n".join([message.content for message in side])) for side in (one, other)
        )
        if numbers != other_numbers:
            return False
        if names - others and others - names:
            return False
    return True


@_kept  # of a template, an example is compared with many
def _named(text: str) -> tuple[list[str], frozenset[str]]:
    return _NUMBER.findall(text), frozenset(_NAME.findall(text))


@_kept
def _words(text: str) -> Counter[str]:
    return Counter(_WORD.findall(text.casefold()))


def words_exchanged(a: Example, b: Example) -> bool:
    """Whether words of the one stand where other words of the other stand, rather than being added or misspelt."""
    one, other = (_words(" ".join([message.content for message in example.messages])) for example in (a, b))
    gone, come = list((one - other).elements()), list((other - one).elements())
    if len(gone) * len(come) > _TYPOS**2:
        return True
    for word in gone:
        close = [candidate for candidate in come if _misspelt(word, candidate)]
        if close:
            come.remove(close[0])
        elif come:
            return True
    return False


def _misspelt(word: str, other: str) -> bool:
    longer, shorter = max(len(word), len(other)), min(len(word), len(other))
    return longer <= 40 and 7 * shorter >= 3 * longer and SequenceMatcher(None, word, other).ratio() >= 0.6
