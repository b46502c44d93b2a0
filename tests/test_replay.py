"""What is replayed of an earlier run: the share that was asked for, from what it trained on, and nothing held out."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ftchat.data import DatasetStore, Source, leaks, read
from ftchat.data.replay import replayed
from ftchat.records import Example, Message, Origin, RunConfig, Sides
from ftchat.settings import SEED


def example(question: int, answer: int, row: int) -> Example:
    return Example((Message("user", f"Question {question}?"), Message("assistant", f"Answer {answer}.")), row=row)


rows = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5)), max_size=40)


@settings(max_examples=150, deadline=None)
@given(rows, rows, rows, rows, st.floats(0, 1, exclude_max=True), st.integers(0, 3))
def test_what_is_replayed_is_the_share_from_what_was_trained_on(old, old_held, new, new_held, share, seed) -> None:
    learned, held, own, own_held = (
        tuple(example(*pair, row) for row, pair in enumerate(pairs)) for pairs in (old, old_held, new, new_held)
    )
    found = replayed(Sides(learned, held), Sides(own, own_held), share, seed)
    assert replayed(Sides(learned, held), Sides(own, own_held), share, seed) == found
    places = [one.row for one in found]
    assert places == sorted(set(places)) and all(learned[row] == one for row, one in zip(places, found, strict=True))
    assert not {one.prompt for one in found} & {one.prompt for one in (*held, *own_held)}
    assert not list(leaks(found, own_held, near=True))
    wanted = len(own) * share / (1 - share)
    assert len(found) <= wanted + 0.5
    if len(found) < wanted - 0.5:  # then there are no more
        everything = replayed(Sides(learned, held), Sides(own, own_held), 1 - 1e-9, seed)
        assert places == [one.row for one in everything]


def lines(name: str, count: int) -> list[Source]:
    return [Source.from_text("\n".join(f"What is {name} {n}?\tIt is {name[::-1]} {n * n}." for n in range(count)))]


def test_a_config_tells_its_examples_through_any_number_of_earlier_runs(home: Path) -> None:
    store = DatasetStore(home)
    first, second, third = (store.put(read(lines(name, 40)), name).hash for name in ("oak", "elm", "yew"))
    one = RunConfig("one", first)
    two = RunConfig("two", second, origin=Origin("1", one, replay=0.5))
    three = RunConfig("three", third, origin=Origin("2", two, replay=0.5))
    sides = {config.name: store.split_for(config) for config in (one, two, three)}
    assert [(len(s.learned), len(s.held_out), s.replayed) for s in sides.values()] == [
        (36, 4, 0),
        (72, 4, 36),
        (72, 4, 36),
    ]
    assert sides["two"].learned[-36:] == sides["one"].learned
    again = sides["three"].learned[-36:]
    assert set(again) < set(sides["two"].learned) and any("oak" in one.prompt for one in again)
    other = RunConfig("three", third, settings={"seed": SEED + 1}, origin=three.origin)
    assert store.split_for(other).learned[-36:] != again
    assert set(three.datasets) == {first, second, third}
    assert RunConfig("four", third, origin=Origin("2", two)).datasets == (third,)
