"""Plain sentences and orders to work on: who, does what, to what.

Some pair words at random: copying and changing a sentence must not depend on what its words mean.
"""

from __future__ import annotations

import random

from .grammar import say
from .material import library

SUBJECTS = ("the boy", "the girl", "my friend", "the teacher", "our neighbour", "the old man", "the cat", "the dog",
            "my sister", "my brother", "the cook", "the farmer", "the queen", "the child", "a bird")  # fmt: skip
# verb in the base form, with -s, in the past, as -ing, and what follows it
ACTS = [
    line.split("|", 4)
    for line in """\
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
like|likes|liked|liking|[music|red apples|quiet mornings]""".splitlines()
]
PERSONS = ("I", "you", "we", "they", "my parents", "the children", "some people", "our guests")


def act(rng: random.Random) -> tuple[str, list[str], str]:
    """A subject, the forms of a verb (base, with the subject, past), and what follows; partly words that rarely meet."""
    base, third, past, _, rest = rng.choice(ACTS)
    dice = rng.random()
    if dice < 0.2:
        subject, third = rng.choice(PERSONS), base
    elif dice < 0.45:
        subject = rng.choice(library.words("name"))
    elif dice < 0.6:
        subject = f"{rng.choice(('the', 'my', 'our', 'his', 'her'))} {rng.choice(library.words('job'))}"
    else:
        subject = rng.choice(SUBJECTS)
    rest = say(rng, rest)
    if rng.random() < 0.3:
        rest = f"{rng.choice(('the', 'a new', 'my', 'your', 'this', 'the old'))} {rng.choice(library.words('common'))}"
        if base in ("go", "come", "run", "sleep", "wait", "work", "live", "swim"):
            rest = "to " + rest if base in ("go", "come", "run") else "near " + rest
    if rng.random() < 0.25:
        rest += rng.choice(
            (
                " today",
                " in the morning",
                " every day",
                " at home",
                " with a friend",
                " after lunch",
                " on Monday",
                " very slowly",
            )
        )
    return subject, [base, third, past], rest


def wish(rng: random.Random) -> str:
    """An order in plain words: `send me the list`."""
    if rng.random() < 0.5:
        return rng.choice(library.words("plainverb"))
    verb = rng.choice(
        "give me,send me,bring me,show me,check,read,close,open,fix,move,clean,buy,find,sign,print,update,finish,return,cancel,delete,"
        "share,write,explain,hold,carry,change,pay for,look at,tell me about,send us,get me,pass me,review,call about".split(
            ","
        )
    )
    noun = rng.choice(rng.choice((library.words("thing"), library.words("common"))))
    end = rng.choice(
        ("", "", "", " today", " by Friday", " tomorrow", " as soon as possible", " before noon", " again")
    )
    return f"{verb} {rng.choice(('the', 'the', 'a', 'my', 'your', 'this', 'that'))} {noun}{end}"


def anything(rng: random.Random) -> str:
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
