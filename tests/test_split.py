"""The split into trained and held out: the same anywhere, without leaks, in proportion; and leaks that are found."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftchat.data import leaks
from ftchat.data.near import find_alike
from ftchat.data.split import split
from ftchat.errors import ConfigError
from ftchat.records import Example, Message


def examples(pairs) -> list[Example]:
    return [Example((Message("user", p), Message("assistant", c)), row=n) for n, (p, c) in enumerate(pairs, 1)]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcdefghijkABC"), st.text("xyz", min_size=1, max_size=3)), max_size=60),
    st.floats(0, 0.99),
    st.integers(0, 5),
)
def test_split_keeps_equal_prompts_on_one_side(pairs, share, seed):
    rows = examples(pairs)
    train, held = split(rows, share, seed)
    assert split(rows, share, seed) == (train, held)
    assert sorted(e.row for e in (*train, *held)) == [e.row for e in rows]
    assert not {e.prompt.lower() for e in train} & {e.prompt.lower() for e in held}
    assert train or not rows
    assert share or not held


def test_split_holds_out_the_share_that_was_asked_for():
    rows = examples([(str(n), f"answer {n}") for n in range(200)])
    assert len(split(rows, 0.1, 0)[1]) == 20
    assert split(rows, 0.1, 0) != split(rows, 0.1, 1)
    assert len(split(rows[:5], 0.1, 0)[1]) == 1
    assert split(rows[:1], 0.5, 0)[1] == ()
    for share in (1, -0.1, 1.5):
        with pytest.raises(ConfigError, match="share"):
            split(rows, share, 0)


def test_split_holds_out_labels_in_proportion():
    rows = examples([(str(n), "spam" if n % 10 == 0 else "ham") for n in range(200)])
    held = [e.completion for e in split(rows, 0.2, 3)[1]]
    assert (held.count("spam"), held.count("ham")) == (4, 36)


WORDS = "parcel hat tent zip sunday delivery coin van noon captain shop shoe lamp bike road river".split()


def variants(rng: random.Random) -> list[Example]:
    """Sentences of which some come again with a word more, in other letters, or misspelt."""
    rows = []
    for _ in range(40):
        prompt, answer = " ".join(rng.choices(WORDS, k=10)), " ".join(rng.choices(WORDS, k=12))
        rows.append((prompt, answer))
        if rng.random() < 0.4:
            rows.append(
                rng.choice([(f"{prompt} please", answer), (prompt.upper(), answer + "!"), (prompt[1:], answer)])
            )
    rng.shuffle(rows)
    return examples(rows)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.05, 0.5), st.integers(0, 3))
def test_split_never_separates_near_duplicates(made, share, seed):
    rows = variants(random.Random(made))
    train, held = split(rows, share, seed, find_alike(rows))
    assert held and not list(leaks(train, held, near=True))


def test_a_conversation_is_not_parted_from_its_beginning():
    rows = []
    for n in range(20):
        first = (Message("user", f"q{n}"), Message("assistant", f"a{n}"))
        rows += [
            Example(first, row=2 * n),
            Example((*first, Message("user", "more"), Message("assistant", "b")), row=2 * n + 1),
        ]
    train, held = split(rows, 0.3, 0)
    assert held and not {e.messages[0] for e in train} & {e.messages[0] for e in held}


def test_leaks_are_named():
    train = examples([("Where is my parcel today?", "It is on its way to you."), ("a", "b"), ("long", "x")])
    held = examples([("A ", "c"), ("new", "y"), ("where is my parcel today", "It is on its way to you"), ("long", "x")])
    found = {index: remark.message for index, remark in leaks(train, held, near=True)}
    assert set(found) == {0, 2, 3}
    assert "its prompt" in found[0] and "nearly" in found[2] and "row 3" in found[3]
    assert {index for index, _ in leaks(train, held, near=False)} == {0, 3}
    assert not list(leaks([], held, near=True))
