"""The Train and Runs tabs: what is drawn of a run's history, what its numbers are said to mean, what the form asks for."""

from __future__ import annotations

import importlib.util
import math
import re
from collections.abc import Sequence
from itertools import pairwise

import pytest

from ftchat.errors import ConfigError
from ftchat.events import (
    Checked,
    Early,
    EvalLogged,
    Event,
    RunFinished,
    RunQueued,
    RunStarted,
    RunStatus,
    StepLogged,
    fold,
)
from ftchat.records import RunConfig
from ftchat.settings import SETTINGS, TRACKERS
from ftchat.ui import run_view, train_form
from ftchat.ui.form_view import FIELDS, meant
from ftchat.ui.numbers import gigabytes, grouped, loss, small
from ftchat.ui.plots import MOST_POINTS, Curve, plot, thin, ticks
from ftchat.ui.texts import TEXTS

EVIL = '<img src=x onerror="alert(1)">'


def history(losses: Sequence[float], held: Sequence[tuple[int, float]] = (), total: int = 0) -> list[Event]:
    """A run that has come as far as its losses, a step a second."""
    start = 1000.0
    events: list[Event] = [
        RunQueued(time=start),
        RunStarted(time=start, total_steps=total or len(losses), base="starter", method="lora"),
    ]
    events += [EvalLogged(time=start, step=step, loss=value) for step, value in held if step == 0]
    for step, value in enumerate(losses, 1):
        numbers = {"learning_rate": 1e-3, "grad_norm": 1.0, "epoch": step / 10, "tokens_per_second": 1842.0}
        events.append(StepLogged(time=start + step, step=step, loss=value, memory=670_000_000, **numbers))
        events += [EvalLogged(time=start + step, step=at, loss=lost) for at, lost in held if at == step]
    return events


def closed(kind: type[RunFinished], steps: int, early: Early = "") -> RunFinished:
    figures = {"train_loss": 1.0, "seconds": 41.2, "tokens_per_second": 1842.0}
    return kind(time=2000.0, steps=steps, **figures, peak_memory=7 * 10**8, early=early)


def falling(steps: int) -> list[float]:
    return [0.4 + 3 * math.exp(-step / 10) for step in range(steps)]


# Plots


def test_a_curve_is_thinned_to_means_and_keeps_its_last_step() -> None:
    points = [(step, float(step % 2)) for step in range(1, 1001)]
    thinned = thin(points)
    assert len(thinned) <= MOST_POINTS
    assert thinned[-1][0] == 1000
    assert all(0.3 < value < 0.7 for _, value in thinned)
    assert thin([(1, math.nan), (2, math.inf), (3, 2.0)]) == [(3, 2.0)]


@pytest.mark.parametrize("high", [1e-9, 3e-5, 0.7, 1.0, 3.3, 9.99, 1842.0, 1e6])
def test_ticks_are_few_and_inside(high: float) -> None:
    values = ticks(high, 4)
    assert values[0] == 0
    assert 2 <= len(values) <= 6
    assert values[-1] <= high * 1.0001


def test_a_plot_keeps_names_as_text_and_points_inside() -> None:
    curves = [Curve(EVIL, [(1, 3.0), (60, 0.4)], "train"), Curve("held out", [(0, 3.2), (30, 0.5), (60, 0.6)], "held")]
    drawn = plot(curves, 60, loss, EVIL, last_step="step 60", step="step", best="lowest", reference=("base", 3.2))
    assert "<img" not in drawn
    assert "lowest" in drawn and "base 3.20" in drawn
    places = [float(value) for value in re.findall(r"(?:left|top):(-?[\d.]+)%", drawn)]
    assert all(0 <= place <= 100 for place in places)
    numbers = [
        float(value) for value in re.findall(r"(?<=[ML ])-?[\d.]+", " ".join(re.findall(r' d="([^"]+)"', drawn)))
    ]
    assert numbers and all(0 <= number <= 100 for number in numbers)


def test_labels_at_the_ends_do_not_overlap() -> None:
    curves = [Curve("a", [(1, 2.0), (9, 0.0)], "train"), Curve("b", [(1, 2.0), (9, 0.01)], "held")]
    drawn = plot(curves, 9, loss, "", last_step="9", reference=("c", 0.02))
    tops = sorted(float(top) for top in re.findall(r'class="lab [^"]*" style="left:[\d.]+%;top:([\d.]+)%', drawn))
    assert len(tops) == 3
    assert all(below - above > 8 for above, below in pairwise(tops))


@pytest.mark.parametrize("losses", [[], [0.0], [math.nan], [1e-6, 1e-7], [1e9]])
def test_any_history_can_be_drawn(losses: list[float]) -> None:
    status = fold(history(losses, total=3))
    for lang in ("en", "zh"):
        assert "nan" not in run_view.loss_plot(status, lang) + run_view.small_plots(status, lang)
        assert run_view.words(status, lang)


def test_numbers_read_well() -> None:
    assert [small(value) for value in (0, 2e-4, 7.7e-4, 0.0023, 0.67, 12.34)] == [
        *("0", "2e-4", "7.7e-4", "0.0023", "0.67", "12.3"),
    ]
    assert [grouped(value) for value in (1842.4, 12.0, 0.71)] == ["1,842", "12", "0.7"]
    assert [gigabytes(value) for value in (1.84e9, 9.998e8, 2.3e8, 8.5e7)] == ["1.8 GB", "1.0 GB", "230 MB", "85 MB"]
    assert [loss(value) for value in (3.214, 0.0042, math.nan)] == ["3.21", "0.0042", "–"]


# A run as HTML


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_head_shows_state_progress_and_figures(lang: str) -> None:
    status = fold(history(falling(30), [(0, 3.2), (30, 0.6)], 60))
    drawn = run_view.head(RunConfig(EVIL, "0" * 16), None, status, lang)
    assert 'id="ft-run" data-state="running"' in drawn
    assert 'aria-valuenow="50"' in drawn
    assert all(figure in drawn for figure in ("30 / 60", "0:30", "1,842", "0.60"))
    assert "<img" not in drawn
    done = run_view.head(RunConfig("a", "0" * 16), None, fold([*history(falling(30)), closed(RunFinished, 30)]), lang)
    assert 'data-state="finished"' in done and "700 MB" in done


def test_checks_show_their_outcome_and_unknown_ones_their_name() -> None:
    known = Checked(name="replies_stop", ok=True, detail="3 / 3")
    failed = Checked(name="base_unchanged", ok=False, detail="")
    unknown = Checked(name="new_check", ok=True, detail=EVIL)
    drawn = run_view.checks(RunStatus(checks=(known, failed, unknown)), "en")
    assert "Tried answers stop by themselves: 3 / 3" in drawn
    assert drawn.count('class="bad"') == 1
    assert "new_check" in drawn and "<img" not in drawn
    assert run_view.checks(RunStatus(), "en") == ""


# The form

UNTOUCHED = ("starter", "", "quick", "auto", "", *[""] * len(FIELDS), "")


def test_an_untouched_form_leaves_everything_to_auto() -> None:
    assert train_form.config("d" * 16, "support-2", UNTOUCHED) == RunConfig("support-2", "d" * 16, preset="quick")


def test_the_form_becomes_a_config() -> None:
    answers = ("other", " Qwen/Qwen3-0.6B ", "balanced", "qlora", " mine ", "2e-4", "3", "", "512", "4")
    answers = (*answers, *[""] * (len(FIELDS) - 6), "7", "")
    assert train_form.config("d" * 16, "support", answers) == RunConfig(
        name="mine",
        dataset="d" * 16,
        base="Qwen/Qwen3-0.6B",
        method="qlora",
        preset="balanced",
        settings={
            "learning_rate": 2e-4,
            "num_train_epochs": 3.0,
            "max_length": 512,
            "per_device_train_batch_size": 4,
            "seed": 7,
        },
    )


def test_the_form_shows_the_settings_of_its_method_and_takes_only_those() -> None:
    assert set(FIELDS) == set(SETTINGS) - {"report_to"}  # which has a list of its own
    answers = [*UNTOUCHED]
    for name, text in (("r", "8"), ("num_virtual_tokens", "12"), ("neftune_noise_alpha", "5")):
        answers[5 + [*FIELDS].index(name)] = text
    for method, wanted in (
        ("auto", {"r": 8, "neftune_noise_alpha": 5.0}),
        ("prefix", {"num_virtual_tokens": 12, "neftune_noise_alpha": 5.0}),
        ("freeze", {"neftune_noise_alpha": 5.0}),
    ):
        answers[3] = method
        assert train_form.config("d" * 16, "support", answers).settings == wanted
        assert {name for name in FIELDS if meant(method, name)} >= set(wanted)
    assert meant("freeze", "trainable_layers") and not meant("auto", "trainable_layers")


@pytest.mark.parametrize(
    ("place", "value", "sentence"),
    [
        (0, "other", "which base model"),
        (2, "forever", "unknown preset"),
        (3, "fulll", "unknown method"),
        (5, "abc", "learning_rate must be a number"),
        (7, "1.5", "r must be a whole number"),
    ],
)
def test_a_wrong_answer_is_refused_in_a_sentence(place: int, value: str, sentence: str) -> None:
    answers = [*UNTOUCHED]
    answers[place] = value
    with pytest.raises(ConfigError, match=sentence):
        train_form.config("d" * 16, "support", answers)


def test_trackers_are_off_unless_chosen_and_refused_where_their_package_is_missing() -> None:
    for name in TRACKERS[1:]:
        answers = (*UNTOUCHED[:-1], name)
        if importlib.util.find_spec(name) is None:
            with pytest.raises(ConfigError, match=f"pip install {name}"):
                train_form.config("d" * 16, "support", answers)
        else:
            assert train_form.config("d" * 16, "support", answers).settings == {"report_to": name}


def test_without_data_there_is_nothing_to_start() -> None:
    with pytest.raises(ConfigError, match="add data first"):
        train_form.config(None, "run", UNTOUCHED)


def test_both_languages_say_it_with_the_same_values() -> None:
    for key, (english, chinese) in TEXTS.items():
        assert set(re.findall(r"{(\w+)}", english)) == set(re.findall(r"{(\w+)}", chinese)), key
        assert chinese.strip(), key
