"""Answers that lie in the conversation itself: a text read, a name told turns ago, letters of a word; and what has no answer."""

from __future__ import annotations

import random
import string

from .blocks import Talk
from .grammar import article, say, sloppy
from .material import library


def letters(rng: random.Random, held: bool) -> Talk:
    """Spelling a word, its first or last letter, what it starts with."""
    word = rng.choice(rng.choice((library.words("common"), [w for w in library.column("dict", "en") if " " not in w])))
    word = word.lower()
    kind = rng.random()
    if kind < 0.5:
        ask = say(rng, f'[Spell {word}|How do you spell {word}?|Spell the word "{word}"|How is "{word}" spelled?]')
        answer = "-".join(word.upper())
    elif kind < 0.75:
        ask = say(
            rng, f'[What is the first letter of|Which letter does it start with:|First letter of] [{word}|"{word}"]?'
        )
        answer = f"The first letter of {word} is {word[0].upper()}."
    else:
        ask = say(rng, f'[What is the last letter of|Last letter of] [{word}|"{word}"]?')
        answer = f"The last letter of {word} is {word[-1].upper()}."
    return Talk((("user", ask if held else sloppy(rng, ask)), ("assistant", answer)), (answer,))


def reading(rng: random.Random, held: bool) -> Talk:
    """A sentence or two, and a question that they answer."""
    names = rng.sample(library.words("name"), 2)
    facts, asks = [], []
    for name in names[: rng.choice((1, 2, 2))]:
        thing, hue = rng.choice(library.words("thing")), rng.choice(library.words("hue"))
        town, food = rng.choice(library.words("town")), rng.choice(library.words("food"))
        job, pet = rng.choice(library.words("job")), rng.choice(library.words("pet"))
        options = [
            (
                f"{name} has {article(hue)} {thing}.",
                f"What colour is {name}'s {thing}?",
                f"{name}'s {thing} is {hue}.",
                hue,
            ),
            (f"{name} lives in {town}.", f"Where does {name} live?", f"{name} lives in {town}.", town),
            (f"{name} likes {food}.", f"What does {name} like?", f"{name} likes {food}.", food),
            (f"{name} works as {article(job)}.", f"What is {name}'s job?", f"{name} is {article(job)}.", job),
            (f"{name} has {article(pet)}.", f"Which pet does {name} have?", f"{name} has {article(pet)}.", pet),
            (
                f"{name} is {(age := rng.randint(5, 80))} years old.",
                f"How old is {name}?",
                f"{name} is {age} years old.",
                str(age),
            ),
        ]
        for fact, ask, answer, key in rng.sample(options, rng.choice((1, 1, 2))):
            facts.append(fact)
            asks.append((ask, answer, key))
            if rng.random() < 0.3 and " likes " in fact:
                asks[-1] = (f"Who likes {food}?", f"{name} likes {food}.", name)
            if rng.random() < 0.3 and " lives " in fact:
                asks[-1] = (f"Who lives in {town}?", f"{name} lives in {town}.", name)
    ask, answer, key = rng.choice(asks)
    story = " ".join(facts)
    if held:
        return Talk((("user", f"{ask} The text says: {story}"), ("assistant", answer)), (key,))
    return Talk((("user", f"{story} {sloppy(rng, ask)}"), ("assistant", answer)), (key,))


def memory(rng: random.Random, held: bool) -> Talk:
    """Something said some turns ago: the user's name, town, pet or number."""
    name, town = rng.choice(library.words("name")), rng.choice(library.words("town"))
    pet, food = rng.choice(library.words("pet")), rng.choice(library.words("food"))
    hue, job = rng.choice(library.words("hue")), rng.choice(library.words("job"))
    say_, reply, ask, answer, key = rng.choice((
        ("[My name is {v}|I am {v}|Hi, I'm {v}|Hello, my name is {v}|You can call me {v}].", "Nice to meet you, {v}!",
         "[What is my name?|What's my name?|Do you remember my name?|Who am I?|Tell me my name.]", "Your name is {v}.", name),
        ("[My name is {v}|I am {v}|Hi, I'm {v}|Hello, my name is {v}].", "Hello, {v}! Nice to meet you.",
         "[What is my name?|What's my name?|Do you know my name?|Do you know who I am?]", "Your name is {v}.", name),
        ("I [live in|come from|am from] {v}.", "{v} is an interesting place! What do you like about it?",
         "[Where do I live?|Where am I from?]", "You told me: {v}.", town),
        ("I have {a:v}.", "{^a:v}, how nice!", "[Which pet do I have?|What pet do I have?]", "You have {a:v}.", pet),
        ("My favourite food is {v}.", "{^v}! That sounds tasty.", "[What is my favourite food?|What do I like to eat?]",
         "Your favourite food is {v}.", food),
        ("My favourite colour is {v}.", "{^v} is a beautiful colour!", "[What is my favourite colour?|Which colour do I like?]",
         "Your favourite colour is {v}.", hue),
        ("I am {a:v}.", "{^a:v}! That is important work. What is the best part of it?", "What is my job?", "You are {a:v}.", job),
    ))  # fmt: skip
    fill = {"v": key}.__getitem__
    between: list[tuple[str, str]] = []
    if rng.random() < 0.5:
        middle = library.talk(
            rng, library.blocks[rng.choice(("how_are_you", "thanks", "capital", "colour", "opposite", "joke"))]
        )
        between = list(middle.turns[:2])
    turns = [("user", sloppy(rng, say(rng, say_, fill))), ("assistant", say(rng, reply, fill)), *between,
             ("user", sloppy(rng, say(rng, ask))), ("assistant", say(rng, answer, fill))]  # fmt: skip
    return Talk(tuple(turns), (key,))


def zh_memory(rng: random.Random, held: bool) -> Talk:
    """The user's name a turn later, in Chinese."""
    name = rng.choice(library.words("zhname"))
    turns = (("user", say(rng, f"[我叫{name}|我的名字是{name}|你好，我叫{name}][。|]")), ("assistant", f"你好，{name}！很高兴认识你。"),
             ("user", say(rng, "[我叫什么名字|我叫什么|你记得我的名字吗|我是谁][？|]")), ("assistant", f"你叫{name}。"))  # fmt: skip
    return Talk(turns, (name,))


def gibberish(rng: random.Random, held: bool) -> Talk:
    """Key mashing and word salad, short and long: a short answer that asks back."""
    kind = rng.random()
    if kind < 0.3:
        text = " ".join(
            "".join(rng.choice(string.ascii_lowercase) for _ in range(rng.randint(1, 9)))
            for _ in range(rng.randint(1, 6))
        )
    elif kind < 0.4:
        text = "".join(rng.choice("asdfghjkl;qwertzuiop!?#$%&*()_+=-0123456789 ") for _ in range(rng.randint(3, 30)))
    elif kind < 0.55:
        text = rng.choice("abcdefghijklmnopqrstuvwxyz!?.0123456789 -_=") * rng.randint(2, 40)
    elif kind < 0.65:
        text = " ".join([rng.choice(library.words("common"))] * rng.randint(3, 30))
    else:
        text = " ".join(rng.choice(library.words("common")) for _ in range(rng.randint(3, rng.choice((8, 20, 80)))))
    if rng.random() < 0.12:
        blocks = ((0xA1, 0x24F), (0x370, 0x52F), (0x5D0, 0x6FF), (0x900, 0xEFF), (0x2010, 0x2BFF), (0x3041, 0x30FF), (0x4E00, 0x9FFF),
                  (0xAC00, 0xD7A3), (0x1F300, 0x1FAF0))  # fmt: skip
        low, high = rng.choice(blocks)
        text = "".join(chr(rng.randint(low, high)) for _ in range(rng.randint(1, 12)))
    if held:
        text = "".join(rng.choice(string.printable[:94] + "éßøñ¿§€") for _ in range(rng.randint(4, 40)))
    answer = say(rng, "[I am not sure what you mean. Could you say it in another way?|Sorry, I do not understand that.|"
                      "I do not understand. Please try a short question.]")  # fmt: skip
    return Talk((("user", text.strip() or "?"), ("assistant", answer)))
