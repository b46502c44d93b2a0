"""Datasets on disk, and the split into trained and held out."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftchat.data import DatasetStore, Source, read, split
from ftchat.errors import ConfigError, DataError
from ftchat.records import Example, Message


def reading(*pairs, name="file"):
    return read([Source(name, "".join(json.dumps(list(pair)) + "\n" for pair in pairs).encode())])


PAIRS = reading(("hi", "hello"), ("你好\n", '"您好" 🙂'), ("bye", ""), ("00", "3.30"))


def test_a_dataset_comes_back_as_it_was_put(tmp_path):
    put = DatasetStore(tmp_path).put(PAIRS, "faq", "template")
    got = DatasetStore(tmp_path).get(put.hash)
    assert got == put
    assert (got.examples, got.report, got.name, got.kind) == (PAIRS.examples, PAIRS.report, "faq", "template")


def test_the_same_content_is_the_same_dataset(tmp_path):
    store = DatasetStore(tmp_path)
    first = store.put(PAIRS, "faq")
    table = read([Source("x.csv", 'prompt,completion\nhi,hello\n"你好\n","""您好"" 🙂"\n00,3.30\n'.encode())])
    again = store.put(table, "other")
    assert (again.hash, again.name) == (first.hash, "faq")
    assert len(store.list()) == 1


def test_export_is_the_same_each_time_and_reads_back(tmp_path):
    store = DatasetStore(tmp_path)
    dataset = store.put(PAIRS, "faq")
    exported = store.export(dataset.hash)
    assert (
        exported
        == store.export(dataset.hash)
        == DatasetStore(tmp_path / "other").export(DatasetStore(tmp_path / "other").put(PAIRS, "x").hash)
    )
    again = read([Source("export.jsonl", exported)])
    assert [e.messages for e in again.examples] == [e.messages for e in PAIRS.examples]
    assert store.put(again, "again").hash == dataset.hash


def test_the_list_is_newest_first(tmp_path):
    store = DatasetStore(tmp_path)
    assert store.list() == []
    for name in ("one", "two", "three"):
        store.put(reading((name, "x")), name)
    assert [(info.name, info.count) for info in store.list()] == [("three", 1), ("two", 1), ("one", 1)]


def test_owners_share_nothing(tmp_path):
    dataset = DatasetStore(tmp_path, "ann").put(PAIRS, "faq")
    assert DatasetStore(tmp_path, "bob").list() == []
    with pytest.raises(DataError, match="no dataset"):
        DatasetStore(tmp_path, "bob").get(dataset.hash)
    for owner in ("", "..", "a/b", "../bob"):
        with pytest.raises(ConfigError):
            DatasetStore(tmp_path, owner)


@pytest.mark.parametrize("key", ["", "..", "0" * 16, "../../x", "zz"])
def test_an_unknown_dataset_is_said(tmp_path, key):
    with pytest.raises(DataError, match="there is no dataset"):
        DatasetStore(tmp_path).get(key)


@pytest.mark.parametrize("file", ["examples.jsonl", "places.bin", "alike.json", "report.json", "dataset.json"])
@pytest.mark.parametrize("damage", ["cut", "changed", "removed"])
def test_a_damaged_dataset_is_said_and_can_be_put_again(tmp_path, file, damage):
    store = DatasetStore(tmp_path)
    dataset = store.put(PAIRS, "faq")
    path = store.folder / dataset.hash / file
    content = path.read_bytes()
    if damage == "removed":
        path.unlink()
    else:
        path.write_bytes(content[:-9] if damage == "cut" else b"{}" + content[2:-2] + b"[]")
    with pytest.raises(DataError, match=dataset.hash):
        store.get(dataset.hash)
    store.list()
    store.put(PAIRS, "faq")
    assert store.get(dataset.hash).examples == PAIRS.examples


def test_nothing_to_train_on_is_not_kept(tmp_path):
    with pytest.raises(DataError, match="no example"):
        DatasetStore(tmp_path).put(reading(("a", ""), ("b", "")), "faq")
    assert DatasetStore(tmp_path).list() == []


def test_files_that_cannot_be_opened_are_said(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path, "a\0b"):
        with pytest.raises(DataError):
            Source.from_path(path)
    (tmp_path / "a.csv").write_bytes(b"prompt,answer\na,b\n")
    assert read([Source.from_path(tmp_path / "a.csv")]).examples[0].source == "a.csv"
    assert read([Source.from_text("Q: a\nA: b")]).examples[0].source == "pasted text"


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
