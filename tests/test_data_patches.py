"""A change of a few examples is made without judging the others, and comes to the same as judging all of them."""

import json
import time
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftchat.data import Add, DatasetStore, Delete, Edit, Reading, Source, near, read, reading
from ftchat.data.versions import revise
from ftchat.errors import DataError
from ftchat.records import Message

TEXTS = ("Where?", "Here.", "Who?", "Ada.", "a@b.com", "{{name}} 你好", "c\x07d", 'Say "hi"', "привет")
TEXT = st.sampled_from(TEXTS)
ROW = st.one_of(
    st.fixed_dictionaries({"prompt": TEXT, "completion": TEXT | st.just(" ")}),
    st.fixed_dictionaries({"prompt": TEXT, "answers": st.lists(TEXT, min_size=1, max_size=3)}),
    st.builds(lambda *said: {"messages": [{"role": role, "content": text} for role, text in
              zip(("system", "user", "assistant", "user", "assistant"), said, strict=True)]}, *[TEXT] * 5),
)  # fmt: skip
ROWS = st.lists(ROW, min_size=3, max_size=12)
relaxed = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def lines(rows) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@pytest.fixture(autouse=True)
def only_asked_for(monkeypatch):
    """Near duplicates are not looked for, as in a large dataset."""
    monkeypatch.setattr(reading, "NEAR_LIMIT", 0)
    assert near.NEAR_LIMIT


@relaxed
@given(ROWS, ROWS, st.lists(st.sampled_from(["edit", "delete", "add"]), min_size=1, max_size=4), st.data())
def test_few_changes_are_as_good_as_a_new_judgement(tmp_path, first, second, steps, data):
    store = DatasetStore(Path(mkdtemp(dir=tmp_path)))
    read_in = read([Source("a.jsonl", lines(first)), Source("b.jsonl", lines(second))])
    if not read_in.examples:
        return
    root = now = store.put(read_in, "rows")
    for step in steps:
        messages = (Message("user", data.draw(TEXT)), Message("assistant", data.draw(TEXT)))
        if step == "edit":
            change = Edit(data.draw(st.sampled_from(now.examples)).place, messages)
        elif step == "delete":
            gone = data.draw(st.sets(st.sampled_from(now.examples), max_size=3))
            if len(gone) == len(now.examples):
                continue
            change = Delete(tuple(example.place for example in gone))
        else:
            change = Add(messages)
        now = store.change(now.hash, change)
        whole = revise(Reading(root.examples, root.report), now.info.changes)
        assert now.examples == whole.examples
        assert now.report == whole.report
        assert store.get(now.hash) == now and store.get(now.hash).examples == now.examples


def test_the_last_examples_cannot_be_deleted(tmp_path):
    store = DatasetStore(tmp_path)
    root = store.put(read([Source("a", lines([{"prompt": "a", "completion": "b"}]))]), "rows")
    with pytest.raises(DataError, match="no example"):
        store.change(root.hash, Delete((root.examples[0].place,)))


def test_what_was_damaged_is_not_built_on(tmp_path):
    store = DatasetStore(tmp_path)
    rows = [{"prompt": f"question {n}", "completion": "b"} for n in range(9)]
    root = store.put(read([Source("a", lines(rows))]), "rows")
    path = store.folder / root.hash / "examples.jsonl"
    path.write_bytes(path.read_bytes().replace(b"question 7", b"question 8"))
    with pytest.raises(DataError, match="damaged"):
        store.change(root.hash, Delete((("a", 1, 0),)))
    assert len(store.list()) == 1


def test_an_edit_of_a_large_dataset_takes_a_moment(tmp_path):
    store = DatasetStore(tmp_path)
    rows = [{"prompt": f"What is {n} and {n + 1}? " + "word " * 20, "completion": f"It is {n}."} for n in range(40_000)]
    root = store.put(read([Source("a", lines(rows))]), "rows")
    began = time.process_time()
    edited = store.change(root.hash, Edit(("a", 20_000, 0), (Message("user", "Who?"), Message("assistant", "Ada."))))
    assert time.process_time() - began < 0.5  # judging them all takes some 2 seconds
    assert edited.examples[19_999].completion == "Ada." and len(edited.examples) == 40_000
