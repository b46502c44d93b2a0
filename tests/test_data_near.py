"""Near duplicates: found where two examples say the same, and not where only their frame is the same."""

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftchat.data.near import SAME, Alike, find_alike
from ftchat.data.shingles import plain
from ftchat.records import Example, Message

SYLLABLES = "ba de fi go ku la me ni po ru sa te vi wo".split()


def examples(pairs) -> list[Example]:
    return [Example((Message("user", p), Message("assistant", c)), "f", n) for n, (p, c) in enumerate(pairs, 1)]


def found(*pairs) -> set[int]:
    return set(find_alike(examples(pairs)).originals())


def sentence(rng: random.Random, words: int) -> str:
    return " ".join("".join(rng.choices(SYLLABLES, k=rng.randint(1, 4))) for _ in range(words))


LONG = "Click on the link below the field, then wait for the message that we send you."


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("How do I reset my password?", LONG), ("how do i reset my password", LONG)),
        (("How do I reset my password?", LONG), ("How can I reset my password?", LONG)),
        (("How do I reset my password?", LONG), ("How do I reset my password, please?", LONG)),
        (("How do I reset my password?", LONG), ("How do I reset my pasword?", LONG[:-1])),
        (("How do I reset my password?", LONG), ("How do I  reset my\npassword?", LONG.replace("link", "links"))),
        (
            ("你们的退货政策是什么？", "收到商品后七天内可以退货。"),
            ("请问你们的退货政策是什么", "收到商品后七天内可以退货"),
        ),
        (("ab", "cd"), ("ab ", "cd!")),
        (("ｈｅｌｌｏ　ｔｈｅｒｅ", "hi"), ("hello there", "hi")),
        (("?", "yes it is"), ("??", "yes it is")),
    ],
)
def test_what_says_the_same_is_found(one, other):
    assert found(("Something else entirely", "is said here"), one, other) == {2}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("What is 2+2?", "4"), ("What is 2+3?", "5")),
        (("What is 2+2?", "4"), ("What is 2*2?", "4")),
        (("Where is my order 12345, please tell me?", LONG), ("Where is my order 12346, please tell me?", LONG)),
        (("I love this movie so much", "positive"), ("I love this movie so much!", "negative")),
        (("Dear Anna, hello", f"I told Anna: {LONG}"), ("Dear Boris, hello", f"I told Boris: {LONG}")),
        (("How do I reset my password?", LONG), ("I forgot what to type in, help me", LONG)),
        (("How do I reset my password?", LONG), ("How do I reset my password?", "You cannot do that here at all.")),
        (("你们的退货政策是什么？", "收到商品后七天内可以退货。"), ("你们的退货政策是什么？", "不可以。")),
        (("a", "b"), ("a", "b")),
    ],
)
def test_what_says_something_else_is_not(one, other):
    assert found(("Something else entirely", "is said here"), one, other) == set()


def test_a_template_is_not_full_of_near_duplicates():
    names = "Anna Bob Carla David Eve Frank Gina Henry Ida Jack".split()
    things = ("some shoes", "a hat", "the lamp", "two books", "a bike", "green tea")
    letter = "Dear {}, thank you for your order of {}. It was sent yesterday and will reach you soon. Your shop"
    rows = [
        (f"Write to {name} about the order of {what}.", letter.format(name, what)) for name in names for what in things
    ]
    towns = sorted(set("ville burg ton ford field wood hill port mouth".split()))
    rows += [
        (f"please tell me how far it is to {town} from here on foot", f"it is far to {town}, take a bus")
        for town in towns
    ]
    rows += [(f"Where is order {n}?", f"Order {n} is on its way and will be with you in two days.") for n in range(300)]
    assert found(*rows) == set()


def test_a_long_instruction_hides_neither_copies_nor_differences():
    rng = random.Random(1)
    frame = (
        "Classify the following review of a customer as positive or negative, with one word and no reasons. Review: "
    )
    rows = [(frame + sentence(rng, 12), rng.choice(["positive", "negative"])) for _ in range(300)]
    copies = [(f"{prompt} !", label) for prompt, label in rows[:40]]
    assert found(*rows, *copies) == set(range(300, 340))


def likeness(a: str, b: str) -> float:
    """Written out a second time, for plain texts in Latin letters."""
    one, other = ({t[i : i + 4] for i in range(len(t) - 3)} or {t} for t in (plain(a), plain(b)))
    return len(one & other) / len(one | other)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_each_pair_is_really_alike_and_no_clear_one_is_missed(seed):
    rng = random.Random(seed)
    rows = [(sentence(rng, 9), sentence(rng, 9)) for _ in range(25)]
    for prompt, answer in rng.sample(rows, 8):
        changed = f"{prompt} again" if rng.random() < 0.5 else prompt.replace(" ", " x", 1)
        rows.append((changed, answer))
    rng.shuffle(rows)
    alike = find_alike(examples(rows))
    really = {
        (later, earlier): min(likeness(rows[later][side], rows[earlier][side]) for side in (0, 1))
        for later in range(len(rows))
        for earlier in range(later)
    }
    assert {(later, earlier) for later, earlier, _ in alike.pairs} >= {pair for pair, j in really.items() if j >= 0.85}
    for later, earlier, said in alike.pairs:
        assert really[later, earlier] >= SAME and said == pytest.approx(really[later, earlier], abs=1e-4)


def test_all_copies_of_one_are_found():
    rng = random.Random(3)
    prompt, answer = sentence(rng, 20), sentence(rng, 20)
    copies = [(f"{prompt}{' oh' * n}", answer) for n in range(6)] + [
        (prompt, f"{answer}{' oh' * n}") for n in range(1, 7)
    ]
    others = [(sentence(rng, 20), sentence(rng, 20)) for _ in range(200)]
    rows = [*copies[:1], *others, *copies[1:]]
    assert found(*rows) == set(range(201, 212))


def test_very_long_texts_do_not_take_long():
    rng = random.Random(5)
    body = [sentence(rng, 1) for _ in range(30_000)]
    rows = [(" ".join(sentence(rng, 1) if rng.random() < 0.1 else word for word in body), LONG) for _ in range(3)]
    rows += [("x" * 99_000 + "y" * 99_000, LONG), ("x" * 99_001 + "y" * 99_000, LONG)]
    began = time.process_time()
    find_alike(examples(rows))
    assert time.process_time() - began < 10


def test_originals_are_never_near_duplicates_themselves():
    alike = Alike(((1, 0, 0.9), (2, 1, 0.9), (3, 2, 0.9)))
    assert alike.originals() == {1: (0, 0.9), 3: (2, 0.9)}


def test_time_grows_with_the_number_of_examples_where_all_are_alike():
    """Every pair of these is a candidate; all are compared with a few only."""
    rows = [(LONG + " " + "x" * (n % 7), f"{LONG} {'abcdefgh'[n % 8]}") for n in range(3000)]
    assert len(find_alike(examples(rows)).pairs) < 60 * len(rows)


def test_of_a_large_template_each_is_compared_with_a_few():
    """Sentences with short words of their own: each is a candidate with very many others."""
    rng = random.Random(2)
    said = "{} es una palabra que se usa en la lengua común, y significa {} o {}, según la región donde se diga."
    rows = []
    for _ in range(15_000):
        one, *others = ("".join(rng.choices(SYLLABLES, k=rng.randint(2, 4))) for _ in range(3))
        rows.append((f"¿Qué significa {one}?", said.format(one, *others)))
    known = find_alike(examples(rows)).known
    assert known is not None and len(known.pairs) < 11 * len(rows)
