"""Yes-or-no questions, sizes, and saying something a few times: answers that depend on two things in the question."""

from __future__ import annotations

import random

from .blocks import Talk
from .grammar import article, capital, say, sloppy
from .material import library

KIND_OF = {
    "animal": "dog,cat,horse,cow,lion,bear,rabbit,mouse,fox,snake,frog,whale,owl,bee,spider,pig,duck,shark",
    "fruit": "apple,banana,orange,pear,cherry,strawberry,mango,peach,plum,lemon,melon,grape",
    "vegetable": "carrot,potato,onion,cabbage,cucumber,leek,pumpkin,turnip,radish",
    "colour": "red,blue,green,yellow,purple,black,white,brown,pink,grey",
    "drink": "tea,coffee,milk,water,lemonade,juice,cocoa",
    "tool": "hammer,saw,drill,axe,ruler,screwdriver,rake,shovel",
    "country": "France,Italy,China,Japan,Brazil,Egypt,Canada,India,Spain,Germany",
    "city": "Paris,London,Rome,Tokyo,Beijing,Berlin,Madrid,Cairo,Sydney,Shanghai",
    "vehicle": "car,bus,train,bicycle,truck,ship,plane,boat,tram",
    "flower": "rose,tulip,daisy,lily,sunflower,violet",
    "instrument": "piano,guitar,violin,drum,flute,trumpet,harp",
    "piece of furniture": "table,chair,bed,sofa,desk,shelf,wardrobe",
    "planet": "Mercury,Venus,Mars,Jupiter,Saturn,Neptune",
    "season": "spring,summer,autumn,winter",
    "sport": "football,tennis,basketball,swimming,golf,skiing",
    "job": "teacher,doctor,nurse,baker,farmer,pilot,painter",
}  # fmt: skip
PLAIN = {"colour", "drink", "country", "city", "planet", "season", "sport"}


def is_it(rng: random.Random, held: bool) -> Talk:
    """`Is a dog an animal?`, with a yes or with a no that says what it is."""
    kind = rng.choice(list(KIND_OF))
    word = rng.choice(KIND_OF[kind].split(","))
    name = word if kind in PLAIN else article(word)
    if rng.random() < 0.25:
        ask = say(
            rng,
            f"[What kind of thing is {name}?|Is {name} {article(kind)} or {article(rng.choice([k for k in KIND_OF if k != kind]))}?]",
        )
        return Talk((("user", sloppy(rng, ask)), ("assistant", f"{capital(name)} is {article(kind)}.")), (kind,))
    yes = rng.random() < 0.5
    asked = kind if yes else rng.choice([k for k in KIND_OF if k != kind])
    frames = (f"Would you call {name} {article(asked)}?",) if held else (f"Is {name} {article(asked)}?", f"Is {name} {article(asked)}?",
                                                                         f"{capital(name)} is {article(asked)}, right?")  # fmt: skip
    answer = (
        f"Yes, {name} is {article(kind)}." if yes else f"No, {name} is not {article(asked)}. It is {article(kind)}."
    )
    ask = rng.choice(frames)
    return Talk((("user", ask if held else sloppy(rng, ask)), ("assistant", answer)), ("yes" if yes else "no",))


def true_or_not(rng: random.Random, held: bool) -> Talk:
    """Facts put as a question, half of them wrong; a wrong one is set right."""
    kind = rng.choice(
        ("capital", "capital", "colour", "opposite", "sum", "continent", "day", "zh_capital", "zh_colour")
    )
    yes = rng.random() < 0.45

    def pair(table: str) -> tuple[dict[str, str], dict[str, str]]:
        row = rng.choice(library.rows[table])
        return row, row if yes else rng.choice(library.rows[table])

    if kind in ("capital", "continent"):
        row, other = pair("countries")
        field = "capital" if kind == "capital" else "continent"
        if "--" in (row[field], other[field]):
            return true_or_not(rng, held)
        yes = row[field] == other[field]
        if kind == "capital":
            ask = f"[Is {other[field]} the capital of {row['country']}?|Is the capital of {row['country']} {other[field]}?]"
            fact = f"the capital of {row['country']} is {row[field]}."
        else:
            ask, fact = f"Is {row['country']} in {other[field]}?", f"{row['country']} is in {row[field]}."
    elif kind == "colour":
        row, other = pair("colours")
        yes = row["colour"] == other["colour"]
        ask, fact = f"Is {row['thing']} {other['colour']}?", f"{row['thing']} is {row['colour']}."
    elif kind == "opposite":
        row, other = pair("opposites")
        yes = row["opposite"] == other["opposite"]
        ask, fact = (
            f"Is {other['opposite']} the opposite of {row['word']}?",
            f"the opposite of {row['word']} is {row['opposite']}.",
        )
    elif kind == "day":
        row, other = pair("days")
        yes = row["next"] == other["next"]
        ask, fact = (
            f"[Does {other['next']} come after {row['day']}?|Is {other['next']} the day after {row['day']}?]",
            f"{row['next']} comes after {row['day']}.",
        )
    elif kind == "sum":
        a, b = rng.randint(1, 10), rng.randint(1, 10)
        said = a + b if yes else a + b + rng.choice((-2, -1, 1, 2, 3))
        ask, fact = (
            f"[Is {a} + {b} {said}?|Is {a} plus {b} equal to {said}?|{a} + {b} = {said}, right?]",
            f"{a} + {b} = {a + b}.",
        )
    elif kind == "zh_capital":
        row, other = pair("countries")
        if "--" in (row["zhcap"], other["zhcap"]):
            return true_or_not(rng, held)
        yes = row["zhcap"] == other["zhcap"]
        ask = f"[{row['zh']}的首都是{other['zhcap']}吗？|{other['zhcap']}是{row['zh']}的首都吗？]"
        answer = f"{'是的' if yes else '不是'}，{row['zh']}的首都是{row['zhcap']}。"
        return Talk((("user", say(rng, ask)), ("assistant", answer)), ("是的" if yes else "不是",))
    else:
        row, other = pair("zhcolours")
        yes = row["colour"] == other["colour"]
        answer = f"{'是的' if yes else '不是'}，{row['thing']}是{row['colour']}的。"
        return Talk(
            (("user", f"{row['thing']}是{other['colour']}的吗？"), ("assistant", answer)), ("是的" if yes else "不是",)
        )
    answer = f"{'Yes' if yes else 'No'}, {fact}"
    return Talk((("user", sloppy(rng, say(rng, ask))), ("assistant", answer)), ("yes" if yes else "no",))


def size(rng: random.Random, held: bool) -> Talk:
    """Which of two things is bigger."""
    first, second = rng.sample(library.rows["sizes"], 2)
    if first["size"] == second["size"]:
        return size(rng, held)
    more = rng.random() < 0.65
    word = rng.choice(("bigger", "larger")) if more else "smaller"
    high, low = sorted((first, second), key=lambda row: int(row["size"]), reverse=True)
    win, lose = (high, low) if more else (low, high)
    a, b = first["thing"], second["thing"]
    frames = (f"Compare {a} with {b}: which one is {word}?",) if held else (
        f"Which is {word}, {a} or {b}?", f"What is {word}, {a} or {b}?", f"Which is {word}: {a} or {b}?", f"Is {a} {word} than {b}?")  # fmt: skip
    ask = rng.choice(frames)
    fact = f"{win['thing']} is {word} than {lose['thing']}."
    keys = (f"{win['thing']} is",)
    if ask.startswith("Is "):
        yes = win is first
        fact, keys = f"{'Yes' if yes else 'No'}, {fact}", ("yes" if yes else "no",)
    return Talk((("user", ask if held else sloppy(rng, ask)), ("assistant", capital(fact))), keys)


def times(rng: random.Random, held: bool) -> Talk:
    """`Say hello three times.`"""
    word = rng.choice((rng.choice(library.words("common")), rng.choice(library.column("dict", "en")), "hello"))
    n = rng.choice((2, 3, 3, 4, 5))
    many = {2: "two times", 3: "three times", 4: "four times", 5: "five times"}[n]
    ask = say(rng, f'[Say|Write|Repeat] [{word}|"{word}"|the word {word}|the word "{word}"] [{many}|{n} times].')
    answer = " ".join([word] * n)
    return Talk((("user", sloppy(rng, ask)), ("assistant", answer)), (answer,))
