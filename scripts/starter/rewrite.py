"""Rewriting a sentence as wished (polite, short, past, question, capitals, spelling), and repeating it, English and Chinese."""

from __future__ import annotations

import random
import re

from .blocks import Talk
from .grammar import capital, say, sloppy, typo
from .material import library
from .sentences import act, anything, wish

FLUFF = ("I just wanted to say that ", "As you may already know, ", "To be very honest with you, ",
         "At this point in time, ", "It is important to note that ", "If you ask me what I think, ",
         "I would like to let you know that ", "What I am trying to say is that ", "In my own humble opinion, ")  # fmt: skip
TAIL = (" in the end, after all was said and done", ", which is what I wanted to tell you",
        ", if you know what I mean", " and that is really all there is to it", ", as I have said before")  # fmt: skip
POLITE = ("Could you please {do}?", "Would you please {do}?", "Could you {do}, please?")
SLIPS = {"the": "teh", "have": "hav", "great": "gret", "receive": "recieve", "because": "becuase", "friend": "freind", "their": "thier", "really": "realy",
         "tomorrow": "tommorow", "which": "wich", "people": "poeple", "with": "wiht", "would": "woud", "house": "hosue", "good": "goood",
         "school": "shcool", "water": "watre", "morning": "mornign", "every": "evry", "market": "markte", "small": "smal"}  # fmt: skip


def _task(rng: random.Random, held: bool, asks: tuple[str, ...], held_asks: tuple[str, ...], text: str) -> str:
    """The wish and the text, with the text before or after it, quoted or not."""
    ask = say(rng, rng.choice(held_asks if held and held_asks else asks))
    quoted = f'"{text}"' if rng.random() < 0.35 else text
    if held:
        return f"{ask}: {quoted}"
    ask = sloppy(rng, ask) if rng.random() < 0.3 else ask
    form = rng.random()
    if form < 0.7:
        return f"{ask}: {quoted}"
    if form < 0.85:
        return f"{ask}:\n{quoted}"
    return f"{quoted} - {ask.lower()}" if form < 0.92 else f"{ask} {quoted}"


def change(rng: random.Random, held: bool) -> Talk:
    """One sentence and one wish about it."""
    kind = rng.choice(("polite",) * 4 + ("short",) * 3 + ("past",) * 2 + ("future", "question", "no", "upper", "lower",
                      "formal", "formal", "casual", "spell", "spell", "spell", "excited", "point"))  # fmt: skip
    subject, (base, third, past), rest = act(rng)
    does = "do" if third == base else "does"
    source = capital(f"{subject} {third} {rest}.")
    asks: tuple[str, ...]
    held_asks: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    if kind == "polite":
        do = wish(rng)
        source = capital(say(rng, f"[{do}|{do}|{do} now|{do} right now|I want you to {do}|you must {do}][.|!|]"))
        answer = rng.choice(POLITE[:1] * 3 + POLITE).format(do=do)
        asks = (
            "[Make|Please make] [this|it|this sentence|this text] [more |]polite",
            "Say this politely",
            "Rewrite politely",
            "[Rewrite|Rephrase] this in a [polite|friendly|nicer] way",
            "How do I say this politely?",
            "Be polite",
        )
        held_asks = ("My boss will read this, so put it with good manners", "Turn this into a courteous request")
    elif kind == "short":
        core = f"{subject} {past} {rest}"
        if rng.random() < 0.4:
            core = rng.choice(library.words("sentence"))[:-1]
            core = core if core.startswith("I ") else core[:1].lower() + core[1:]
        source = rng.choice(FLUFF) + core + (rng.choice(TAIL) if rng.random() < 0.5 else "") + "."
        answer = capital(core) + "."
        asks = (
            "[Make|Please make] [this|it] shorter",
            "Shorten this[ sentence| text|]",
            "Say it in fewer words",
            "[Summarise|Summarize] this",
            "Cut this down",
            "[Rewrite|Write] this [briefly|in short]",
        )
        held_asks = ("Too many words. Keep the core of it",)
    elif kind == "past":
        answer = capital(f"{subject} {past} {rest}.")
        asks = (
            "[Put|Write|Rewrite|Turn] this [in|into] the past[ tense|]",
            "Change this to the past tense",
            "Past tense",
        )
        held_asks = ("This happened long ago, so adapt the verb",)
    elif kind == "future":
        answer = capital(f"{subject} will {base} {rest}.")
        asks = ("[Put|Write|Rewrite|Turn] this [in|into] the future[ tense|]", "Change this to the future tense")
        held_asks = ("This will happen tomorrow, so adapt the verb",)
    elif kind == "question":
        answer = capital(f"{does} {subject} {base} {rest}?")
        asks = ("[Turn|Make|Change] this into a question", "Make it a question", "[Write|Rewrite] this as a question")
        held_asks = ()
    elif kind == "no":
        answer = capital(f"{subject} {does} not {base} {rest}.")
        asks = ("[Make|Put] this [negative|in the negative]", "Say the opposite with not", "Negate this[ sentence|]")
        held_asks = ()
    elif kind in ("upper", "lower"):
        source = anything(rng)
        source = source if kind == "upper" else "".join(c.upper() if rng.random() < 0.5 else c for c in source)
        answer = source.upper() if kind == "upper" else source.lower()
        name = (
            "[upper case|uppercase|capital letters|all caps]"
            if kind == "upper"
            else "[lower case|lowercase|small letters]"
        )
        asks = (
            f"[Write|Put|Rewrite] this in {name}",
            f"[Make|Turn] this [into |]{name}",
            f"{name}".replace("[", "[in ", 1),
        )
        held_asks = ()
    elif kind == "formal":
        pairs = (("Hey, can you send me the {t}?", "Could you please send me the {t}?"),
                 ("I wanna see the {t}.", "I would like to see the {t}."), ("Gimme the {t}.", "Please give me the {t}."),
                 ("Thanks a bunch for the {t}!", "Thank you very much for the {t}."),
                 ("Sorry, I lost the {t}.", "I apologise for losing the {t}."),
                 ("The {t} is super cool!", "The {t} is very impressive."), ("What's up with the {t}?", "What is the status of the {t}?"),
                 ("I can't find the {t}.", "Unfortunately, I cannot find the {t}."), ("The {t} is broken, man.", "The {t} is damaged."),
                 ("Hey, where's the {t}?", "Could you please tell me where the {t} is?"))  # fmt: skip
        thing = rng.choice(library.words("thing"))
        source, answer = (s.format(t=thing) for s in rng.choice(pairs))
        asks = (
            "[Make|Write] this [more |]formal",
            "[Rewrite|Rephrase] this [formally|in a formal way]",
            "Make it formal",
            "Say this in business English",
        )
        held_asks = ("I need this for an official letter",)
    elif kind == "casual":
        thing = rng.choice(library.words("thing"))
        pairs = (("I would like to request the {t}.", "Can I have the {t}?"), ("Please accept my apologies for the {t}.", "Sorry about the {t}!"),
                 ("I am very grateful for the {t}.", "Thanks for the {t}!"), ("I do not possess a {t}.", "I don't have a {t}."))  # fmt: skip
        source, answer = (s.format(t=thing) for s in rng.choice(pairs))
        asks = ("[Make|Write] this [more |]casual", "Say this in a casual way", "Make it informal")
        held_asks = ()
    elif kind == "spell":
        answer = capital(f"{subject} {rng.choice((third, past))} {rest}.")
        if rng.random() < 0.35:
            answer = rng.choice(library.words("sentence"))
        tokens = answer[:-1].split(" ")
        for at in rng.sample(range(len(tokens)), min(len(tokens), rng.randint(1, 3))):
            tokens[at] = SLIPS[tokens[at]] if tokens[at] in SLIPS else typo(rng, tokens[at])
        source = " ".join(tokens)
        source = source.lower() if rng.random() < 0.5 else source + "."
        asks = ("[Fix|Correct] [the spelling|this|the mistakes|the errors|this sentence]", "Correct this[ text|, please|]",
                "Fix the typos", "[Check|Repair] the spelling")  # fmt: skip
        held_asks = ("A friend typed this too fast. Clean it up",)
    elif kind == "excited":
        answer = source[:-1] + "!"
        asks = ("[Make|Say] this [more |]excited", "Make it sound excited", "Add an exclamation mark")
        held_asks = ()
    else:
        source, answer = source[:-1].lower(), source
        asks = (
            "[Add|Fix] the [punctuation|capital letter and full stop]",
            "Make this a proper sentence",
            "Fix the capital letters",
        )
        held_asks = ()
    return Talk((("user", _task(rng, held, asks, held_asks, source)), ("assistant", answer)), (answer,))


def repeat(rng: random.Random, held: bool) -> Talk:
    """Say this again: teaches copying, and gives every token of the vocabulary some practice."""
    if rng.random() < 0.5:
        # Any characters at all, so that each of them is written often enough to be told from the others later.
        chars = library.words("hanzi")
        text = "".join(rng.choice(chars) for _ in range(rng.choice((2, 4, 6, 8, 12, 16, 20, 24))))
        text = re.sub(r"(.{7})(?=.)", r"\1，", text) + "。" if rng.random() < 0.4 else text
        ask = say(rng, "[跟我说|重复|请重复|请说|跟我读|写]：") + text
        return Talk((("user", ask), ("assistant", text)), (text,))
    if rng.random() < 0.08:
        text = "".join(rng.choice((rng.choice(library.words("emoji")), chr(rng.randint(0x1F300, 0x1F6FF)), chr(rng.randint(0xC0, 0x17F)),
                                   chr(rng.randint(0x410, 0x44F)), chr(rng.randint(0x3041, 0x30F6)))) for _ in range(rng.randint(1, 4)))  # fmt: skip
    else:
        text = anything(rng)
    text = capital(text) if rng.random() < 0.4 else text
    asks = ("[Repeat|Repeat after me|Say|Say this|Please say|Repeat this|Echo|Copy this|Write|Write down]",)
    return Talk(
        (("user", _task(rng, held, asks, ("Tell me exactly these words",), text)), ("assistant", text)), (text,)
    )


def zh_change(rng: random.Random, held: bool) -> Talk:
    """Small rewritings in Chinese: polite, short, question, no."""
    who = rng.choice(("小明", "妈妈", "老师", "我的朋友", "姐姐", "爷爷", "小猫", "医生"))
    do = rng.choice("去公园 吃苹果 看书 喝茶 写信 回家 买面包 唱歌 画画 打扫房间 做饭 睡觉 听音乐 洗衣服 种花".split())
    kind = rng.choice(("polite", "polite", "short", "no", "ask"))
    if kind == "polite":
        order = rng.choice(
            "把门关上 给我一杯水 把文件发给我 等一下 帮我一个忙 回复我的邮件 把灯打开 告诉我价格 安静一点 快一点".split()
        )
        source, answer, ask = (
            order + rng.choice(("。", "！", "")),
            f"请您{order}，谢谢。",
            "[请说得礼貌一点|改得礼貌一些|礼貌地说|换成礼貌的说法]",
        )
    elif kind == "short":
        source, answer = (
            f"{rng.choice(('其实我想说的是，', '你可能已经知道了，', '说实话，', '我想告诉你，'))}{who}今天{do}了。",
            f"{who}今天{do}了。",
        )
        ask = "[改短一点|缩短这句话|说得简短一些|总结一下]"
    elif kind == "no":
        source, answer, ask = f"{who}喜欢{do}。", f"{who}不喜欢{do}。", "[改成否定句|变成否定句]"
    else:
        source, answer, ask = f"{who}喜欢{do}。", f"{who}喜欢{do}吗？", "[改成疑问句|变成问句]"
    return Talk((("user", say(rng, ask) + "：" + source), ("assistant", answer)), (answer,))
