"""Sums, comparisons, counting and small word problems, in digits and in words, English and Chinese."""

from __future__ import annotations

import random

from .blocks import Talk
from .grammar import capital, plural, say, sloppy
from .material import library

ONES = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen").split()  # fmt: skip
TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()
HAN = "零一二三四五六七八九十"


def words(n: int) -> str:
    """A number up to 199 in English words."""
    if n < 0:
        return "minus " + words(-n)
    if n < 20:
        return ONES[n]
    if n < 100:
        return TENS[n // 10] + ("-" + ONES[n % 10] if n % 10 else "")
    return "one hundred" + (" and " + words(n - 100) if n > 100 else "")


def han(n: int) -> str:
    """A number up to 199 in Chinese words."""
    if n <= 10:
        return HAN[n]
    if n < 20:
        return "十" + HAN[n - 10]
    if n < 100:
        return HAN[n // 10] + "十" + (HAN[n % 10] if n % 10 else "")
    rest = n - 100
    return "一百" + ("" if rest == 0 else "零" + han(rest) if rest < 10 else ("一" if rest < 20 else "") + han(rest))


def _sum(rng: random.Random, chinese: bool = False) -> tuple[int, str, int, int]:
    sign = rng.choice("+++---**/")
    if sign == "+":
        top = rng.choice((10, 10, 10, 20, 20, 50, 100) if not chinese else (10, 10, 20, 50))
        a, b = rng.randint(0, top), rng.randint(0, top)
        return a, sign, b, a + b
    if sign == "-":
        top = rng.choice((10, 10, 20, 20, 50, 100) if not chinese else (10, 10, 20, 50))
        a, b = sorted((rng.randint(0, top), rng.randint(0, top)), reverse=True)
        return a, sign, b, a - b
    if sign == "*":
        a, b = rng.randint(0 if rng.random() < 0.1 else 1, 12), rng.randint(1, 10)
        return a, sign, b, a * b
    b, c = rng.randint(1, 10), rng.randint(1, 10)
    return b * c, sign, b, c


SAID = {"+": "[plus|plus|and|added to]", "-": "minus", "*": "[times|times|multiplied by]", "/": "divided by"}
SIGN = {"+": "+", "-": "-", "*": "[x|*|×|*]", "/": "[/|÷|:]"}
ASK = (
    "What is {sum}?", "What is {sum}?", "What's {sum}?", "{sum}", "{sum}", "{sum}?", "{sum} =", "{sum} = ?",
    "How much is {sum}?", "[Calculate|Compute|Work out] {sum}.", "Can you [calculate|tell me] {sum}?",
    "[Please |]add it up for me: {sum}", "What does {sum} make?", "Solve {sum}", "Do you know what {sum} is?",
)  # fmt: skip
ASK_HELD = ("If I do {sum}, what do I get?", "I need the result of {sum}", "My homework says {sum}. And the answer?")
ZH_SAID = {"+": "加", "-": "减", "*": "乘以", "/": "除以"}


def sums(rng: random.Random, held: bool) -> Talk:
    """`7 + 5`, `seven plus five`, and the same asked again with other numbers."""
    turns: list[tuple[str, str]] = []
    keys: tuple[str, ...] = ()
    for place in range(1 if held or rng.random() < 0.7 else 2):
        a, sign, b, c = _sum(rng)
        style = rng.random()
        if style < 0.45:
            text = f"{a} " + say(rng, SIGN[sign]) + f" {b}"
            text = text.replace(" ", "") if rng.random() < 0.3 else text
        elif style < 0.75:
            text = f"{a} {say(rng, SAID[sign])} {b}"
        else:
            text = f"{words(a)} {say(rng, SAID[sign])} {words(b)}"
        frames = ASK_HELD if held else ASK if place == 0 else ("And {sum}?", "What about {sum}?", "And {sum}")

        def filled(_: str, text: str = text) -> str:
            return text

        ask = say(rng, rng.choice(frames), filled)
        wordy = style >= 0.75
        said = words(c) if wordy else str(c)
        spelled = {"+": "plus", "-": "minus", "*": "times", "/": "divided by"}[sign]
        left = f"{words(a)} {spelled} {words(b)}" if wordy else f"{a} {'×' if sign == '*' else sign} {b}"
        link = " is " if wordy else " = "
        answer = capital(f"{left}{link}{said}.")
        turns += [("user", ask if held else sloppy(rng, capital(ask))), ("assistant", answer)]
        keys = (said,)
    return Talk(tuple(turns), keys)


def zh_sums(rng: random.Random, held: bool) -> Talk:
    """The same in Chinese."""
    a, sign, b, c = _sum(rng, chinese=True)
    if rng.random() < 0.6:
        text = f"{a}{ZH_SAID[sign] if rng.random() < 0.6 else {'*': '×', '/': '÷'}.get(sign, sign)}{b}"
        answer, key = f"{a}{ZH_SAID[sign]}{b}等于{c}。", str(c)
    else:
        text, key = f"{han(a)}{ZH_SAID[sign]}{han(b)}", han(c)
        answer = f"{text}等于{key}。"
    frames = ("[求|我想知道]{sum}的结果。",) if held else (
        "{sum}等于多少？", "{sum}等于几？", "{sum}是多少", "{sum}=?", "算一下{sum}", "请计算{sum}。", "你知道{sum}是多少吗？")  # fmt: skip
    return Talk((("user", say(rng, rng.choice(frames), lambda _: text)), ("assistant", answer)), (key,))


def bigger(rng: random.Random, held: bool) -> Talk:
    """Which of two numbers is bigger or smaller."""
    a, b = rng.sample(range(0, rng.choice((10, 20, 100))), 2)
    more = rng.random() < 0.6
    word = rng.choice(("bigger", "larger", "greater")) if more else "smaller"
    frames = (f"Choose the {word} number: {a}, {b}",) if held else (
        f"Which is {word}, {a} or {b}?", f"Which number is {word}: {a} or {b}?", f"What is {word}, {a} or {b}?",
        f"{a} or {b}, which is {word}?", f"Is {a} {word} than {b}?")  # fmt: skip
    ask = rng.choice(frames)
    right = max(a, b) if more else min(a, b)
    wrong = min(a, b) if more else max(a, b)
    fact = f"{right} is {word} than {wrong}."
    if ask.startswith("Is "):
        key = "yes" if right == a else "no"
        fact, keys = f"{'Yes' if right == a else 'No'}, {fact}", (key,)
    else:
        keys = (f"{right} is",)
    return Talk((("user", ask if held else sloppy(rng, ask)), ("assistant", fact)), keys)


def zh_bigger(rng: random.Random, held: bool) -> Talk:
    """Which number is bigger, in Chinese."""
    a, b = rng.sample(range(0, rng.choice((10, 20, 100))), 2)
    more = rng.random() < 0.6
    word = "大" if more else "小"
    right, wrong = (max(a, b), min(a, b)) if more else (min(a, b), max(a, b))
    ask = say(rng, f"[{a}和{b}哪个{word}？|{a}和{b}，哪个更{word}？|哪个数更{word}，{a}还是{b}？]")
    return Talk((("user", ask), ("assistant", f"{right}比{wrong}{word}。")), (f"{right}比",))


def next_number(rng: random.Random, held: bool) -> Talk:
    """The number after or before."""
    n = rng.randint(1, 99)
    after = rng.random() < 0.6
    m = n + 1 if after else n - 1
    place = "after" if after else "before"
    frames = (f"I counted to {n}. Which number did I say {'next' if after else 'just before it'}?",) if held else (
        f"[What|Which] number comes {place} {n}?", f"What is the number {place} {n}?", f"What comes {place} {n}?")  # fmt: skip
    ask = say(rng, rng.choice(frames))
    return Talk((("user", ask if held else sloppy(rng, ask)), ("assistant", f"{m} comes {place} {n}.")), (f"{m} ",))


def count_to(rng: random.Random, held: bool) -> Talk:
    """Counting up and down, in figures."""
    n = rng.choice((3, 4, 5, 5, 6, 7, 8, 10, 10, 10, 12, 15, 20))
    if rng.random() < 0.75:
        answer = ", ".join(map(str, range(1, n + 1)))
        ask = f"[Count to {n}|Count from 1 to {n}|Count from one to {words(n)}|Can you count to {n}|count up to {n}]"
        ask = f"从一数到{han(n)}" if rng.random() < 0.2 else ask
    else:
        answer = ", ".join(map(str, range(n, 0, -1)))
        ask = f"[Count down from {n}|Count backwards from {n}|Count from {n} to 1]"
    return Talk((("user", sloppy(rng, say(rng, ask + "[.||, please]"))), ("assistant", answer)), (answer,))


def even_odd(rng: random.Random, held: bool) -> Talk:
    """Even or odd."""
    n = rng.randint(0, 99)
    kind = "odd" if n % 2 else "even"
    ask = say(rng, f"[Is {n} even or odd?|Is {n} an even or an odd number?|Is the number {n} odd or even?]")
    return Talk((("user", sloppy(rng, ask)), ("assistant", f"{n} is {kind}.")), (kind,))


def double(rng: random.Random, held: bool) -> Talk:
    """Double and half; the whole kind is held out of training."""
    n = rng.randint(1, 10)
    if rng.random() < 0.5:
        return Talk((("user", f"What is double {n}?"), ("assistant", f"{n} × 2 = {n * 2}.")), (str(n * 2),))
    return Talk((("user", f"What is half of {n * 2}?"), ("assistant", f"{n * 2} / 2 = {n}.")), (str(n),))


def word_problem(rng: random.Random, held: bool) -> Talk:
    """`Tom has 3 apples and gets 2 more.`"""
    name = rng.choice(library.words("name"))
    thing = plural(rng.choice("apple book ball pencil cookie coin flower egg shell card stamp toy cup orange".split()))
    a, b = rng.randint(2, 12), rng.randint(1, 9)
    gain = rng.random() < 0.5 or b >= a
    if held:
        frame = "{name} owns {a} {thing}. Then {b} [are added|are taken away]. What is the number now?"
        frame = frame.replace("[are added|are taken away]", "are added" if gain else "are taken away")
    elif gain:
        frame = rng.choice((
            "{name} has {a} {thing} and [gets|buys|finds] {b} more. How many {thing} does {name} have?",
            "{name} has {a} {thing}. {name} [gets|buys|finds] {b} more. How many {thing} are there now?",
            "There are {a} {thing} on the table. {name} adds {b}. How many {thing} are there?",
            "If I have {a} {thing} and you give me {b}, how many do I have?"))  # fmt: skip
    else:
        frame = rng.choice((
            "{name} has {a} {thing} and [gives away|loses|sells] {b}. How many {thing} does {name} have?",
            "There are {a} {thing} on the table. {name} takes {b}. How many are left?",
            "If I have {a} {thing} and give you {b}, how many do I have left?"))  # fmt: skip
    fill = {"name": name, "thing": thing, "a": str(a), "b": str(b)}
    c = a + b if gain else a - b
    ask = say(rng, frame, fill.__getitem__)
    left = "" if gain else " left"
    noun = thing if c != 1 else thing[:-1]
    answer = f"{a} {'+' if gain else '-'} {b} = {c}. There {'is' if c == 1 else 'are'} {c} {noun}{left}."
    return Talk((("user", ask), ("assistant", answer)), (str(c),))
