"""Remedies and other changes make versions: a remedy ends its problem and touches nothing else, and all can be undone."""

import hashlib
import json
from itertools import pairwise
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftchat.data import REMEDIES, Add, DatasetStore, Delete, Edit, Remedy, Source, read
from ftchat.errors import ConfigError, DataError
from ftchat.records import Message

ROWS = {
    "clean": ("Where is it?", "On the shelf."),
    "duplicate": ("Where is it?", "On the shelf."),
    "near": ("Where is it ?", "On the shelf"),
    "rival": ("Who are you?", "I am Ada."),
    "other rival": ("Who are you?", "Nobody."),
    "same rival": ("Who are you?", "Nobody."),
    "no answer": ("Why?", " "),
    "no prompt": ("", "Because."),
    "mail": ("Write to a@b.com", "I wrote to a@b.com and to +44 20 7946 0958"),
    "control": ("a\x07b", "c\x00d"),
    "mojibake": ("It’s a cafÃ©", "donâ€™t"),
    "placeholder": ("Dear {{name}}", "Hello"),
    "echo": ("Say this", "Say this"),
    "long": ("Repeat it", "word " * 2000),
    "tools": {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [1]}]},
    "two answers": {"prompt": "Pick one", "answers": ["first", "second"]},
}


def source(names) -> Source:
    rows = [ROWS[name] if isinstance(ROWS[name], dict) else dict(zip(("prompt", "completion"), ROWS[name], strict=True))
            for name in names]  # fmt: skip
    return Source(
        "rows.jsonl",
        "".join(json.dumps(row) + "\n" for row in [*rows, {"prompt": "Last", "completion": "one"}]).encode(),
    )


shuffled = st.lists(st.sampled_from(sorted(ROWS)), max_size=12)
relaxed = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@relaxed
@given(shuffled, st.data())
def test_a_remedy_ends_its_problem_and_touches_nothing_else(tmp_path, names, data):
    store = DatasetStore(Path(mkdtemp(dir=tmp_path)))
    root = store.put(read([source(names)]), "rows")
    kinds = sorted(root.report.counts.keys() & REMEDIES.keys())
    if not kinds:
        return
    kind = data.draw(st.sampled_from(kinds))
    action = data.draw(st.sampled_from(REMEDIES[kind]))
    cured = store.change(root.hash, Remedy(kind, action))
    assert kind not in cured.report.counts
    ill = {problem.row for problem in root.report.problems if problem.kind == kind}
    before = {example.place: example for example in root.examples}
    after = {example.place: example for example in cured.examples}
    assert after.keys() <= before.keys()
    # Only rows that had the problem are gone or changed (a duplicate of a near duplicate goes with it).
    changed = {place[1] for place in before if after.get(place) != before[place]}
    assert changed <= ill or (
        kind == "near_duplicate" and changed <= ill | {p.row for p in root.report.problems if p.kind == "duplicate"}
    )
    if action in ("mask", "trim", "repair"):
        assert after.keys() == before.keys() and changed == ill
    assert store.get(root.hash) == root
    assert store.undo(cured.hash, 0) == root


@relaxed
@given(shuffled, st.lists(st.sampled_from(["pii", "duplicate", "conflict", "edit", "delete", "add", "tool_calls", "mojibake"]), max_size=5),
       st.data())  # fmt: skip
def test_changes_are_taken_back_in_any_order_and_bytes_hash_to_the_name(tmp_path, names, steps, data):
    store = DatasetStore(Path(mkdtemp(dir=tmp_path)))
    root = store.put(read([source(names)]), "rows")
    versions = [root]
    for number, step in enumerate(steps):
        now = versions[-1]
        turn = (Message("user", f"new {number}"), Message("assistant", "answer"))
        if step == "edit":
            change = Edit(data.draw(st.sampled_from(now.examples)).place, turn)
        elif step == "delete":
            if len(now.examples) == 1:
                continue
            change = Delete((data.draw(st.sampled_from(now.examples)).place,))
        else:
            change = Add(turn) if step == "add" else Remedy(step, REMEDIES[step][0])
        versions.append(store.change(now.hash, change))
    for before, after in pairwise(versions):
        assert store.undo(after.hash, len(after.info.changes) - 1).hash == before.hash
    for version in versions:
        content = store.export(version.hash)
        assert hashlib.sha256(content).hexdigest()[:16] == version.hash[:16]
        assert store.get(version.hash) == version and version.info.root == root.hash
        assert [e.messages for e in read([Source("x.jsonl", content)]).examples] == [
            e.messages for e in version.examples
        ]
    last = versions[-1]
    while last.info.changes:
        try:
            last = store.undo(last.hash, data.draw(st.integers(0, len(last.info.changes) - 1)))
        except DataError as error:  # only a pair that was added is left, and its adding would be taken back
            assert "no example" in str(error)
            return
    assert last == root


def test_one_change_is_taken_back_and_the_others_stay(tmp_path):
    store = DatasetStore(tmp_path)
    root = store.put(read([source(["mail", "duplicate", "clean"])]), "rows")
    masked = store.change(root.hash, Remedy("pii", "mask"))
    added = store.change(masked.hash, Add((Message("user", "More?"), Message("assistant", "More."))))
    edited = store.change(added.hash, Edit(("added", 1, 0), (Message("user", "More?"), Message("assistant", "Less."))))
    assert [example.completion for example in edited.examples][-1] == "Less."
    plain = store.undo(edited.hash, 0)
    assert plain.examples[0] == root.examples[0] and plain.examples[-1].completion == "Less."
    assert plain.info.changes == edited.info.changes[1:]
    without = store.undo(plain.hash, 0)  # the pair that was edited is gone, and its edit says nothing
    assert without.examples == root.examples


def test_rows_with_too_few_cells_go_and_come_back(home: Path) -> None:
    store = DatasetStore(home)
    text = "prompt,completion,who\nhi,hello,me\nhi there,you\nbye,ok,you\n"
    root = store.put(read([Source.from_text(text)]), "log")
    cured = store.change(root.hash, Remedy("short_row", "drop"))
    assert [example.prompt for example in cured.examples] == ["hi", "bye"]
    assert "short_row" not in cured.report.counts and root.report.counts["short_row"] == 1
    assert store.undo(cured.hash, 0).hash == root.hash


def test_rows_that_cannot_be_used_can_be_settled(tmp_path):
    store = DatasetStore(tmp_path)
    root = store.put(read([source(["no answer", "tools", "clean"])]), "rows")
    settled = store.change(root.hash, Remedy("empty_answer", "drop"))
    assert settled.hash != root.hash and store.export(settled.hash) == store.export(root.hash)
    assert (root.report.counts, settled.report.counts) == ({"empty_answer": 1, "tool_calls": 1}, {"tool_calls": 1})
    assert (settled.report.rows, settled.report.examples, settled.report.unused_rows) == (4, 2, 2)


def test_merging_keeps_the_most_frequent_answer(tmp_path):
    store = DatasetStore(tmp_path)
    root = store.put(read([source(["rival", "other rival", "same rival", "two answers"])]), "rows")
    merged = store.change(root.hash, Remedy("conflict", "merge"))
    assert [example.completion for example in merged.examples] == ["Nobody.", "Nobody.", "first", "second", "one"]


def test_what_only_a_base_model_shows_is_dropped_by_place(tmp_path):
    store = DatasetStore(tmp_path)
    root = store.put(read([source(["clean", "long"])]), "rows")
    cut = store.change(root.hash, Remedy("too_long", "drop", (root.examples[1].place,)))
    assert [example.row for example in cut.examples] == [1, 3]
    assert store.get(cut.hash).info.changes == cut.info.changes


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Remedy("duplicate", "mask"), "no remedy for 'duplicate'"),
        (Remedy("languages", "drop"), "there is none"),
        (Remedy("too_long", "drop"), "needs places"),
        (Remedy("pii", "mask", (("rows.jsonl", 1, 0),)), "takes no places"),
        (Edit(("rows.jsonl", 99, 0), (Message("user", "a"), Message("assistant", "b"))), "row 99"),
        (Edit(("rows.jsonl", 1, 0), (Message("user", "a"), Message("assistant", " "))), "answer is empty"),
        (Edit(("rows.jsonl", 1, 0), (Message("user", ""), Message("assistant", "b"))), "prompt is empty"),
        (Add((Message("user", "a"),)), "needs a prompt"),
        (Add((Message("user", "a"), Message("assistant", "\ud83d"))), "half a character"),
        (Delete((("rows.jsonl", 1, 0), ("rows.jsonl", 2, 0))), "no example"),
    ],
)
def test_a_change_that_cannot_be_made_is_said(tmp_path, change, words):
    store = DatasetStore(tmp_path)
    root = store.put(read([source(["clean"])]), "rows")
    with pytest.raises((ConfigError, DataError), match=words):
        store.change(root.hash, change)
    assert len(store.list()) == 1
    with pytest.raises(ConfigError, match="no number 0"):
        store.undo(root.hash, 0)


def test_what_is_read_is_a_root_even_where_a_version_holds_the_same(tmp_path):
    store = DatasetStore(tmp_path)
    root = store.put(read([source(["clean", "duplicate"])]), "rows")
    version = store.change(root.hash, Remedy("duplicate", "drop"))
    again = store.put(read([source(["clean"])]), "again")
    assert store.export(again.hash) == store.export(version.hash)
    assert (again.name, again.info.changes, store.put(read([source(["clean"])]), "x").hash) == ("again", (), again.hash)
    assert store.change(root.hash, Remedy("duplicate", "drop")) == version


def test_a_remedy_tells_how_many_rows_are_through_and_never_goes_back(home: Path) -> None:
    store = DatasetStore(home)
    asked = "Click on the link below the field, then wait for the message"
    rows = [{"prompt": f"{n}: who is a{n}@b.com?", "completion": f"It is {n}."} for n in range(5_000)]
    rows += [{"prompt": asked, "completion": f"{asked} that we send{' now' * n}"} for n in range(3)]
    key = store.put(read([Source.from_text("".join(json.dumps(row) + "\n" for row in rows))]), "rows").hash
    for remedy, left in ((Remedy("near_duplicate", "drop"), 5_001), (Remedy("pii", "mask"), 5_001)):
        told: list[tuple[int, int]] = []
        changed = store.change(key, remedy, lambda done, total, told=told: told.append((done, total)))
        key = changed.hash
        done = [done for done, _ in told]
        assert len(changed.examples) == left == told[-1][1]
        assert done == sorted(done) and len(set(done)) > 2 and done[-1] <= left
