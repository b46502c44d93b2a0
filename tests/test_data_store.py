"""Datasets on disk: what is put comes back, whole or a page at a time, and what is damaged is said."""

import json

import pytest

from ftchat.data import DatasetStore, Source, read
from ftchat.data.summary import summarise
from ftchat.errors import ConfigError, DataError


def reading(*pairs, name="file"):
    return read([Source(name, "".join(json.dumps(list(pair)) + "\n" for pair in pairs).encode())])


PAIRS = reading(("hi", "hello"), ("你好\n", '"您好" 🙂'), ("bye", ""), ("00", "3.30"))


def test_a_dataset_comes_back_as_it_was_put(tmp_path):
    put = DatasetStore(tmp_path).put(PAIRS, "faq", "template")
    got = DatasetStore(tmp_path).get(put.hash)
    assert got == put
    assert (got.examples, got.report, got.name) == (PAIRS.examples, PAIRS.report, "faq")


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


ROWS = [(f"Question {n}: where?", f'Answer {n}\n"here" 你好 Ä') for n in range(120)]


def test_pages_hold_every_example_once_and_nothing_else(tmp_path):
    store = DatasetStore(tmp_path)
    dataset = store.put(reading(*ROWS), "many")
    pages = [store.page(dataset.hash, start, 50) for start in (0, 50, 100, 150)]
    assert [row for page in pages for row in page.rows] == list(enumerate(dataset.examples))
    assert {page.total for page in pages} == {120}
    assert store.page(dataset.hash, -5, 2).rows == tuple(enumerate(dataset.examples[:2]))
    assert (store.info(dataset.hash), store.report(dataset.hash)) == (dataset.info, dataset.report)
    assert store.summary(dataset.hash) == summarise(dataset.report)
    (store.folder / dataset.hash / "summary.json").unlink()  # as in a folder of an earlier version
    assert store.summary(dataset.hash) == summarise(dataset.report)


@pytest.mark.parametrize(
    "query", ["question 7", "ANSWER 11", 'here"', '\n"here', "ä", "你好", "user", "content", "\\", " "]
)
def test_search_finds_what_the_messages_say(tmp_path, query):
    store = DatasetStore(tmp_path)
    dataset = store.put(reading(*ROWS), "many")
    wanted = query.strip().casefold()
    right = [
        (index, example)
        for index, example in enumerate(dataset.examples)
        if any(wanted in message.content.casefold() for message in example.messages)
    ]
    found = store.search(dataset.hash, query, 0, 1000)
    assert (found.total, list(found.rows)) == (len(right), right)
    assert list(store.search(dataset.hash, query, 3, 4).rows) == right[3:7]


def test_a_page_of_a_damaged_dataset_is_said(tmp_path):
    store = DatasetStore(tmp_path)
    dataset = store.put(reading(*ROWS), "many")
    path = store.folder / dataset.hash / "places.bin"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=dataset.hash):
        store.page(dataset.hash, 100, 50)


def test_what_was_read_can_be_read_again_with_other_columns(tmp_path):
    store = DatasetStore(tmp_path)
    source = Source("faq.csv", b"prompt,answer,long\na,b,c\nd,e,f\n")
    dataset = store.put(read([source]), "faq", sources=[source])
    again = store.reread(dataset.hash, {"completion": "long"})
    assert [example.completion for example in again.examples] == ["c", "f"]
    assert (again.name, again.info.mapping) == ("faq", {"completion": "long"})
    assert store.reread(again.hash, {}).hash == dataset.hash
    bare = store.put(reading(("x", "y")), "bare")
    with pytest.raises(DataError, match="not kept"):
        store.reread(bare.hash, {})
    with pytest.raises(ConfigError, match="nowhere"):
        store.reread(dataset.hash, {"completion": "nowhere"})


def test_the_source_can_be_kept_later(tmp_path):
    store = DatasetStore(tmp_path)
    source = Source("faq.csv", b"prompt,answer\na,b\n")
    dataset = store.put(read([source]), "faq")
    assert not dataset.info.raw
    assert store.put(read([source]), "faq", sources=[source]).info.raw
    assert store.reread(dataset.hash, {"prompt": "answer", "completion": "prompt"}).examples[0].prompt == "b"


def test_reading_tells_how_far_it_is():
    sources = [Source(f"{n}.jsonl", b'{"prompt":"a","completion":"b"}\n' * 9000) for n in range(2)]
    told = []
    read(sources, progress=lambda done, total: told.append((done, total)))
    size = sum(len(source.data) for source in sources)
    assert told[-1] == (size, size) and told == sorted(told) and len(told) > 6
