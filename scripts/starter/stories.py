"""Short stories, poems, notes and slogans, English and Chinese: built from a hero, a wish, a trouble and an end."""

from __future__ import annotations

import random

from .blocks import Talk
from .grammar import article, capital, say, sloppy
from .material import library

HEROES = ("cat", "dog", "fox", "bear", "mouse", "rabbit", "owl", "frog", "dragon", "robot", "princess", "king", "knight", "girl",
          "boy", "baker", "farmer", "sailor", "pirate", "wizard", "witch", "tree", "cloud", "star", "snail", "lion", "elephant",
          "penguin", "old man", "old woman", "teacher", "painter", "bird", "whale", "horse", "ghost", "giant", "bee",
          "turtle", "wolf", "duck", "monkey", "squirrel", "train", "lighthouse keeper", "gardener", "toy bear", "snowman")  # fmt: skip
TRAITS = (
    "little",
    "brave",
    "shy",
    "curious",
    "clever",
    "lonely",
    "kind",
    "lazy",
    "cheerful",
    "quiet",
    "hungry",
    "tired",
    "small",
    "proud",
)
PLACES = ("in a deep forest", "by the sea", "in a small village", "on a high mountain", "in an old castle", "near a quiet lake", "in a big city",
          "on a green island", "in a snowy valley", "at the edge of the desert", "in a garden full of roses", "in a house on a hill",
          "under a wide bridge", "on a farm", "in a tiny shop", "on the moon")  # fmt: skip
# wish, trouble, who or what helps, how it ends
PLOTS = [
    line.split("|")
    for line in """\
wanted to see the stars up close|But the sky was always full of clouds|an owl showed the way to the top of a hill|That night the sky was clear, and the stars had never looked so bright
wanted to find a friend|But everybody seemed too busy to talk|a small bird sat down and asked a question|From that day on they met every morning and were never lonely again
had lost a golden key|The key was not in the house and not in the garden|a mouse had seen it shine under a stone|The key opened an old box, and in the box was a letter full of kind words
wanted to learn to sing|But every song came out too loud or too low|the wind said, "Listen first, then sing"|Soon the whole valley came to hear the song
was afraid of the dark|Every night the shadows looked like monsters|a firefly came in and shared its light|After that, the dark was only a blanket for the stars
wanted to bake the best cake in the land|But there was no sugar left anywhere|the bees gave a jar of honey|The cake was so good that everybody asked for a second piece
wanted to cross the river|But the bridge had fallen down|a turtle offered its back|On the other side they shared an apple and laughed
found a map with a red cross|The road was long and full of mud|a friend came along and carried the bag|Under the cross they found no gold, but a tree full of sweet pears
wanted to fly|Jumping from a chair did not work at all|a wise old crow told a story about kites|The next day a great red kite went up, and it felt just like flying
had to bring a letter to the queen|A storm came and the road was gone|a light in a window showed the way|The queen read the letter, smiled and gave a warm dinner to all
wanted to grow a flower in winter|But the ground was hard and cold|an old woman gave a pot and a place by the window|In spring the first flower of the village opened there
heard a strange noise at night|It came from behind the old wall|a candle made everything clear|It was only a hungry kitten, and it stayed for ever
wanted to win the great race|But the others had longer legs|a long rest by the others changed everything|Slow steps came first that day, and nobody laughed any more
wanted to give a present to a friend|But there was no money for one|a walk in the woods brought an idea|A basket of berries was the best present of all
could not sleep|The clock ticked and the moon was too bright|a soft rain began to fall|With the sound of the rain sleep came at last
dreamed of the far sea|The way was long and nobody knew it|a small stream said, "Follow me"|On the third day the sea lay there, blue and wide""".splitlines()
]
OPEN = (
    "Once upon a time, there was {a:h} {where}.",
    "There once was {a:h} {where}.",
    "Long ago, {a:h} lived {where}.",
    "{^a:h} lived {where}.",
)
OPEN_NAMED = ("Once upon a time, there was {a:h} called {n} {where}.", "{n} was {a:h} who lived {where}.")
ASK = ("Tell me a [short |little |]story[ about {a:h}|].", "Tell me a [short |]story about {a:h}.", "[Write|Make up] a [short |]story about {a:h}.",
       "Write a [short |]story about {a:h} {where}.", "[Can you tell|Please tell] me a story about {a:h}?", "A story about {a:h}, please.",
       "I want to hear a story[ about {a:h}|].", "story about {a:h}", "Write a [tiny|very short] story with {a:h} in it.",
       "Tell me a story about {a:h} called {n}.", "Tell me a bedtime story.", "Write a story about {a:h} named {n}.", "[Tell me|Write] a [short |]story about {a:h} who {p}.", "[Tell me|Write] a story about {a:h} named {n} who {p}.",
       "A story about {n} the {h}, please.", "[Tell me|Write] a story [set|that happens] {where}.", "Write a story about {n}.", "[Do you know|Can you tell] a story?")  # fmt: skip
ASK_HELD = (
    "My child wants a tale in which {a:h} appears.",
    "Entertain me with an adventure of {a:h}.",
    "Once upon a time there was {a:h}. Go on.",
)

POEM_SUBJECTS = {
    "the sea": ("The sea is wide, the sea is blue,", "it sings a quiet song to you."), "the moon": ("The moon looks in, so round and bright,", "and paints my little room with light."),
    "the rain": ("The rain is tapping on the door,", "it wants to dance upon the floor."), "spring": ("The snow is gone, the fields are green,", "the brightest sky I have ever seen."),
    "summer": ("The days are long, the air is sweet,", "the sand is warm beneath my feet."), "autumn": ("The leaves are falling, red and gold,", "the evenings slowly growing cold."),
    "winter": ("The world is white, the world is still,", "a blanket lies on every hill."), "a cat": ("A cat sleeps softly in the sun,", "and dreams of mice and how they run."),
    "a dog": ("My dog is waiting at the gate,", "he never minds if I am late."), "love": ("A hand to hold, a word so kind,", "a quiet place for heart and mind."),
    "friendship": ("A friend will walk with you through rain,", "and help you find the road again."), "night": ("The night has put the day to bed,", "with silver stars above its head."),
    "morning": ("The morning opens up its eyes,", "and spreads its colours in the skies."), "a tree": ("A tree stands tall and does not speak,", "it grows a little every week."),
    "a flower": ("A flower opens in the light,", "and closes gently for the night."), "coffee": ("A cup of coffee, dark and deep,", "to wake me gently from my sleep."),
    "home": ("The lamp is lit, the door is wide,", "and someone waits for me inside."), "the stars": ("The stars are lamps that never burn,", "they shine for all, and wait their turn."),
    "a bird": ("A bird sits high upon the wall,", "and sings its song for one and all."), "snow": ("The snow comes down without a sound,", "and puts white feathers on the ground."),
    "music": ("A little tune comes through the air,", "and takes away my every care."), "a book": ("I open up a book and see", "a hundred doors that wait for me."),
}  # fmt: skip
POEM_END = (
    ("I breathe it in, I let it stay,", "and take it with me on my way."),
    ("And when I close my eyes tonight,", "I still can see that gentle sight."),
    ("It asks for nothing, only this:", "one quiet moment full of bliss."),
    ("So let us stop and look once more,", "as if we had not looked before."),
)
NOTES = {
    "thank-you": "Dear {w},\\nthank you very much for [your help|your time|the lovely gift|your kind words]. It [meant a lot to me|made my day|was a great help].\\n[Best wishes|Warm regards]",
    "birthday": "Dear {w},\\nhappy birthday! I wish you [a wonderful day|health and joy|a year full of good surprises].\\n[All the best|Warm wishes]",
    "apology": "Dear {w},\\nI am sorry for [my mistake|being late|what I said]. I will [do better next time|make it up to you].\\n[Best wishes|Yours sincerely]",
    "invitation": "Dear {w},\\nI would like to invite you to [a small party|dinner|my birthday] on [Friday|Saturday|Sunday]. I hope you can come!\\n[Best wishes|See you soon]",
    "get-well": "Dear {w},\\nI heard that you are ill. Rest well and take your time. I hope you feel better soon.\\n[Best wishes|Warm wishes]",
    "sick-day": "Dear {w},\\nI am ill today and cannot come. I hope to be back [tomorrow|soon].\\n[Best wishes|Kind regards]",
    "goodbye": "Dear {w},\\nit is time to say goodbye. Thank you for [everything|the good time]. Let us stay in touch.\\n[All the best|Best wishes]",
    "welcome": "Dear {w},\\nwelcome! We are happy that you are here. Please ask if you need anything.\\n[Best wishes|Kind regards]",
    "reminder": "Dear {w},\\nthis is a small reminder of our meeting on [Monday|Tuesday|Thursday]. Please tell me if the time does not suit you.\\n[Kind regards|Best wishes]",
    "congratulations": "Dear {w},\\ncongratulations! You worked hard for this, and I am happy for you.\\n[All the best|Best wishes]",
}  # fmt: skip
SHOPS = {"bakery": ("Fresh bread, warm hearts.", "Baked early, loved all day."), "coffee shop": ("A good cup, a good day.", "Slow down and sip."),
         "bookshop": ("A new world on every shelf.", "Open a book, open a door."), "flower shop": ("Say it in colour.", "A little spring for every day."),
         "bicycle shop": ("Two wheels, no worries.", "Ride into a better day."), "restaurant": ("Good food, good company.", "Come hungry, leave happy."),
         "toy shop": ("Where play begins.", "Small toys, big dreams."), "school": ("Learning that lasts.", "Where questions are welcome."),
         "gym": ("Stronger every day.", "Start small, grow strong."), "tea shop": ("Calm in a cup.", "Take your time. Take some tea."),
         "shoe shop": ("Every step counts.", "Walk happy."), "hotel": ("Your home on the road.", "Sleep well, wake up smiling.")}  # fmt: skip
ZH_HEROES = "小猫 小狗 小兔子 小熊 狐狸 小鸟 小鱼 猴子 大象 老虎 公主 国王 小男孩 小女孩 机器人 老爷爷 小龙 乌龟 青蛙 月亮 小树 企鹅".split()
ZH_PLACES = "森林里 海边 小村子里 高山上 城堡里 湖边 大城市里 花园里 雪地里 小岛上".split()
ZH_PLOTS = [
    line.split("|")
    for line in """\
想看星星|可是天上总有很多云|风把云吹走了|那天晚上，星星特别亮
想找一个朋友|可是大家都很忙|一只小鸟飞来和它聊天|从此它们天天一起玩
丢了一把金钥匙|它找遍了家里和花园|小老鼠在石头下面看见了它|钥匙打开了一个盒子，里面有一封温暖的信
想学唱歌|可是总是唱得太大声|风说：“先听，再唱。”|后来大家都喜欢听它唱歌
怕黑|每天晚上都睡不着|一只萤火虫带来了光|从此它再也不怕黑了
想过河|可是桥断了|乌龟把它背了过去|它们在对岸一起吃苹果
想做最好吃的蛋糕|可是没有糖了|蜜蜂送来了蜂蜜|大家都说蛋糕真好吃
想种一朵花|可是天气太冷|老奶奶给了它一个花盆|春天来了，花开了
迷路了|天也慢慢黑了|远处有一盏灯|它顺着灯光回到了家
想送朋友一件礼物|可是它没有钱|它去山上采了一篮果子|朋友说，这是最好的礼物""".splitlines()
]


def story(rng: random.Random, held: bool) -> Talk:
    """Three to six sentences about a hero, where the request may name the hero, the place or a name."""
    frame = rng.choice(ASK_HELD if held else ASK)
    hero, name, where = rng.choice(HEROES), rng.choice(library.words("name")), rng.choice(PLACES)
    if rng.random() < 0.2:
        hero = rng.choice(library.column("animals", "animal"))
    elif rng.random() < 0.15:
        hero = rng.choice(library.words(rng.choice(("thing", "job", "common"))))
    trait = rng.choice(TRAITS)
    full = hero if " " in hero else f"{trait} {hero}"
    asked = full if rng.random() < 0.3 else hero
    wish, trouble, help_, end = rng.choice(PLOTS)
    plot = "wants" + wish[6:] if wish.startswith("wanted") and rng.random() < 0.5 else wish
    ask = say(rng, frame, {"h": asked, "n": name, "where": where, "p": plot}.__getitem__)
    named = "{n}" in frame or rng.random() < 0.2
    the = name if named else f"the {hero}"
    first = say(rng, rng.choice(OPEN_NAMED if named else OPEN), {"h": full, "n": name, "where": where}.__getitem__)
    parts = [
        first,
        f"{capital(the)} {wish}.",
        f"{trouble}.",
        f"{rng.choice(('Then', 'At last', 'But then', 'One evening'))} {help_}.",
        f"{end}.",
    ]
    if rng.random() < 0.25:
        parts.append(f"And {the} was happy.")
    turns = [("user", ask if held else sloppy(rng, ask)), ("assistant", " ".join(parts))]
    if not held and rng.random() < 0.12:
        turns += [
            ("user", say(rng, "[Nice story|I like it|Thank you|That was nice|Good story][!|.|]")),
            ("assistant", "I am glad you liked it!"),
        ]
    return Talk(tuple(turns), (hero.split()[-1],) if "{a:h}" in ask and not named else ())


def zh_story(rng: random.Random, held: bool) -> Talk:
    """The same in Chinese."""
    hero, where = rng.choice(ZH_HEROES), rng.choice(ZH_PLACES)
    frame = "孩子睡前想听关于{h}的事，编一个吧。" if held else rng.choice(
        ("[给我|]讲一个[关于|]{h}的故事[。|]", "讲个{h}的[小|]故事", "写一个关于{h}的[小|短|]故事[。|]", "[讲个故事|讲一个故事|我想听故事|说个故事吧][。|]", "你会讲故事吗？讲一个{h}的。"))  # fmt: skip
    wish, trouble, help_, end = rng.choice(ZH_PLOTS)
    first = rng.choice(("从前，{w}有一{c}{h}。", "很久以前，{w}住着一{c}{h}。"))
    unit = (
        "位"
        if hero in ("公主", "国王", "老爷爷")
        else "个"
        if hero in ("小男孩", "小女孩", "机器人", "月亮")
        else "棵"
        if hero == "小树"
        else "条"
        if hero in ("小鱼", "小龙")
        else "头"
        if hero == "大象"
        else "只"
    )
    body = (
        first.format(w=where, c=unit, h=hero)
        + f"{hero}{wish}，{trouble}。"
        + rng.choice(("后来，", "这时，", "有一天，"))
        + f"{help_}。{end}。"
    )
    ask = say(rng, frame, {"h": hero}.__getitem__)
    return Talk((("user", ask), ("assistant", body)), (hero,) if hero in ask else ())


def poem(rng: random.Random, held: bool) -> Talk:
    """Four lines about one of a few subjects, or about anything."""
    subject = rng.choice(list(POEM_SUBJECTS))
    asked = subject
    lines = POEM_SUBJECTS[subject]
    if rng.random() < 0.25:
        asked = article(rng.choice(library.words("thing")))
        lines = (f"I look at {asked} and see", "how much a small thing means to me.")
    frame = "Give me some verses on {s}." if held else rng.choice(
        ("Write [me |]a [short |]poem about {s}.", "Can you write a poem about {s}?", "[A poem|A short poem] about {s}[, please|].", "poem about {s}", "Write [two|four] lines about {s}."))  # fmt: skip
    ask = say(rng, frame, {"s": asked}.__getitem__)
    body = [*lines] if " two " in ask else [*lines, *rng.choice(POEM_END)]
    return Talk(
        (("user", ask if held else sloppy(rng, ask)), ("assistant", "\n".join(body))),
        (lines[0].split()[-1].strip(",."),),
    )


def note(rng: random.Random, held: bool) -> Talk:
    """A thank-you note and other short letters."""
    kind, whom = rng.choice(list(NOTES)), rng.choice(library.words("whom"))
    frame = "Draft {a:k} text that I can hand to {w}." if held else rng.choice(
        ("Write a [short |]{k} [note|message|card|email|letter] [to|for] {w}.", "Can you write {a:k} [note|message] [to|for] {w}?", "I need {a:k} [note|message|email] for {w}.", "{k} [note|message] to {w}"))  # fmt: skip
    ask = say(rng, frame, {"k": kind, "w": whom}.__getitem__)
    to = whom.split(" ", 1)[1] if whom.startswith(("my ", "a ")) else whom
    body = say(rng, NOTES[kind], {"w": to}.__getitem__)
    return Talk((("user", ask if held else sloppy(rng, capital(ask))), ("assistant", body)), ("dear " + to.lower(),))


def slogan(rng: random.Random, held: bool) -> Talk:
    """A line for a shop."""
    shop = rng.choice(list(SHOPS))
    ask = say(rng, f"[Write|Give me|I need|Can you write] a [slogan|motto|short slogan] for [a|my] {shop}[.|]")
    turns = [("user", sloppy(rng, ask)), ("assistant", SHOPS[shop][0])]
    if rng.random() < 0.3:
        turns += [
            ("user", say(rng, "[Another one|One more|Give me another][, please|][.|]")),
            ("assistant", SHOPS[shop][1]),
        ]
    return Talk(tuple(turns))


def describe(rng: random.Random, held: bool) -> Talk:
    """Two sentences on a place or a thing."""
    name, hue, thing = (
        rng.choice(library.words("name")),
        rng.choice(library.words("hue")),
        rng.choice(library.words("thing")),
    )
    ask = say(
        rng,
        f'[Describe|Write a sentence about|Write a sentence with|Make a sentence with] [the word "{thing}"|{article(thing)}|{thing}].',
    )
    body = say(
        rng,
        f"[{name} has {article(hue)} {thing} and takes good care of it.|There is {article(hue)} {thing} on the table.|The {hue} {thing} belongs to {name}.]",
    )
    return Talk((("user", ask), ("assistant", body)), (thing,))
