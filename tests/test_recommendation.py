"""What a search recommends, from invented trials: never worse than auto, and auto wherever the rest may be noise."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from ftchat.events import (
    RunFinished,
    RunStarted,
    SearchPlanned,
    Trial,
    TrialBegun,
    TrialEnded,
    TrialMeasured,
    dumps,
    fold,
    loads,
    recommend,
)

LOSSES = st.floats(0.01, 9.0)
TOKENS = (10, 12, 8, 11, 9, 30, 4, 16)


def trial(number: int, per_token: float, seed: int = 1, state: str = "complete", noise: float = 0.0) -> Trial:
    """Of a choice that its number names; `noise` from example to example is drawn by seed and number."""
    draw = random.Random(f"{number} {seed}")
    nll = tuple(size * (per_token + draw.gauss(0, noise)) for size in TOKENS)
    loss = sum(nll) / sum(TOKENS)
    done = state == "complete"
    return Trial(number, number / 1000, 16, seed, state, loss if done else None, 20, 5.0, ((20, loss),), nll)  # type: ignore[arg-type]


@given(st.lists(st.tuples(LOSSES, st.sampled_from(["complete", "pruned", "diverged", "cut"])), min_size=1), LOSSES)
def test_what_is_recommended_is_never_worse_than_auto(others: list[tuple[float, str]], auto: float) -> None:
    trials = [trial(1, auto), *(trial(n, loss, state=state) for n, (loss, state) in enumerate(others, 2))]
    found = recommend(trials, TOKENS)
    assert found is not None and found.auto is trials[0] and found.choice.state == "complete"
    assert found.choice.loss <= found.auto.loss and found.best.loss <= found.choice.loss
    assert not found.sure and found.choice is found.auto  # nothing was tried with another seed


@given(st.floats(0.5, 5.0), st.floats(0.2, 0.4))
def test_what_is_plainly_better_twice_is_recommended(auto: float, ahead: float) -> None:
    trials = [trial(1, auto, noise=0.01), trial(2, auto - ahead, noise=0.01)]
    again = [trial(1, auto, 2, noise=0.01), trial(2, auto - ahead, 2, noise=0.01)]
    found = recommend([*trials, *again], TOKENS)
    assert found is not None and found.sure and found.choice.number == 2
    assert abs(found.gain - ahead) < 0.05 and len(found.again) == 1


def test_what_is_better_once_and_worse_again_is_noise() -> None:
    trials = [trial(1, 1.0), trial(2, 0.5), trial(1, 0.5, 2), trial(2, 0.6, 2)]
    found = recommend(trials, TOKENS)
    assert found is not None and not found.sure and found.choice.number == 1 and found.best.number == 2


def test_a_gain_that_rests_on_a_few_examples_is_noise() -> None:
    """The same gain, once on all examples alike and once on a single one."""
    auto, again = trial(1, 1.0), trial(1, 1.0, 2)
    gain = 0.1 * sum(TOKENS)
    lone = tuple(value - gain * (place == 5) for place, value in enumerate(auto.nll))
    spread = tuple(value - 0.1 * size for value, size in zip(auto.nll, TOKENS, strict=True))
    for nll, sure in ((lone, False), (spread, True)):
        best = [Trial(2, 0.002, 16, seed, "complete", 0.9, 20, 5.0, ((20, 0.9),), nll) for seed in (1, 2)]
        found = recommend([auto, best[0], again, best[1]], TOKENS)
        assert found is not None and abs(found.gain - 0.1) < 1e-9 and found.sure is sure


def test_choices_that_are_equal_but_for_noise_are_seldom_told_apart() -> None:
    """Of eight with the same true loss, the best by luck is not to win. The same draws every time."""
    draw, wins, worlds = random.Random(0), 0, 400
    for _ in range(worlds):
        # A choice's own luck on each held-out example stays with it in every seed; the seed's comes on top.
        luck = {n: [draw.gauss(0, 0.1) for _ in TOKENS] for n in range(1, 9)}
        noisy = [lucky(n, 1, luck[n], draw) for n in luck]
        best = min(noisy, key=lambda one: one.loss)
        found = recommend([*noisy, *(lucky(n, 2, luck[n], draw) for n in (1, best.number))], TOKENS)
        wins += found is not None and found.sure
    assert wins <= 0.05 * worlds


def lucky(number: int, seed: int, luck: list[float], draw: random.Random) -> Trial:
    nll = tuple(size * (1.0 + own + draw.gauss(0, 0.05)) for size, own in zip(TOKENS, luck, strict=True))
    loss = sum(nll) / sum(TOKENS)
    return Trial(number, number / 1000, 16, seed, "complete", loss, 20, 5.0, ((20, loss),), nll)


def test_a_rate_at_which_auto_fails_leaves_the_best_of_the_others() -> None:
    trials = [trial(1, 1.0, state="diverged"), trial(2, 0.9), trial(3, 0.8)]
    found = recommend(trials, TOKENS)
    assert found is not None and found.sure and found.choice.number == 3
    assert recommend(trials[:1], TOKENS) is None
    assert recommend([trial(1, 1.0, state="cut"), trial(2, 0.5)], TOKENS) is None


def test_a_history_folds_to_its_trials_and_one_that_was_cut_off_is_tried_again() -> None:
    events = [
        RunStarted(time=100.0, total_steps=0, base="starter", method="lora"),
        SearchPlanned(time=101.0, seconds=100.0, steps=4, tokens=(3, 4)),
        TrialBegun(time=102.0, number=1, learning_rate=1e-3, r=8, seed=5),
        TrialMeasured(time=103.0, step=2, loss=2.0),
        TrialBegun(time=109.0, number=1, learning_rate=1e-3, r=8, seed=5),
        TrialMeasured(time=110.0, step=0, loss=4.0),
        TrialMeasured(time=111.0, step=4, loss=1.0),
        TrialEnded(time=125.0, state="complete", loss=1.0, steps=4, seconds=16.0, nll=(3.0, 4.0)),
    ]
    status = fold([loads(dumps(event)) for event in events])
    (only,) = status.trials
    assert only.curve == ((0, 4.0), (4, 1.0)) and only.nll == (3.0, 4.0) and only.state == "complete"
    assert status.share == 0.25 and status.seconds_left == 75.0
    assert status.recommended is not None and status.recommended.choice == only
    ended = RunFinished(steps=0, train_loss=0.0, seconds=25.0, tokens_per_second=0.0, peak_memory=1)
    assert not fold([*events, ended]).usable and fold([*events, ended]).share == 1.0
