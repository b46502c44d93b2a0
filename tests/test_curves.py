"""What made-up curves are said to mean, whatever their scale and their noise."""

from __future__ import annotations

import math
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from ftchat.events.curves import Judgement, Points, judge

# Noise can look like anything once in a while: always the same draws, so that a claim about it holds or does not.
always = settings(derandomize=True)
scales = st.floats(0.05, 20)
noises = st.floats(0, 0.05)
seeds = st.integers(0, 10_000)
lengths = st.integers(60, 600)
anything = st.lists(st.floats(allow_nan=True, allow_infinity=True) | st.floats(0, 20), max_size=60)


def curve(function, steps: int, scale: float, noise: float, seed: int) -> Points:
    """function(t) for t from 0 to 1, times noise."""
    drawn = random.Random(seed)
    return [(s, scale * function(s / steps) * (1 + noise * drawn.uniform(-1, 1))) for s in range(1, steps + 1)]


def meaning(losses: Points, held: Points = (), ended: bool = False) -> str:
    found = judge(losses, held, ended)
    assert found is not None
    return found.meaning


@always
@given(lengths, scales, noises, seeds, st.booleans())
def test_a_steady_fall_is_learning(steps: int, scale: float, noise: float, seed: int, ended: bool) -> None:
    losses = curve(lambda t: 3 - 2.5 * t, steps, scale, noise, seed)
    assert meaning(losses, (), ended) == "learning"
    held = [(0, 3.1 * scale), *((step, loss * 1.05) for step, loss in curve(lambda t: 3 - 2.5 * t, 10, scale, 0, 0))]
    assert meaning(losses, held, ended) == "learning"


@always
@given(lengths, scales, noises, seeds, st.booleans())
def test_a_fall_that_has_ended_is_converged(steps: int, scale: float, noise: float, seed: int, ended: bool) -> None:
    losses = curve(lambda t: 0.5 + 3 * math.exp(-20 * t), steps, scale, noise, seed)
    assert meaning(losses, (), ended) == "converged"
    held = [(0, 3.5 * scale), *curve(lambda t: 0.6 + 3 * math.exp(-12 * t), 10, scale, 0, 0)]
    assert meaning(losses, held, ended) == "converged"


@always
@given(lengths, scales, seeds, st.integers(1, 8), st.booleans())
def test_overfitting_began_where_the_held_out_loss_was_lowest(
    steps: int, scale: float, seed: int, turn: int, ended: bool
) -> None:
    losses = curve(lambda t: 3 - 2.5 * t, steps, scale, 0.05, seed)
    held = [(step * 5, scale * (1 + abs(step - turn) * 0.1)) for step in range(11)]
    found = judge(losses, held, ended)
    assert found is not None and found.meaning == "overfitting" and found.lowest == (turn * 5, scale)


@always
@given(scales, seeds)
def test_one_higher_evaluation_may_be_taken_back_but_not_after_the_end(scale: float, seed: int) -> None:
    losses = curve(lambda t: 3 - 2 * t, 100, scale, 0.05, seed)
    held = [(0, 3 * scale), (50, 1.0 * scale), (100, 1.1 * scale)]
    assert meaning(losses, held) == "fell" and meaning(losses, held, ended=True) == "overfitting"


@always
@given(lengths, scales, noises, seeds, st.booleans())
def test_a_level_curve_is_no_effect(steps: int, scale: float, noise: float, seed: int, ended: bool) -> None:
    losses = curve(lambda t: 3.0, steps, scale, noise, seed)
    assert meaning(losses, (), ended) in (("no_effect",) if noise < 0.01 else ("no_effect", "unclear"))
    assert meaning(losses, [(0, 3 * scale), (5, 2.99 * scale), (10, 2.98 * scale)], ended) == "no_effect"


@always
@given(lengths, scales, noises, seeds, st.floats(0.1, 0.6))
def test_a_climb_is_diverging_wherever_it_begins(
    steps: int, scale: float, noise: float, seed: int, turn: float
) -> None:
    def turning(t: float) -> float:
        return 3 - 2 * t / turn if t < turn else 1 + 5 * (t - turn)

    losses = curve(turning, steps, scale, noise, seed)
    assert meaning(losses) == "diverging"
    assert meaning([*losses, (steps + 1, math.nan)], [(0, 1.0), (5, 0.5)]) == "diverging"


@always
@given(anything, anything, st.booleans(), st.floats(0.01, 100))
def test_any_curves_are_judged_alike_at_any_scale(
    train: list[float], held: list[float], ended: bool, scale: float
) -> None:
    def found(times: float) -> Judgement | None:
        scaled = [[(step, value * times) for step, value in enumerate(values)] for values in (train, held)]
        return judge(*scaled, ended)

    one = found(1.0)
    assert (one is None) == (not any(map(math.isfinite, train)) and not any(map(math.isfinite, held[1:])))
    if one is not None and one.measured:
        assert one.lowest in [*enumerate(held)] and math.isfinite(one.last)
    values = [value for value in (*train, *held) if math.isfinite(value)]
    if all(1e-3 < abs(value) < 1e6 for value in values):  # beyond, what is scaled is rounded
        other = found(2.0**3)
        assert (one and one.meaning) == (other and other.meaning)


def test_a_few_steps_say_nothing() -> None:
    assert judge([], [], False) is None
    assert meaning([(1, 3.0), (2, 2.0)]) == "early"


def falling(t: float) -> float:
    return 3 - 2 * t


# By the shape of the train loss and of the held-out loss over the share of a run that is done: what is true of it, whose
# opposite must never be said.
STEADY, ENDED, FLAT = falling, lambda t: 1 + 2 * math.exp(-20 * t), lambda t: 3.0
FALSE = {
    (STEADY, STEADY): {"converged", "overfitting", "rising", "diverging", "no_effect", "no_gain"},
    (ENDED, ENDED): {"learning", "overfitting", "rising", "diverging", "no_effect", "no_gain"},
    (FLAT, FLAT): {"learning", "fell", "converged", "overfitting", "rising", "diverging", "no_gain"},
    (STEADY, FLAT): {"learning", "fell", "converged", "overfitting", "rising", "diverging", "no_effect"},
}


@always
@given(st.sampled_from([*FALSE]), st.integers(1, 400), scales, st.floats(0, 0.4), seeds, st.booleans(), st.booleans())
def test_nothing_false_is_said_however_short_or_uneven_a_run_is(
    shapes, steps: int, scale: float, noise: float, seed: int, measured: bool, ended: bool
) -> None:
    train, held_out = shapes
    losses = curve(train, steps, scale, noise, seed)
    every = max(1, steps // 10)
    held = [(step, scale * held_out(step / steps)) for step in range(0, steps + 1, every)] if measured else []
    false = FALSE[shapes if measured else (train, train)]
    assert meaning(losses, held, ended) not in false


@always
@given(st.integers(1, 9), scales, noises, seeds, st.booleans())
def test_a_tiny_run_is_too_short_to_tell(steps: int, scale: float, noise: float, seed: int, ended: bool) -> None:
    losses = curve(lambda t: 1 + 2 * math.exp(-9 * t), steps, scale, noise, seed)
    held = [(0, 3 * scale), *curve(lambda t: 1 + 2 * math.exp(-9 * t), steps, scale, 0.0, 0)]
    assert meaning(losses, held, ended) == "early" and meaning(losses, [], ended) == "early"


@always
@given(st.integers(30, 400), scales, noises, seeds, st.floats(0.1, 1), st.floats(2, 50))
def test_one_spike_of_the_train_loss_is_no_divergence(
    steps: int, scale: float, noise: float, seed: int, place: float, height: float
) -> None:
    losses = [*curve(falling, steps, scale, noise, seed)]
    at = max(0, math.ceil(place * steps) - 1)
    losses[at] = (at + 1, losses[at][1] * height)
    assert meaning(losses) in ("learning", "fell", "unclear")


def test_a_held_out_loss_that_rises_with_the_train_loss_is_not_called_overfitting() -> None:
    losses = curve(lambda t: 3 - 4 * t if t < 0.3 else 1.8 + 0.1 * t, 60, 1.0, 0.0, 0)
    held = [(step, 3 - step / 10 if step < 18 else 1.2 + step / 60) for step in range(0, 61, 6)]
    assert meaning(losses, held) == "rising"


def test_what_is_learned_by_heart_alone_is_not_called_no_effect() -> None:
    losses, held = curve(falling, 60, 1.0, 0.05, 1), [(step, 3.0 - step / 3000) for step in range(0, 61, 6)]
    assert meaning(losses, held, True) == "no_gain"


def test_a_run_with_a_warm_up_is_not_called_without_effect_at_its_beginning() -> None:
    losses = curve(lambda t: 3 - 0.01 * t, 40, 1.0, 0.001, 1)
    found = judge(losses, [], False, 400)
    assert found is not None and found.meaning == "early" and meaning(losses) == "no_effect"
