"""What a search for the learning rate and the rank has found: its trials, and what they recommend. Knows no words.

The best of several is the best by luck as well. So it is recommended only where it beats what `auto` chose by more than
the noise between the held-out examples, and again with another seed; otherwise `auto` is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ftchat.events.kinds import Event, TrialBegun, TrialEnded, TrialMeasured, TrialState

_SURE = 2.7  # standard errors that the best of eight is ahead of chance, as found on many held-out examples
_FEWEST = 5  # held-out examples, below which their spread says nothing


@dataclass(frozen=True, slots=True)
class Trial:
    """`curve` are the held-out losses, (step, loss) in order; the base's own, at step 0, in the first trial's."""

    number: int
    learning_rate: float
    r: int
    seed: int
    state: TrialState | Literal["running"] = "running"
    loss: float | None = None
    steps: int = 0
    seconds: float = 0.0
    curve: tuple[tuple[int, float], ...] = ()
    nll: tuple[float, ...] = ()

    @property
    def choice(self) -> tuple[float, int]:
        return self.learning_rate, self.r


@dataclass(frozen=True, slots=True)
class Recommendation:
    """`choice` is what is recommended: `best` where it is `sure`, what `auto` chose otherwise. `best` is ahead of auto
    by `gain` of the loss, whose standard error is `error`; None where that cannot be told. `again` are the gains with
    another seed."""

    choice: Trial
    auto: Trial
    best: Trial
    gain: float | None = None
    error: float | None = None
    again: tuple[float, ...] = ()
    sure: bool = False


def follow(trials: Sequence[Trial], event: Event) -> tuple[Trial, ...]:
    """The trials after one more event. One that was begun and not ended was cut off by a break, and is forgotten when
    the next begins."""
    match event:
        case TrialBegun():
            begun = Trial(event.number, event.learning_rate, event.r, event.seed)
            return (*ended(trials), begun)
        case TrialMeasured() if trials:
            last = trials[-1]
            return (*trials[:-1], replace(last, curve=(*last.curve, (event.step, event.loss)), steps=event.step))
        case TrialEnded() if trials:
            last = replace(trials[-1], state=event.state, loss=event.loss, steps=event.steps)
            return (*trials[:-1], replace(last, seconds=event.seconds, nll=tuple(event.nll)))
    return tuple(trials)


def ended(trials: Sequence[Trial]) -> tuple[Trial, ...]:
    return tuple(trial for trial in trials if trial.state != "running")


def first_seed(trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """Those that search; with another seed, trials are repeated."""
    return tuple(trial for trial in trials if trial.seed == trials[0].seed)


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """Of those that search, the earliest with the lowest loss at the end."""
    whole = [trial for trial in first_seed(trials) if trial.state == "complete" and trial.loss is not None]
    return min(whole, key=lambda trial: (trial.loss, trial.number), default=None)


def recommend(trials: Sequence[Trial], tokens: Sequence[int]) -> Recommendation | None:
    """None as long as it is not known how `auto` does, or where no trial did anything. `tokens` of each held-out
    example."""
    best = best_of(trials)
    if best is None or trials[0].state not in ("complete", "diverged"):
        return None
    auto = trials[0]
    if auto.state == "diverged":
        return Recommendation(best, auto, best, sure=True)
    if best is auto:
        return Recommendation(auto, auto, auto)
    pairs = [(auto, best), *_repeated(trials, auto, best)]
    gains = [_gain(one, other) for one, other in pairs]
    ahead = [[a - b for a, b in zip(one.nll, other.nll, strict=True)] for one, other in pairs]
    gain, error = _mean([sum(found) / len(found) for found in zip(*ahead, strict=True)], tokens)
    sure = len(tokens) >= _FEWEST and len(pairs) > 1 and min(gains) > 0 and gain > _enough(len(tokens)) * error
    return Recommendation(best if sure else auto, auto, best, gain, error, tuple(gains[1:]), sure)


def _enough(examples: int) -> float:
    """The standard errors that are enough. Of few examples the error itself is uncertain: the first term of Student's
    distribution beyond the normal one's."""
    return _SURE + (_SURE**3 + _SURE) / (4 * (examples - 1))


def _repeated(trials: Sequence[Trial], auto: Trial, best: Trial) -> list[tuple[Trial, Trial]]:
    """Both with the same other seed."""
    others = [trial for trial in trials if trial.seed != auto.seed and trial.state == "complete"]
    return [
        (one, other)
        for one in others
        for other in others
        if one.choice == auto.choice and other.choice == best.choice and one.seed == other.seed
    ]


def _gain(auto: Trial, best: Trial) -> float:
    assert auto.loss is not None and best.loss is not None
    return auto.loss - best.loss


def _mean(ahead: Sequence[float], tokens: Sequence[int]) -> tuple[float, float]:
    """Per token, with its standard error: examples are drawn whole, so they and not their tokens are independent."""
    count, total = len(ahead), max(1, sum(tokens))
    mean = sum(ahead) / total
    spread = sum((gain - mean * size) ** 2 for gain, size in zip(ahead, tokens, strict=True))
    return mean, math.sqrt(count / (count - 1) * spread) / total if count > 1 else math.inf
