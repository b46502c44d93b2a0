"""What the numbers of a run are said to mean."""

from __future__ import annotations

import dataclasses
from typing import get_args

from test_ui_train import EVIL, closed, falling, history

from ftchat.events import (
    CheckpointSaved,
    Event,
    RunFailed,
    RunFinished,
    RunInterrupted,
    RunPaused,
    RunQueued,
    RunResumed,
    RunStopped,
    fold,
)
from ftchat.events.curves import Meaning
from ftchat.ui import run_view
from ftchat.ui.texts import TEXTS
from ftchat.ui.verdict import verdict


def said(events: list[Event], held: bool = True) -> str:
    found = verdict(fold(events, held), "en")
    return f"{found.tone}: {found.head} {found.text}"


def test_a_run_without_held_out_pairs_claims_nothing_about_other_pairs() -> None:
    events = history(falling(40), total=60)
    assert said(events).startswith("calm: Still learning. Train loss fell from 3.40 to 0.46. No pairs are held out")
    assert said([*events, closed(RunFinished, 60)]).startswith("calm: Finished, ready in Compare. Train loss fell")
    assert "learned after 40 of 60 steps" in said([*events, closed(RunFinished, 40, early="learned")])
    assert "over after 40 of 60 steps" in said([*events, closed(RunFinished, 40, early="time")])


def test_held_out_loss_is_what_counts_where_there_is_one() -> None:
    held = [(0, 3.2), (10, 1.5), (20, 0.8), (30, 0.6)]
    assert said(history(falling(30), held, 60)) == (
        "calm: Still learning. Held-out loss, on pairs it is not trained on, fell from 3.20 to 0.60."
    )


def test_a_rise_of_the_held_out_loss_is_said_with_the_step_where_it_was_lowest() -> None:
    held = [(0, 3.2), (10, 0.9), (20, 1.0), (30, 1.2)]
    sentence = said(history(falling(30), held, 60))
    assert sentence.startswith("warn: Overfitting since step 10.")
    assert "lowest at step 10 (0.90)" in sentence
    whole = history(falling(30), held)
    ended = said([*whole, closed(RunFinished, 30)])
    assert ended.startswith("warn: Finished, but overfitting since step 10.") and "Choose the checkpoint" in ended
    kept = said([*whole, dataclasses.replace(closed(RunFinished, 30, early="overfit"), kept=10)])
    assert kept.startswith("calm: Finished, ready in Compare.") and "what it was at step 10, its best, is kept" in kept


def test_a_run_that_made_the_base_worse_is_warned_of() -> None:
    events = history(falling(30), [(0, 2.0), (10, 2.5), (20, 3.0), (30, 4.0)])
    assert said(events[:-2]).startswith("warn: Worse than the base")
    assert said([*events, closed(RunFinished, 30)]).startswith("warn: Finished, but worse than the base")
    climbing = history([3.0 - 0.1 * step for step in range(20)] + [1.0 + 0.2 * step for step in range(20)])
    assert said([*climbing, closed(RunFinished, 40)]).startswith("warn: Finished, but the train loss climbed.")


def test_a_tiny_run_says_that_it_is_too_short_to_tell() -> None:
    events = history(falling(6), [(step, 3.0 - step / 9) for step in range(7)])
    ended = fold([*events, closed(RunFinished, 6)])
    assert verdict(ended, "en").text.endswith("6 steps are too few to tell more.")
    assert "只有 6 步，还看不出更多。" in verdict(ended, "zh").text
    assert said(history(falling(6), total=60)).startswith("calm: First steps. Train loss fell")


def test_every_meaning_has_its_words_in_both_languages() -> None:
    for meaning in get_args(Meaning):
        for when in ("now", "end"):
            if meaning != "early":
                assert {f"ft_say_{meaning}_{when}"} <= TEXTS.keys()
                assert (meaning, when) == ("learning", "now") or f"ft_do_{meaning}_{when}" in TEXTS


def test_chinese_sentences_stand_without_spaces_between_them() -> None:
    status = fold([*history(falling(40), total=60), closed(RunFinished, 40)])
    assert "。 " not in run_view.words(status, "zh") and ". " in verdict(status, "en").text


def test_a_flat_loss_is_not_called_learning() -> None:
    assert said(history([3.0, 3.01] * 20, total=60)).startswith("warn: No effect so far.")


def test_a_run_that_can_go_on_says_from_where_and_offers_it() -> None:
    cut = history(falling(9), total=60)
    saved = [*cut, CheckpointSaved(step=8)]
    assert "goes on from step 8" in said(saved, held=False) and "begins it again" in said(cut, held=False)
    full = [*saved, RunInterrupted(step=9, error=f"no room {EVIL}")]
    assert said(full).startswith("warn: Interrupted at step 9. no room")
    paused = [*saved, RunPaused(step=9)]
    assert said(paused).startswith("calm: Paused at step 9.")
    for events, held in ((cut, False), (full, True), (paused, True)):
        drawn = run_view.words(fold(events, held), "en")
        assert 'data-resume="1"' in drawn and "data-again" not in drawn and "<img" not in drawn
    assert "data-resume" not in run_view.words(fold([*paused, RunQueued()]), "en")
    assert "2 runs go first" in run_view.words(fold([RunQueued()]), "en", ahead=2)


def test_steps_that_are_done_again_are_shown_once() -> None:
    once = history(falling(9), total=60)
    again = [*once[:-2], CheckpointSaved(step=4), RunQueued(), RunResumed(step=4)]
    status = fold([*again, *once[-5:]])
    assert status.losses == fold(once).losses and status.step == 9
    assert fold(again).losses == fold(once).losses[:4]


def test_a_run_that_left_nothing_says_so_and_offers_to_train_again() -> None:
    cut = history(falling(9), total=60)
    dropped = [RunQueued(), closed(RunStopped, 0)]
    failed = [*cut, RunFailed(error=f"no room {EVIL}")]
    assert said(cut, held=False).startswith("warn: Interrupted at step 9.")
    assert said([RunQueued()], held=False).startswith("warn: Interrupted before the first step.")
    assert said(dropped).startswith("warn: Stopped before the first step.")
    assert said(failed) == f"err: The run failed. no room {EVIL}"
    for events in (dropped, failed):
        drawn = run_view.words(fold(events), "en")
        assert "data-again" in drawn and "<img" not in drawn
    kept = fold([*cut, closed(RunStopped, 9)])
    assert "9 of 60" in verdict(kept, "en").text
    assert "data-again" not in run_view.words(kept, "en")
