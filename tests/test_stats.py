"""Examples that are too long: how much of them fits, by the tokens that training counts."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from ftchat.data import DatasetStore, Remedy, Source, read
from ftchat.engine.loading import STARTER_FOLDER
from ftchat.engine.stats import fitting, token_stats
from ftchat.engine.template import ChatTemplate
from ftchat.errors import ConfigError
from ftchat.records import Example, Message

TOKENIZER = AutoTokenizer.from_pretrained(STARTER_FOLDER)
TEMPLATE = ChatTemplate(TOKENIZER, len(TOKENIZER))


def example(*texts: str) -> Example:
    roles = ("user", "assistant")
    return Example(tuple(Message(roles[at % 2], text) for at, text in enumerate(texts)), "f", 1)


def result(counting: Generator[None, None, Any]) -> Any:
    """What it comes to in the end."""
    while True:
        try:
            next(counting)
        except StopIteration as end:
            return end.value


def shortened(one: Example, limit: int) -> Example | None:
    for _, count, characters in result(fitting(TEMPLATE, [[one]], limit)):
        *before, last = one.messages[:count]
        return Example((*before, Message(last.role, last.content[:characters])), "f", 1)
    return None


texts = st.text(st.sampled_from("ab eE.\n1好，。🙂é"), min_size=1, max_size=300).filter(str.strip)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=3), st.integers(8, 120))
def test_what_is_shortened_fits_and_is_a_beginning(turns: list[tuple[str, str]], limit: int) -> None:
    one = example(*(text for turn in turns for text in turn))
    before = result(token_stats(TEMPLATE, [[one]], limit))
    short = shortened(one, limit)
    if not before.over_limit:
        assert short is None
    elif short is not None:
        after = result(token_stats(TEMPLATE, [[short]], limit))
        assert not after.over_limit and not after.lost
        assert short.messages[:-1] == one.messages[: len(short.messages) - 1]
        assert one.messages[len(short.messages) - 1].content.startswith(short.completion) and short.completion.strip()


def test_an_answer_ends_with_a_sentence_or_a_word() -> None:
    one = example("Tell me.", "It is a long story. " * 30)
    short = shortened(one, 60)
    assert short is not None and short.completion.endswith("story.") and len(short.completion) > 50
    words = shortened(example("Tell me.", "word " * 200), 60)
    assert words is not None and words.completion.endswith("word")


def test_whole_exchanges_stay_where_they_fit() -> None:
    one = example("Hi", "Hello.", "Tell me.", "It is a long story. " * 30)
    assert shortened(one, 60) == example("Hi", "Hello.")


def test_nothing_is_left_of_an_answer_whose_prompt_is_too_long() -> None:
    assert shortened(example("word " * 100, "yes"), 40) is None


def test_shortening_is_a_change_that_can_be_undone(home: Path) -> None:
    store = DatasetStore(home)
    root = store.put(read([Source("f", b'["a", "one two three"]\n["b", "four"]\n')]), "rows")
    trim = Remedy("too_long", "trim", (("f", 1, 0),), ((2, 7),))
    short = store.change(root.hash, trim)
    assert [e.completion for e in short.examples] == ["one two", "four"]
    assert store.info(short.hash).changes == (trim,)
    assert store.undo(short.hash, 0).hash == root.hash
    with pytest.raises(ConfigError, match="needs to know what is kept"):
        store.change(root.hash, Remedy("too_long", "trim", (("f", 1, 0),)))


def test_rows_that_lost_their_end_while_reading_are_removed_for_real(home: Path) -> None:
    def row(*turns: tuple[str, str]) -> str:
        told = ", ".join(f'{{"role": "{role}", "content": "{text}"}}' for role, text in turns)
        return f'{{"messages": [{told}]}}\n'

    whole, hanging = (("user", "hi"), ("assistant", "hello")), ("user", "and?")
    calling = '{"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [1]}]}\n'
    data = row(*whole) + row(("user", "hi there"), whole[1], hanging) + calling
    store = DatasetStore(home)
    root = store.put(read([Source("f", data.encode())]), "rows")
    assert root.report.counts == {"unanswered": 1, "tool_calls": 1} and len(root.examples) == 2
    cured = store.change(root.hash, Remedy("unanswered", "drop"))
    assert [e.prompt for e in cured.examples] == ["hi"] and "unanswered" not in cured.report.counts
    settled = store.change(cured.hash, Remedy("tool_calls", "drop"))
    assert settled.examples == cured.examples and settled.report.counts == {}
    assert store.undo(settled.hash, 0).examples == root.examples


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(texts, min_size=2, max_size=4).filter(lambda turns: len(turns) % 2 == 0), max_size=9))
def test_many_examples_have_the_tokens_of_each_alone(conversations: list[list[str]]) -> None:
    examples = [example(*turns) for turns in conversations]
    assert TEMPLATE.encode_all(examples) == [TEMPLATE.encode(one) for one in examples]


def test_the_batches_do_not_change_what_is_counted() -> None:
    examples = [example("How many?", "one " * size) for size in range(1, 40)]
    at_once = result(token_stats(TEMPLATE, [examples], 20))
    assert result(token_stats(TEMPLATE, [examples[:7], examples[7:11], examples[11:]], 20)) == at_once
    assert at_once.over_limit and len(at_once.lengths) == 39
    parted = result(fitting(TEMPLATE, [examples[:30], examples[30:]], 20))
    assert parted == result(fitting(TEMPLATE, [examples], 20)) and parted[-1][0] == 38
