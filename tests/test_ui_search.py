"""What the page draws of a search: its marks, what it recommends, and in which words."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftchat.events import (
    Event,
    RunFinished,
    RunPaused,
    RunQueued,
    RunStarted,
    RunStatus,
    RunStopped,
    SearchPlanned,
    TrialBegun,
    TrialEnded,
    TrialMeasured,
    fold,
)
from ftchat.records import RunConfig
from ftchat.ui import search_view
from ftchat.ui.rate_plot import Mark, rate_plot
from ftchat.ui.texts import search as texts

CONFIG = RunConfig("search", "abc", search_minutes=5.0)
TOKENS = (5, 6, 7, 8, 9, 10)


def history(*trials: tuple[float, int, float, int]) -> list[Event]:
    """Of trials by learning rate, rank, loss and seed, each of ten seconds."""
    events: list[Event] = [
        RunQueued(time=100.0),
        RunStarted(time=100.0, total_steps=0, base="starter", method="lora"),
        SearchPlanned(time=101.0, seconds=300.0, steps=20, tokens=TOKENS),
    ]
    for number, (rate, r, loss, seed) in enumerate(trials, 1):
        at = 100.0 + 10 * number
        events += [
            TrialBegun(time=at, number=number, learning_rate=rate, r=r, seed=seed),
            TrialMeasured(time=at + 9, step=20, loss=loss),
            TrialEnded(
                time=at + 9, state="complete", loss=loss, steps=20, seconds=9.0, nll=tuple(loss * n for n in TOKENS)
            ),
        ]
    return events


def ended(kind: type[RunFinished], events: list[Event]) -> RunStatus:
    figures = {"train_loss": 0.0, "seconds": 60.0, "tokens_per_second": 0.0, "peak_memory": 1}
    return fold([*events, kind(time=300.0, steps=0, **figures)])


BETTER = history((1e-3, 16, 1.0, 1), (3e-3, 16, 0.5, 1), (1e-3, 16, 1.0, 2), (3e-3, 16, 0.6, 2))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_each_outcome_has_its_words_and_its_button(lang: str) -> None:
    better = search_view.stage(CONFIG, None, ended(RunFinished, BETTER), lang)
    assert 'data-use="1"' in better and "0.003" in better and "0.400" in better
    alone = search_view.stage(CONFIG, None, ended(RunFinished, history((1e-3, 16, 1.0, 1), (3e-3, 8, 2.0, 1))), lang)
    assert 'data-use="1"' in alone and "1.000" in alone
    stopped = search_view.stage(CONFIG, None, ended(RunStopped, history((1e-3, 16, 1.0, 1), (3e-3, 8, 0.5, 1))), lang)
    assert 'data-use="1"' in stopped and texts.TEXTS["ft_search_not_again"][lang == "zh"] in stopped
    nothing = search_view.stage(CONFIG, None, ended(RunStopped, history()), lang)
    assert "data-use" not in nothing
    paused = search_view.stage(CONFIG, None, fold([*BETTER, RunPaused(step=0)]), lang)
    assert "data-use" not in paused and "data-resume" in paused and "4" in paused
    dead = search_view.stage(CONFIG, None, fold(BETTER, held=False), lang)
    assert texts.TEXTS["ft_search_interrupted"][lang == "zh"].format(n=4) in dead and "data-resume" in dead


def test_while_it_searches_it_says_what_is_tried_and_what_is_best() -> None:
    begun = TrialBegun(time=150.0, number=3, learning_rate=0.01, r=64, seed=1)
    drawn = search_view.stage(CONFIG, None, fold([*history((1e-3, 16, 1.0, 1), (3e-3, 8, 0.7, 1)), begun]), "en")
    assert "Trial 3: learning rate 0.01 and rank 64." in drawn
    assert "learning rate 0.003 and rank 8, with a held-out loss of 0.700" in drawn
    assert 'aria-valuenow="16"' in drawn and "4:10" in drawn


def test_a_method_without_ranks_names_none() -> None:
    drawn = search_view.stage(CONFIG, None, ended(RunFinished, history((1e-3, 0, 1.0, 1), (3e-3, 0, 2.0, 1))), "en")
    assert "rank" not in re.sub(r'class="[^"]*"', "", drawn)


@given(st.lists(st.tuples(st.floats(1e-8, 1.0), st.floats(1e-4, 1e4), st.integers(0, 64), st.booleans()), min_size=1))
def test_every_trial_is_a_mark_inside_the_plot(trials: list[tuple[float, float, int, bool]]) -> None:
    marks = [Mark(rate, loss, rank, whole, '<img src="x">') for rate, loss, rank, whole in trials]
    drawn = rate_plot(marks, str, str, '"words"')
    places = re.findall(r'class="mk [^"]*" style="left:(-?[\d.]+)%;top:(-?[\d.]+)%"', drawn)
    assert len(places) == len(marks) and "<img" not in drawn
    assert all(0 <= float(value) <= 100 for place in places for value in place)


def test_a_lower_loss_lies_lower_and_a_higher_rate_further_right() -> None:
    marks = [Mark(1e-4, 2.0, 8, True, ""), Mark(1e-3, 1.0, 8, True, ""), Mark(1e-2, 3.0, 8, True, "")]
    places = re.findall(r'class="mk [^"]*" style="left:([\d.]+)%;top:([\d.]+)%"', rate_plot(marks, str, str, ""))
    across, down = zip(*((float(left), float(top)) for left, top in places), strict=True)
    assert across[0] < across[1] < across[2] and down[1] > down[0] > down[2]
    assert abs((across[1] - across[0]) - (across[2] - across[1])) < 0.1  # a factor is the same way everywhere
