"""Who can be asked in the Compare tab, and what the data suggests to ask."""

from __future__ import annotations

from pathlib import Path

from chats import end, finished

from ftchat.events import RunQueued
from ftchat.records import STARTER, Example, Message, RunConfig
from ftchat.runs import RunStore
from ftchat.ui.standing import Standing, standing, suggestions


def test_without_runs_the_base_can_be_asked(home: Path) -> None:
    assert standing(RunStore(home), None, None, None) == Standing(STARTER, None, (), None, None)


def test_the_pane_changes_to_the_selected_run_when_it_ends(home: Path) -> None:
    runs = RunStore(home)
    old = finished(runs, "old")
    new = runs.create(RunConfig("new", "data"))
    with new.hold():
        new.append(RunQueued())
        now = standing(runs, new.id, None, None)
        assert (now.run, now.waiting, now.followed) == (old.id, new, None)
        end(new)
    now = standing(runs, new.id, now.run, now.followed)
    assert (now.run, now.waiting, now.followed) == (new.id, None, new.id)
    assert set(now.usable) == {(old.id, "old"), (new.id, "new")}
    assert standing(runs, new.id, old.id, now.followed).run == old.id  # the visitor's own choice stays


def test_the_base_is_that_of_the_adapter_else_of_the_run_to_come(home: Path) -> None:
    runs = RunStore(home)
    waiting = runs.create(RunConfig("new", "data", "/models/small"))
    with waiting.hold():
        waiting.append(RunQueued())
        assert standing(runs, waiting.id, None, None).base == "/models/small"
        usable = finished(runs, "done", "/models/other")
        assert standing(runs, waiting.id, usable.id, None).base == "/models/other"


def test_an_adapter_that_is_gone_gives_way_to_the_newest(home: Path) -> None:
    runs = RunStore(home)
    run = finished(runs, "one")
    assert standing(runs, "gone", "gone too", None).run == run.id


def test_suggestions_are_short_first_questions_spread_over_the_data() -> None:
    def pair(question: str, *before: Message) -> Example:
        return Example((*before, Message("user", question), Message("assistant", "yes")))

    long, later = pair("x" * 500), pair("and then?", Message("user", "hi"), Message("assistant", "hello"))
    under = pair("with rules", Message("system", "Be brief."))
    found = suggestions([long, later, under, *(pair(f"q{n}") for n in range(59)), pair("q3")], ())
    assert len(found) == 6 and found[0].question == "with rules" and found[0].system == "Be brief."
    assert found[-1].question == "q49" and not any(one.held_out for one in found)
