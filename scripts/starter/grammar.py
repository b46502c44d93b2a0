"""A line of text with choices and slots: `[Hi|Hello] {name}` -> `Hello Ada`.

The text of the starter model is written in this small language so that one line stands for many sentences.
Choices nest. A slot may carry a form: `{^food}` capital letter, `{a:animal}` with its article, `{s:animal}` plural.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from functools import cache
from typing import Any

Node = str | tuple[Any, ...]  # text, ("slot", form, name) or ("pick", [sequence, ...])
IRREGULAR = {
    "child": "children", "man": "men", "woman": "women", "person": "people", "mouse": "mice", "foot": "feet",
    "tooth": "teeth", "goose": "geese", "sheep": "sheep", "fish": "fish", "deer": "deer", "ox": "oxen",
    "leaf": "leaves", "wolf": "wolves", "knife": "knives", "loaf": "loaves", "potato": "potatoes",
    "tomato": "tomatoes", "hero": "heroes", "calf": "calves", "shelf": "shelves", "thief": "thieves",
    "salmon": "salmon", "goldfish": "goldfish", "wife": "wives", "life": "lives", "half": "halves", "scarf": "scarves",
}  # fmt: skip


def article(noun: str) -> str:
    """`an owl`, `a cat`: by the first letter, with the few words here that sound otherwise."""
    silent = noun.startswith(("hour", "honest"))
    hard = noun.startswith(("uni", "use", "one", "euro", "ukulele"))
    return ("an " if silent or (noun[:1].lower() in "aeiou" and not hard) else "a ") + noun


def plural(noun: str) -> str:
    """The plural of an English noun, by rule and a short list of exceptions."""
    if noun in IRREGULAR:
        return IRREGULAR[noun]
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "z", "ch", "sh")) else "s")


def capital(text: str) -> str:
    """First letter in upper case, the rest as it is."""
    return text[:1].upper() + text[1:]


FORMS: dict[str, Callable[[str], str]] = {"": str, "^": capital, "a:": article, "^a:": lambda t: capital(article(t)),
                                          "s:": plural, "^s:": lambda t: capital(plural(t)), "U:": str.upper,
                                          "l:": str.lower}  # fmt: skip


def _sequence(text: str, at: int, inside: bool) -> tuple[tuple[Node, ...], int]:
    nodes: list[Node] = []
    start = at
    while at < len(text) and not (inside and text[at] in "|]"):
        if text[at] == "[":
            nodes.append(text[start:at])
            options, at = [], at + 1
            while True:
                option, at = _sequence(text, at, True)
                options.append(option)
                at += 1
                if at > len(text):
                    raise ValueError(f"unclosed [ in {text!r}")
                if text[at - 1] == "]":
                    break
            nodes.append(("pick", tuple(options)))
            start = at
        elif text[at] == "{":
            nodes.append(text[start:at])
            end = text.index("}", at)
            form, name = re.fullmatch(r"(\^?(?:a:|s:)?|U:|l:)(\w+)", text[at + 1 : end]).groups()  # type: ignore[union-attr]
            nodes.append(("slot", form, name))
            at = start = end + 1
        else:
            at += 1
    nodes.append(text[start:at])
    return tuple(node for node in nodes if node != ""), at


@cache
def parse(text: str) -> tuple[Node, ...]:
    """The tree of one line."""
    return _sequence(text.replace("\\n", "\n"), 0, False)[0]


def slots(text: str) -> set[str]:
    """Names of the slots a line uses."""
    return set(re.findall(r"\{(?:\^?(?:a:|s:)?|U:|l:)(\w+)\}", text))


def say(rng: random.Random, text: str, fill: Callable[[str], str] | None = None) -> str:
    """One sentence of the many a line stands for."""

    def walk(nodes: tuple[Node, ...]) -> str:
        out = []
        for node in nodes:
            if isinstance(node, str):
                out.append(node)
            elif node[0] == "pick":
                out.append(walk(rng.choice(node[1])))
            else:
                assert fill is not None, text
                out.append(FORMS[node[1]](fill(node[2])))
        return "".join(out)

    return walk(parse(text))


def typo(rng: random.Random, word: str) -> str:
    """A slip of the finger: two letters swapped, one dropped or one doubled."""
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return word
    at = rng.randrange(1, len(word) - 1)
    kind = rng.randrange(3)
    if kind == 0:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + word[at + 1 :] if kind == 1 else word[:at] + word[at] + word[at:]


AMERICAN = (("colour", "color"), ("favourite", "favorite"), ("neighbour", "neighbor"), ("metre", "meter"), ("centre", "center"), ("autumn", "fall"),
            ("mathematics", "math"), ("maths", "math"), ("humour", "humor"), ("grey", "gray"), ("travelling", "traveling"))  # fmt: skip


def sloppy(rng: random.Random, text: str) -> str:
    """The way people really type: lower case, no full stop, a typo now and then."""
    if rng.random() < 0.4:
        for british, american in AMERICAN:
            text = text.replace(british, american)
    if rng.random() < 0.2:
        text = text.replace('"', "'")
    if rng.random() < 0.40:
        return text
    if rng.random() < 0.45:
        text = text.rstrip("?.!？。！ ") or text
    if rng.random() < 0.45:
        text = text.lower() if rng.random() < 0.6 else text[:1].lower() + text[1:]
    elif rng.random() < 0.04:
        text = text.upper()
    if rng.random() < 0.12:
        words = text.split(" ")
        at = rng.randrange(len(words))
        words[at] = typo(rng, words[at])
        text = " ".join(words)
    if rng.random() < 0.06:
        text = text + rng.choice(["!", "??", "...", " ", "!!", "\n"])
    return text
