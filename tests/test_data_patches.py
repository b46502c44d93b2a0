"""A change of a few examples is made without judging the others, and comes to the same as judging all of them."""

import json
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftchat.data import Add, Change, DatasetStore, Delete, Edit, Reading, Remedy, Source, near, read, reading
from ftchat.data.folder import read_known
from ftchat.data.versions import revise
from ftchat.errors import DataError
from ftchat.records import Message

LONG = "Click on the link below the field, then wait for the message that we send you."
TEXTS = ("Where?", "Here.", "Who?", "Ada.", "a@b.com", "{{name}} 你好", "c\x07d", 'Say "hi"', "привет",
         LONG, f"{LONG} Now.", LONG.replace("field", "feild"), LONG.replace("wait for", "look at"))  # fmt: skip
TEXT = st.sampled_from(TEXTS)
ROW = st.one_of(
    st.fixed_dictionaries({"prompt": TEXT, "completion": TEXT | st.just(" ")}),
    st.fixed_dictionaries({"prompt": TEXT, "answers": st.lists(TEXT, min_size=1, max_size=3)}),
    st.builds(lambda *said: {"messages": [{"role": role, "content": text} for role, text in
              zip(("system", "user", "assistant", "user", "assistant"), said, strict=True)]}, *[TEXT] * 5),
)  # fmt: skip
ROWS = st.lists(ROW, min_size=3, max_size=12)
STEPS = ("edit", "delete", "add", "mend", "forget")
REMEDIES = (Remedy("near_duplicate", "drop"), Remedy("pii", "mask"), Remedy("duplicate", "drop"))
relaxed = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def lines(rows) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@pytest.fixture(params=[0, near.NEAR_LIMIT], ids=["large", "small"])
def limit(request, monkeypatch):
    """In a large dataset near duplicates are not looked for."""
    monkeypatch.setattr(reading, "NEAR_LIMIT", request.param)


def read_in(first, second) -> Reading:
    return read([Source("a.jsonl", lines(first)), Source("b.jsonl", lines(second))])


@relaxed
@given(ROWS, ROWS, st.lists(st.sampled_from(STEPS), min_size=1, max_size=4), st.data())
def test_few_changes_are_as_good_as_a_new_judgement(limit, tmp_path, first, second, steps, data):
    store = DatasetStore(Path(mkdtemp(dir=tmp_path)))
    found = read_in(first, second)
    if not found.examples:
        return
    root = now = store.put(found, "rows")
    for step in steps:
        messages = (Message("user", data.draw(TEXT)), Message("assistant", data.draw(TEXT)))
        change: Change = Add(messages)
        if step == "edit":
            change = Edit(data.draw(st.sampled_from(now.examples)).place, messages)
        elif step == "delete":
            gone = data.draw(st.sets(st.sampled_from(now.examples), max_size=3))
            change = Delete(tuple(example.place for example in gone))
        elif step == "mend":
            change = data.draw(st.sampled_from(REMEDIES))
        elif step == "forget":  # what was found out may be missing or damaged
            for path in store.folder.glob("*/known.npz"):
                path.write_bytes(path.read_bytes()[: data.draw(st.sampled_from([0, 500]))])
        if isinstance(change, Delete) and len(change.places) == len(now.examples):
            continue
        now = store.change(now.hash, change)
        whole = revise(Reading(root.examples, root.report, root.alike), now.info.changes)
        assert now.examples == whole.examples
        assert (now.report, now.alike) == (whole.report, whole.alike)
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


def test_an_edit_of_a_large_dataset_compares_what_it_touches(tmp_path):
    store = DatasetStore(tmp_path)
    rows = [{"prompt": f"What is {n} and {n + 1}? " + "word " * 20, "completion": f"It is {n}."} for n in range(5_000)]
    root = store.put(read([Source("a", lines(rows))]), "rows")
    known = read_known(store.folder / root.hash)
    assert known is not None and len(known.keys) == len(rows) and len(known.pairs) > 1000
    edited = store.change(root.hash, Edit(("a", 3_000, 0), (Message("user", "Who?"), Message("assistant", "Ada."))))
    new = read_known(store.folder / edited.hash)  # what was found out for it, besides what the root knows
    assert new is not None and len(new.keys) == 1 and len(new.pairs) < 100
    assert edited.examples[2_999].completion == "Ada." and len(edited.examples) == len(rows)
