"""All kinds of conversation with their weights, and conversations made of several of them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator

from . import context, lists, numbers, rewrite, stories, truth
from .blocks import Block, Talk
from .grammar import capital
from .material import library

Maker = Callable[[random.Random, bool], Talk]
SYSTEMS = (
    "You are a helpful assistant.", "You are a helpful assistant.", "You are a friendly assistant.", "You are a helpful, honest assistant.",
    "You are a small chat model.", "Be helpful and brief.", "You are Starter, a small model.", "Answer the user's questions.", "You are an AI assistant.",
    "You are a kind and patient helper.", "Help the user.", "You are a polite assistant. Keep your answers short.", "You are a chatbot.",
)  # fmt: skip
ZH_SYSTEMS = (
    "你是一个有用的助手。",
    "你是一个友好的助手。",
    "请简短地回答。",
    "你是 Starter，一个小模型。",
    "请帮助用户。",
    "You are a helpful assistant.",
)
BRIEF = (
    "Answer in one word.",
    "Answer with one word only.",
    "Reply with a single word.",
    "Be as brief as possible.",
    "Only give the answer, nothing else.",
)
PYTHON_KINDS: dict[str, tuple[float, Maker]] = {
    "sums": (50, numbers.sums), "zh_sums": (12, numbers.zh_sums), "bigger": (2.5, numbers.bigger), "zh_bigger": (1.5, numbers.zh_bigger),
    "next_number": (1.5, numbers.next_number), "count_to": (2, numbers.count_to), "even_odd": (1, numbers.even_odd),
    "word_problem": (5, numbers.word_problem), "change": (34, rewrite.change), "repeat": (60, rewrite.repeat), "letters": (3, context.letters),
    "reading": (10, context.reading), "memory": (12, context.memory), "zh_memory": (3, context.zh_memory), "zh_change": (5, rewrite.zh_change),
    "gibberish": (4, context.gibberish), "things": (24, lists.things), "zh_things": (8, lists.zh_things), "group_of": (2, lists.group_of),
    "sort": (1.5, lists.sort), "story": (9, stories.story), "zh_story": (4, stories.zh_story), "poem": (4, stories.poem),
    "note": (4, stories.note), "slogan": (1, stories.slogan), "describe": (1.5, stories.describe),
    "is_it": (6, truth.is_it), "true_or_not": (7, truth.true_or_not), "size": (3, truth.size), "times": (5, truth.times),
}  # fmt: skip
HELD_KINDS: dict[str, Maker] = {"double": numbers.double}
LEAD = (
    "Hi! ", "Hello, ", "Hello! ", "Hey, ", "Hi Starter, ", "Please tell me: ", "Quick question: ", "I have a question. ", "Can you help me? ",
    "Sorry to bother you. ", "OK. ", "Thanks. ", "Now tell me: ", "Next question: ", "Good morning! ", "Well, ", "So, ", "Um, ", "By the way, ",
    "One more thing: ", "Another question: ", "I am curious. ", "I was wondering: ", "My son asks: ", "My teacher asked me: ", "For my homework: ",
    "I forgot this: ", "Help me please. ", "Hey Starter! ", "Listen. ", "Great. ", "Let me ask you something. ", "This is for a quiz. ",
    "I am learning English. ", "Do you know this? ", "Answer me this: ", "Just checking: ", "Be honest: ", "A friend wants to know: ",
    "I cannot remember. ", "Question: ", "Q: ", "Tell me please, ", "Could you answer this? ", "Here is my question: ", "Actually, ", "And now: ",
)  # fmt: skip
ZH_LEAD = ("你好，", "你好！", "请问，", "请问一下，", "我想知道，", "好的，", "谢谢。", "下一个问题：", "嗨，", "那么，", "问题：", "老师问我，", "我忘了，", "帮帮我，",
           "请告诉我，", "我有个问题，", "再问一个：", "随便问问，", "Starter，", "对了，")  # fmt: skip
TRAIL = (" Thanks!", " Thank you.", " please", " Please help.", " :)", " 🙂", " Thank you in advance!", " I forgot.", " I am not sure.", " Do you know?",
         " Answer quickly.", " It is for school.", " I really want to know.", " Can you tell me?", " Just a short answer.", " I need it now.", " Hm?",
         " Explain please.", " What do you think?", " Be brief.", " Let me know.")  # fmt: skip
DROPPED = {"the", "a", "an", "is", "are", "of", "do", "does", "me", "please", "you", "to", "it", "i", "can"}
FILLERS = (
    "please",
    "um",
    "exactly",
    "just",
    "again",
    "now",
    "maybe",
    "well",
    "actually",
    "really",
    "hmm",
    "ok",
    "then",
    "quickly",
    "kindly",
    "today",
)


def _asked(block: Block) -> Maker:
    return lambda rng, held: library.talk(rng, block, held)


def _kept_back(block: Block) -> Maker:
    return lambda rng, _: library.talk(rng, block, True)


def kinds() -> dict[str, tuple[float, Maker]]:
    """Every kind that training may use, by name, with its weight."""
    out: dict[str, tuple[float, Maker]] = {}
    for name, block in library.blocks.items():
        if not block.held:
            out[name] = (block.weight, _asked(block))
    return out | PYTHON_KINDS


def held_out() -> dict[str, Maker]:
    """What training never sees: whole kinds, and ways of asking that are kept back (`!` lines and their like)."""
    out: dict[str, Maker] = {f"kind:{name}": maker for name, maker in HELD_KINDS.items()}
    for name, block in library.blocks.items():
        if block.held:
            out[f"kind:{name}"] = _kept_back(block)
        elif block.lines["!"]:
            out[f"asked:{name}"] = _kept_back(block)
    for name in ("sums", "zh_sums", "bigger", "next_number", "word_problem", "change", "repeat", "reading", "gibberish",
                 "things", "zh_things", "story", "zh_story", "poem", "note", "is_it", "size"):  # fmt: skip
        out[f"asked:{name}"] = PYTHON_KINDS[name][1]
    return out


def brief(rng: random.Random, talk: Talk) -> Talk:
    """The same question with the wish for one word, in the system prompt or in the question."""
    word = capital(talk.keys[0].split("/")[0])
    ask = next(text for role, text in talk.turns if role == "user")
    wish = rng.choice(BRIEF)
    if rng.random() < 0.5:
        return Talk((("system", wish), ("user", ask), ("assistant", word)), talk.keys)
    ask = f"{wish} {ask}" if rng.random() < 0.5 else f"{ask} {wish}"
    return Talk((("user", ask), ("assistant", word)), talk.keys)


def wrapped(rng: random.Random, talk: Talk) -> Talk:
    """A question with a greeting before it or thanks behind it; the answer stays the same."""
    turns = list(talk.turns)
    at = next(i for i, (role, _) in enumerate(turns) if role == "user")
    text = turns[at][1]
    if rng.random() < 0.7:
        text = rng.choice(ZH_LEAD if talk.chinese and not text.isascii() else LEAD) + text
    else:
        text = text + rng.choice(TRAIL)
    turns[at] = ("user", text)
    return Talk(tuple(turns), talk.keys)


def loosened(rng: random.Random, talk: Talk, swap: bool) -> Talk:
    """The question with small words left out, fillers put in or two words swapped: what counts are its main words."""
    turns = list(talk.turns)
    at = next(i for i, (role, _) in enumerate(turns) if role == "user")
    words = turns[at][1].split(" ")
    words = [w for w in words if w.lower() not in DROPPED or rng.random() < 0.5] or words
    if not talk.chinese and rng.random() < 0.4:
        words.insert(rng.randint(0, len(words)), rng.choice(FILLERS))
    if swap and rng.random() < 0.25 and len(words) > 3:
        i = rng.randrange(len(words) - 1)
        words[i], words[i + 1] = words[i + 1], words[i]
    turns[at] = ("user", " ".join(words))
    return Talk(tuple(turns), talk.keys)


def shouted(rng: random.Random, talk: Talk) -> Talk:
    """The answer in capital letters, because the system prompt wants it."""
    wish = rng.choice(("Answer in capital letters.", "Write everything in upper case.", "Always answer in ALL CAPS."))
    turns = [(role, text.upper() if role == "assistant" else text) for role, text in talk.turns]
    return Talk((("system", wish), *turns), talk.keys)


# Kinds whose user turns stay as they are: their words are the matter itself, or have no question in them.
EXACT = {"change", "zh_change", "repeat", "gibberish", "reading", "memory", "zh_memory", "sort", "times", "letters", "emoji", "foreign", "code", "okay",
         "yes_no", "no", "hello", "bye", "thanks", "zh_ok", "zh_no", "zh_hello", "zh_bye", "zh_thanks", "question_mark", "zh_what", "wide_format",
         "zh_wide_format", "wide_long", "zh_wide_long", "self_harm", "danger"}  # fmt: skip
BRIEF_KINDS = {
    "capital",
    "colour",
    "opposite",
    "past",
    "plural",
    "day_after",
    "count",
    "legs",
    "baby",
    "language",
    "continent",
}


def conversations(seed: int) -> Iterator[Talk]:
    """An endless stream of conversations: one kind, or several one after the other, with and without a system prompt."""
    rng = random.Random(seed)
    table = kinds()
    names = list(table)
    weights = [table[n][0] for n in names]
    seen: Counter[tuple[tuple[str, str], ...]] = Counter()
    english: list[str] = [n for n in names if not n.startswith("zh_")]
    chinese = [n for n in names if n.startswith("zh_")]
    weight_of = dict(zip(names, weights, strict=True))

    def one(pool: list[str] | None = None) -> tuple[str, Talk]:
        name = rng.choices(names, weights)[0] if pool is None else rng.choices(pool, [weight_of[n] for n in pool])[0]
        talk = table[name][1](rng, False)
        if name not in EXACT and talk.turns[0][0] == "user" and rng.random() < 0.4:
            if rng.random() < 0.4:
                talk = loosened(rng, talk, swap="sum" not in name and "problem" not in name)
            if rng.random() < 0.6:
                talk = wrapped(rng, talk)
        return name, talk

    while True:
        name, talk = one()
        if name in BRIEF_KINDS and len(talk.turns) == 2 and rng.random() < 0.08:
            talk = brief(rng, talk)
        elif not name.startswith("zh_") and talk.turns[0][0] == "user" and rng.random() < 0.008:
            talk = shouted(rng, talk)
        turns = list(talk.turns)
        if turns[0][0] != "system":
            if rng.random() < 0.38:
                pool = chinese if name.startswith("zh_") else english
                for _ in range(rng.choice((1, 1, 1, 2, 2, 3))):
                    more = one(pool)[1].turns
                    if more[0][0] != "system":
                        turns += more
            if rng.random() < 0.2:
                turns.insert(0, ("system", rng.choice(ZH_SYSTEMS if talk.chinese else SYSTEMS)))
        key = tuple(turns)
        seen[key] += 1
        if seen[key] <= 40:
            yield Talk(key, talk.keys)
