"""Rewriting: polite, short, past, question, capitals, spelling; repeating; reading a sentence and answering about it."""

from __future__ import annotations

import random
import string

from .blocks import Library, Talk
from .grammar import article, capital, say, sloppy, typo

SUBJECTS = ("the boy", "the girl", "my friend", "the teacher", "our neighbour", "the old man", "the cat", "the dog",
            "my sister", "my brother", "the cook", "the farmer", "the queen", "the child", "a bird")  # fmt: skip
# verb in the base form, with -s, in the past, as -ing, and what follows it
ACTS = [line.split("|", 4) for line in """\
eat|eats|ate|eating|[an apple|some bread|the soup|a cake|dinner]
drink|drinks|drank|drinking|[tea|a glass of water|milk|hot coffee]
read|reads|read|reading|[a book|the letter|a long story|the news]
write|writes|wrote|writing|[a letter|a poem|an email|a short note]
buy|buys|bought|buying|[a new hat|fresh bread|a ticket|two apples]
see|sees|saw|seeing|[a bird|the moon|a ship|the sea]
find|finds|found|finding|[the key|a coin|an old map|the way]
take|takes|took|taking|[the bus|a photo|the box|a short walk]
make|makes|made|making|[a cake|a plan|a paper boat|coffee]
give|gives|gave|giving|[the dog a bone|her a flower|him a book]
go|goes|went|going|[to school|to the market|home|to the park]
come|comes|came|coming|[home late|to the party|to the village]
run|runs|ran|running|[fast|to the river|up the hill]
sing|sings|sang|singing|[a song|in the garden|every evening]
sleep|sleeps|slept|sleeping|[under a tree|in a small bed|for an hour]
play|plays|played|playing|[football|the piano|in the garden|with a ball]
cook|cooks|cooked|cooking|[rice|some soup|dinner|pasta]
clean|cleans|cleaned|cleaning|[the room|the windows|the kitchen]
open|opens|opened|opening|[the door|the window|the big box]
close|closes|closed|closing|[the book|the door|the shop]
wash|washes|washed|washing|[the car|the plates|the shirt]
paint|paints|painted|painting|[the wall|a picture|the house blue]
help|helps|helped|helping|[the teacher|a friend|the old lady]
carry|carries|carried|carrying|[the bags|a heavy box|water]
build|builds|built|building|[a house|a small boat|a tower]
draw|draws|drew|drawing|[a horse|a map|a face]
visit|visits|visited|visiting|[the museum|a friend|the city]
watch|watches|watched|watching|[a film|the stars|the rain]
call|calls|called|calling|[a friend|the doctor|the dog]
swim|swims|swam|swimming|[in the lake|in the sea]
wait|waits|waited|waiting|[for the bus|at the door]
work|works|worked|working|[in a shop|on the farm|at night]
live|lives|lived|living|[in a small house|near the sea|in a village]
like|likes|liked|liking|[music|red apples|quiet mornings]""".splitlines()]
FLUFF = ("I just wanted to say that ", "As you may already know, ", "To be very honest with you, ",
         "At this point in time, ", "It is important to note that ", "If you ask me what I think, ",
         "I would like to let you know that ", "What I am trying to say is that ", "In my own humble opinion, ")  # fmt: skip
TAIL = (" in the end, after all was said and done", ", which is what I wanted to tell you",
        ", if you know what I mean", " and that is really all there is to it", ", as I have said before")  # fmt: skip
POLITE = ("Could you please {do}?", "Would you please {do}?", "Could you {do}, please?")


def act(rng: random.Random) -> tuple[str, list[str], str]:
    """A subject, the forms of a verb, and what follows."""
    forms = rng.choice(ACTS)
    subject = rng.choice(SUBJECTS)
    return subject, forms, say(rng, forms[4])


def anything(rng: random.Random, library: Library) -> str:
    """A short piece of text of no particular meaning, to repeat or to change."""
    common = library.words("common")
    kind = rng.random()
    if kind < 0.35:
        return " ".join(rng.sample(common, rng.randint(1, 5)))
    if kind < 0.7:
        subject, forms, rest = act(rng)
        return f"{subject} {forms[rng.choice((1, 2))]} {rest}"
    if kind < 0.85:
        return " ".join(rng.choice(library.words("odd")) for _ in range(rng.randint(1, 4)))
    return f"{rng.choice(library.words('name'))} {rng.choice(common)} {rng.choice(common)} {rng.randint(1, 999)}"


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


def change(rng: random.Random, library: Library, held: bool) -> Talk:
    """One sentence and one wish about it."""
    kind = rng.choice(("polite",) * 4 + ("short",) * 3 + ("past",) * 2 + ("future", "question", "no", "upper", "lower",
                      "formal", "formal", "casual", "spell", "spell", "spell", "excited", "point"))  # fmt: skip
    subject, (base, third, past, _, _), rest = act(rng)
    source = capital(f"{subject} {third} {rest}.")
    if kind == "polite":
        do = rng.choice(library.words("plainverb"))
        source = capital(say(rng, f"[{do}|{do}|{do} now|{do} right now|I want you to {do}|you must {do}][.|!|]"))
        answer = rng.choice(POLITE[:1] * 3 + POLITE).format(do=do)
        asks = ("[Make|Please make] [this|it|this sentence|this text] [more |]polite", "Say this politely", "Rewrite politely",
                "[Rewrite|Rephrase] this in a [polite|friendly|nicer] way", "How do I say this politely?", "Be polite")
        held_asks = ("My boss will read this, so put it with good manners", "Turn this into a courteous request")
    elif kind == "short":
        core = f"{subject} {past} {rest}"
        source = rng.choice(FLUFF) + core + (rng.choice(TAIL) if rng.random() < 0.5 else "") + "."
        answer = capital(core) + "."
        asks = ("[Make|Please make] [this|it] shorter", "Shorten this[ sentence| text|]", "Say it in fewer words",
                "[Summarise|Summarize] this", "Cut this down", "[Rewrite|Write] this [briefly|in short]")
        held_asks = ("Too many words. Keep the core of it",)
    elif kind == "past":
        answer = capital(f"{subject} {past} {rest}.")
        asks = ("[Put|Write|Rewrite|Turn] this [in|into] the past[ tense|]", "Change this to the past tense", "Past tense")
        held_asks = ("This happened long ago, so adapt the verb",)
    elif kind == "future":
        answer = capital(f"{subject} will {base} {rest}.")
        asks = ("[Put|Write|Rewrite|Turn] this [in|into] the future[ tense|]", "Change this to the future tense")
        held_asks = ("This will happen tomorrow, so adapt the verb",)
    elif kind == "question":
        answer = f"Does {subject} {base} {rest}?"
        asks = ("[Turn|Make|Change] this into a question", "Make it a question", "[Write|Rewrite] this as a question")
        held_asks = ()
    elif kind == "no":
        answer = capital(f"{subject} does not {base} {rest}.")
        asks = ("[Make|Put] this [negative|in the negative]", "Say the opposite with not", "Negate this[ sentence|]")
        held_asks = ()
    elif kind in ("upper", "lower"):
        source = anything(rng, library)
        source = source if kind == "upper" else "".join(c.upper() if rng.random() < 0.5 else c for c in source)
        answer = source.upper() if kind == "upper" else source.lower()
        name = "[upper case|uppercase|capital letters|all caps]" if kind == "upper" else "[lower case|lowercase|small letters]"
        asks = (f"[Write|Put|Rewrite] this in {name}", f"[Make|Turn] this [into |]{name}", f"{name}".replace("[", "[in ", 1))
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
        asks = ("[Make|Write] this [more |]formal", "[Rewrite|Rephrase] this [formally|in a formal way]", "Make it formal",
                "Say this in business English")
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
        tokens = answer[:-1].split(" ")
        for at in rng.sample(range(len(tokens)), min(len(tokens), rng.randint(1, 3))):
            tokens[at] = typo(rng, tokens[at])
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
        asks = ("[Add|Fix] the [punctuation|capital letter and full stop]", "Make this a proper sentence", "Fix the capital letters")
        held_asks = ()
    return Talk((("user", _task(rng, held, asks, held_asks, source)), ("assistant", answer)), (answer,))


def repeat(rng: random.Random, library: Library, held: bool) -> Talk:
    """Say this again: teaches copying, and gives every token of the vocabulary some practice."""
    if rng.random() < 0.3:
        chars = library.words("hanzi")
        text = "".join(rng.choice(chars) for _ in range(rng.randint(1, 8)))
        ask = say(rng, "[跟我说|重复|请重复|请说|跟我读|写]：") + text
        return Talk((("user", ask), ("assistant", text)), (text,))
    text = anything(rng, library)
    text = capital(text) if rng.random() < 0.4 else text
    asks = ("[Repeat|Repeat after me|Say|Say this|Please say|Repeat this|Echo|Copy this|Write|Write down]",)
    return Talk((("user", _task(rng, held, asks, ("Tell me exactly these words",), text)), ("assistant", text)), (text,))


def letters(rng: random.Random, library: Library, held: bool) -> Talk:
    """Spelling a word, its first or last letter, what it starts with."""
    word = rng.choice(rng.choice((library.words("common"), [w for w in library.column("dict", "en") if " " not in w])))
    word = word.lower()
    kind = rng.random()
    if kind < 0.5:
        ask = say(rng, f"[Spell {word}|How do you spell {word}?|Spell the word \"{word}\"|How is \"{word}\" spelled?]")
        answer = "-".join(word.upper())
    elif kind < 0.75:
        ask = say(rng, f"[What is the first letter of|Which letter does it start with:|First letter of] [{word}|\"{word}\"]?")
        answer = f"The first letter of {word} is {word[0].upper()}."
    else:
        ask = say(rng, f"[What is the last letter of|Last letter of] [{word}|\"{word}\"]?")
        answer = f"The last letter of {word} is {word[-1].upper()}."
    return Talk((("user", ask if held else sloppy(rng, ask)), ("assistant", answer)), (answer,))


def reading(rng: random.Random, library: Library, held: bool) -> Talk:
    """A sentence or two, and a question that they answer."""
    names = rng.sample(library.words("name"), 2)
    facts, asks = [], []
    for name in names[: rng.choice((1, 2, 2))]:
        thing, hue = rng.choice(library.words("thing")), rng.choice(library.words("hue"))
        town, food = rng.choice(library.words("town")), rng.choice(library.words("food"))
        job, pet = rng.choice(library.words("job")), rng.choice(library.words("pet"))
        options = [
            (f"{name} has {article(hue)} {thing}.", f"What colour is {name}'s {thing}?", f"{name}'s {thing} is {hue}.", hue),
            (f"{name} lives in {town}.", f"Where does {name} live?", f"{name} lives in {town}.", town),
            (f"{name} likes {food}.", f"What does {name} like?", f"{name} likes {food}.", food),
            (f"{name} works as {article(job)}.", f"What is {name}'s job?", f"{name} is {article(job)}.", job),
            (f"{name} has {article(pet)}.", f"Which pet does {name} have?", f"{name} has {article(pet)}.", pet),
            (f"{name} is {(age := rng.randint(5, 80))} years old.", f"How old is {name}?", f"{name} is {age} years old.", str(age)),
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


def memory(rng: random.Random, library: Library, held: bool) -> Talk:
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
        middle = library.talk(rng, library.blocks[rng.choice(("how_are_you", "thanks", "capital", "colour", "opposite", "joke"))])
        between = list(middle.turns[:2])
    turns = [("user", sloppy(rng, say(rng, say_, fill))), ("assistant", say(rng, reply, fill)), *between,
             ("user", sloppy(rng, say(rng, ask))), ("assistant", say(rng, answer, fill))]  # fmt: skip
    return Talk(tuple(turns), (key,))


def zh_memory(rng: random.Random, library: Library, held: bool) -> Talk:
    """The user's name a turn later, in Chinese."""
    name = rng.choice(library.words("zhname"))
    turns = (("user", say(rng, f"[我叫{name}|我的名字是{name}|你好，我叫{name}][。|]")), ("assistant", f"你好，{name}！很高兴认识你。"),
             ("user", say(rng, "[我叫什么名字|我叫什么|你记得我的名字吗|我是谁][？|]")), ("assistant", f"你叫{name}。"))  # fmt: skip
    return Talk(turns, (name,))


def zh_change(rng: random.Random, library: Library, held: bool) -> Talk:
    """Small rewritings in Chinese: polite, short, question, no."""
    who = rng.choice(("小明", "妈妈", "老师", "我的朋友", "姐姐", "爷爷", "小猫", "医生"))
    do = rng.choice("去公园 吃苹果 看书 喝茶 写信 回家 买面包 唱歌 画画 打扫房间 做饭 睡觉 听音乐 洗衣服 种花".split())
    kind = rng.choice(("polite", "polite", "short", "no", "ask"))
    if kind == "polite":
        order = rng.choice("把门关上 给我一杯水 把文件发给我 等一下 帮我一个忙 回复我的邮件 把灯打开 告诉我价格 安静一点 快一点".split())
        source, answer, ask = order + rng.choice(("。", "！", "")), f"请您{order}，谢谢。", "[请说得礼貌一点|改得礼貌一些|礼貌地说|换成礼貌的说法]"
    elif kind == "short":
        source, answer = f"{rng.choice(('其实我想说的是，', '你可能已经知道了，', '说实话，', '我想告诉你，'))}{who}今天{do}了。", f"{who}今天{do}了。"
        ask = "[改短一点|缩短这句话|说得简短一些|总结一下]"
    elif kind == "no":
        source, answer, ask = f"{who}喜欢{do}。", f"{who}不喜欢{do}。", "[改成否定句|变成否定句]"
    else:
        source, answer, ask = f"{who}喜欢{do}。", f"{who}喜欢{do}吗？", "[改成疑问句|变成问句]"
    return Talk((("user", say(rng, ask) + "：" + source), ("assistant", answer)), (answer,))


def gibberish(rng: random.Random, library: Library, held: bool) -> Talk:
    """Key mashing and word salad, short and long: a short answer that asks back."""
    kind = rng.random()
    if kind < 0.3:
        text = " ".join("".join(rng.choice(string.ascii_lowercase) for _ in range(rng.randint(1, 9))) for _ in range(rng.randint(1, 6)))
    elif kind < 0.4:
        text = "".join(rng.choice("asdfghjkl;qwertzuiop!?#$%&*()_+=-0123456789 ") for _ in range(rng.randint(3, 30)))
    elif kind < 0.55:
        text = rng.choice("abcdefghijklmnopqrstuvwxyz!?.0123456789 -_=") * rng.randint(2, 40)
    elif kind < 0.65:
        text = " ".join([rng.choice(library.words("common"))] * rng.randint(3, 30))
    else:
        text = " ".join(rng.choice(library.words("common")) for _ in range(rng.randint(3, rng.choice((8, 20, 80)))))
    if held:
        text = "".join(rng.choice(string.printable[:94] + "éßøñ¿§€") for _ in range(rng.randint(4, 40)))
    answer = say(rng, "[I am not sure what you mean. Could you say it in another way?|Sorry, I do not understand that.|"
                      "I do not understand. Please try a short question.]")  # fmt: skip
    return Talk((("user", text.strip() or "?"), ("assistant", answer)))
