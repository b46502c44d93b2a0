"""Who can be asked in the Compare tab."""

from __future__ import annotations

from pathlib import Path

from chats import end, finished, step

from ftchat.adapters import AdapterStore
from ftchat.events import RunQueued, RunStarted
from ftchat.records import STARTER, RunConfig
from ftchat.runs import Run, RunStore
from ftchat.ui.standing import Standing, standing
from ftchat.ui.voices import Speaker


def stand(runs: RunStore, selected: str | None, *picks: str | None, followed: str | None = None) -> Standing:
    return standing(runs, AdapterStore(runs.folder.parents[2]), selected, picks or (None,), followed)


def checkpoint(run: Run, number: int) -> None:
    """What there is to see of one."""
    folder = run.checkpoints / f"step-{number:08}"
    folder.mkdir(parents=True)
    (folder / "manifest.json").touch()


def test_without_runs_the_base_can_be_asked(home: Path) -> None:
    assert stand(RunStore(home), None) == Standing(STARTER, (None,), ())
    assert stand(RunStore(home), None).speaker(0, 1.0) == Speaker(STARTER)


def test_the_pane_changes_to_the_selected_run_when_it_ends(home: Path) -> None:
    runs = RunStore(home)
    old = finished(runs, "old")
    new = runs.create(RunConfig("new", "data"))
    with new.hold():
        new.append(RunQueued())
        now = stand(runs, new.id)
        assert (now.picks, now.waiting, now.followed) == ((old.id,), new, None)
        end(new)
    now = stand(runs, new.id, *now.picks, followed=now.followed)
    assert (now.picks, now.waiting, now.followed) == ((new.id,), None, new.id)
    assert {one.adapter for one in now.options} == {old.id, new.id}
    assert stand(runs, new.id, old.id, followed=now.followed).picks == (old.id,)  # the visitor's own choice stays


def test_the_base_is_that_of_the_adapter_else_of_the_run_to_come(home: Path) -> None:
    runs = RunStore(home)
    waiting = runs.create(RunConfig("new", "data", "/models/small"))
    with waiting.hold():
        waiting.append(RunQueued())
        assert stand(runs, waiting.id).base == "/models/small"
        usable = finished(runs, "done", "/models/other")
        assert stand(runs, waiting.id, usable.id).base == "/models/other"


def test_an_adapter_that_is_gone_gives_way_to_the_newest(home: Path) -> None:
    runs = RunStore(home)
    run = finished(runs, "one")
    assert stand(runs, "gone", "gone too").picks == (run.id,)


def test_a_run_in_training_and_checkpoints_can_be_chosen_and_give_way_to_the_run(home: Path) -> None:
    runs = RunStore(home)
    run = runs.create(RunConfig("new", "data"))
    with run.hold():
        run.append(RunQueued())
        run.append(RunStarted(total_steps=9, base=STARTER, method="lora"))
        run.append(step(4))
        checkpoint(run, 3)
        now = stand(runs, run.id, None, f"{run.id}@3")
        assert now.tuned is None and now.soon and now.picks[1] == f"{run.id}@3"  # nobody is put forward unasked
        now = stand(runs, run.id, now.soon.key, f"{run.id}@3")
        assert now.speaker(1, 0.5) == Speaker(STARTER, run.id, "now", 0.5)
        assert now.speaker(2, 1.0) == Speaker(STARTER, run.id, 3)
        end(run)
    now = stand(runs, run.id, *now.picks, followed=run.id)
    assert now.picks == (run.id, f"{run.id}@3")
    (run.checkpoints / "step-00000003" / "manifest.json").unlink()
    assert stand(runs, run.id, *now.picks, followed=run.id).picks == (run.id, run.id)


def test_other_panes_stay_on_the_base_of_the_second(home: Path) -> None:
    runs = RunStore(home)
    one, other = finished(runs, "one"), finished(runs, "other", "/models/other")
    now = stand(runs, None, one.id, other.id, "base", None)
    assert now.picks == (one.id, one.id, "base", None) and now.speaker(3, 1.5) == Speaker(STARTER)
    assert [option.adapter for option in now.choices(2)] == [one.id] and len(now.choices(1)) == 2


def test_one_more_pane_begins_with_somebody_new_else_with_half_the_strength(home: Path) -> None:
    runs = RunStore(home)
    one = finished(runs, "one")
    assert stand(runs, None, one.id, None).to_add() == (one.id, 0.5)
    other = finished(runs, "other")
    assert stand(runs, None, one.id, None).to_add() == (other.id, 1.0)
