"""A search for the learning rate and the rank of a run: short trials on the run's own data, judged by held-out loss.

The first trial is of what `auto` chose. The history holds every trial, so a search that was broken off goes on by
asking its optimiser the same questions again and answering from what is known. Knows nothing of pages.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ftchat.engine import methods
from ftchat.engine.checks import base_left_as_it_was, base_probe, check_tokens
from ftchat.engine.closing import open_history
from ftchat.engine.counting import beside, driven
from ftchat.engine.encoding import encode_all, encode_learned, within
from ftchat.engine.forecast import facts_of
from ftchat.engine.healing import MemoryFull, died_of_memory, healed
from ftchat.engine.memory import Meter, sparing
from ftchat.engine.models import Resident
from ftchat.engine.reporter import Asked
from ftchat.engine.resolve import resolve, with_choice
from ftchat.engine.samples import spread
from ftchat.engine.template import Encoded
from ftchat.engine.train import check_held_out, dry_step, if_memory, survive, threads
from ftchat.engine.trial import Watch, attempt
from ftchat.errors import DataError, TrainingError
from ftchat.events import (
    Checked,
    RunFinished,
    RunInterrupted,
    RunPaused,
    RunStopped,
    SearchPlanned,
    Trial,
    TrialBegun,
    TrialEnded,
    TrialMeasured,
)
from ftchat.events.search import best_of, ended
from ftchat.records import ResolvedConfig, RunConfig, Sides
from ftchat.runs import Run
from ftchat.settings import LORA_KIN, SETTINGS, Range

if TYPE_CHECKING:
    from optuna import Study

_TRIALS = 16  # that a budget is shared out to, at the speed of a quiet machine; a busy one does half of them
_AT_LEAST = 4  # that it must hold; two of them are repeats
_FEWEST_STEPS = 20  # of a trial: fewer say nothing of the rate that many steps want
_MEASURES = 4  # evaluations in a trial
_MOST_ROWS = 256  # held-out examples that judge
_FORWARD = 1 / 3  # of the time that a row takes in training
_CLOSING = 1.0  # seconds of the budget that are kept back for the last check
_SET_UP = 0.5  # seconds of a trial beside its steps
_LATE = 1.1  # times as long as trials took so far, that others are allowed
_RATES, _PER_DECADE = range(-4, 5), 4  # the learning rates: so many steps from auto's, of so many to a factor of 10
_RANKS = (8, 16, 32, 64)
_MOST_ASKED = 200  # questions to the optimiser, which also asks again what is known


def search(run: Run, sides: Sides, method: str, resident: Resident, pulse: Callable[[], Asked], meter: Meter) -> None:
    """Goes on with a run that searches, to its end. Arguments and failures as in `train`."""
    survive(_search, run, sides, method, resident, pulse, meter)


def choices(config: RunConfig, resolved: ResolvedConfig) -> tuple[list[float], list[int]]:
    """The learning rates and the ranks to choose from, around those of `resolved`; what the user gave stays."""
    bounds = SETTINGS["learning_rate"]
    assert isinstance(bounds, Range)
    rates, ranks = [resolved.learning_rate], [resolved.r]
    if "learning_rate" not in config.settings:
        others = (float(f"{rates[0] * 10 ** (n / _PER_DECADE):.1e}") for n in _RATES if n)
        rates = sorted({*rates, *(rate for rate in others if bounds.low <= rate <= bounds.high)})
    if "r" not in config.settings and resolved.method in LORA_KIN:
        ranks = sorted({*ranks, *_RANKS})
    return rates, ranks


def _search(
    run: Run, sides: Sides, method: str, resident: Resident, pulse: Callable[[], Asked], meter: Meter
) -> MemoryFull | None:
    """Goes on until the search is over, or memory is full."""
    learned, held_out, _ = sides
    rows = encode_learned(resident, learned, pulse)
    facts = facts_of(resident, method, sides.sizes, [len(row.ids) for row in rows])
    frozen = run.resolved
    auto = healed(run, frozen or resolve(run.config, facts))
    if auto.device != resident.device.type:
        raise TrainingError(f"search {run.config.name} was begun on {auto.device}; resume it on such a machine")
    if died_of_memory(run):
        return MemoryFull(auto, 0)
    judges = within(encode_all(resident, spread(held_out, _MOST_ROWS), pulse), auto.max_length)
    if not judges:
        raise DataError("there is nothing held out to judge by: bring more examples, or held-out data of your own")
    rows, before = within(rows, auto.max_length), base_probe(resident)
    open_history(run, dataclasses.replace(auto, max_steps=0), None)  # it takes no steps of its own
    ends = time.monotonic() + 60 * run.config.search_minutes - run.status().busy_seconds - _CLOSING
    try:
        with threads(auto.threads):
            if frozen is None:
                auto = _plan(run, auto, resident, rows, judges, meter, pulse)
                run.freeze(auto)
                checks = driven(check_tokens(resident, learned, rows, auto.max_length), pulse)
                for check in [*checks, beside(lambda: _new(run, sides), pulse)]:
                    run.append(check)
            asked = _Search(run, resident, auto, rows, judges, pulse, ends).go()
    except Exception as error:
        return if_memory(error, auto, 0)
    run.append(Checked(name="base_unchanged", ok=bool((before == base_probe(resident)).all()), detail=""))
    _close(run, asked, meter)
    return None


def _new(run: Run, sides: Sides) -> Checked:
    return check_held_out(sides.learned, sides.held_out, own=run.config.held_out is not None)


def _plan(
    run: Run,
    auto: ResolvedConfig,
    resident: Resident,
    rows: Sequence[Encoded],
    judges: Sequence[Encoded],
    meter: Meter,
    pulse: Callable[[], object],
) -> ResolvedConfig:
    """Tries the longest batch, and shares out the budget: as many steps to a trial as let enough of them end."""
    resident.teach(lambda: methods.learner(run.id, auto, resident))
    try:
        again = auto.gradient_checkpointing
        with base_left_as_it_was(resident, again), sparing(again):
            step = dry_step(run, resident, auto, rows, meter, timed=True, pulse=pulse)
    finally:
        resident.detach(run.id)
    assert step is not None
    tokens = [sum(len(row.ids) for row in some) for some in (rows, judges)]
    per_row = step / (auto.per_device_train_batch_size * auto.gradient_accumulation_steps)
    measure = _FORWARD * per_row * tokens[1] / (tokens[0] / len(rows))
    beside, budget = _SET_UP + _MEASURES * measure, 60 * run.config.search_minutes
    if "max_steps" in run.config.settings:
        steps = auto.max_steps
    else:
        affordable = int((budget / _TRIALS - beside) / step) // _FEWEST_STEPS * _FEWEST_STEPS
        steps = min(auto.max_steps, max(_FEWEST_STEPS, affordable))
    needed = _AT_LEAST * (beside + steps * step)
    if needed > budget:
        raise TrainingError(
            f"a trial of {steps} steps takes about {needed / _AT_LEAST:.0f} s here, so a search needs "
            f"{math.ceil(needed / 6) / 10:g} minutes at the least, not {run.config.search_minutes:g}"
        )
    learned = tuple(sum(label != -100 for label in row.labels[1:]) for row in judges)
    run.append(SearchPlanned(seconds=budget, steps=steps, tokens=learned))
    return dataclasses.replace(
        auto,
        max_steps=steps,
        num_train_epochs=auto.num_train_epochs * steps / auto.max_steps,
        warmup_steps=run.config.settings.get("warmup_steps", min(20, steps // 20)),  # type: ignore[arg-type]
        eval_steps=max(1, steps // _MEASURES),
        target_loss=0.0,
        time_limit=0.0,
        early_stopping_patience=0,
    )


class _Search:
    """One stretch of a search. `ends` in monotonic seconds."""

    def __init__(
        self,
        run: Run,
        resident: Resident,
        auto: ResolvedConfig,
        rows: Sequence[Encoded],
        judges: Sequence[Encoded],
        pulse: Callable[[], Asked],
        ends: float,
    ):
        self._run, self._resident, self._auto = run, resident, auto
        self._rows, self._judges, self._pulse, self._ends = rows, judges, pulse, ends
        self._trials = [trial for trial in ended(run.status().trials) if trial.state != "cut"]
        self._asked: Asked = ""

    def go(self) -> Asked:
        """Searches for as long as the budget allows, keeping back the time to try the best and auto's choice again."""
        rates, ranks = choices(self._run.config, self._auto)
        study, whole = _study(self._auto), len(rates) * len(ranks)
        for rate, r in _first(self._auto, rates):
            study.enqueue_trial({"rate": rates.index(rate), "rank": ranks.index(r)})
        for _ in range(_MOST_ASKED):
            if len(self._trials) >= whole:
                break
            asked = study.ask()
            rate = rates[asked.suggest_int("rate", 0, len(rates) - 1)]
            r = ranks[asked.suggest_int("rank", 0, len(ranks) - 1)]
            known = self._known(rate, r, self._auto.seed)
            if known:
                for step, loss in known.curve:
                    asked.report(loss, step)
            else:
                if self._trials and not self._time_for(self._longest() + self._twice()):
                    break
                known = self._try(rate, r, self._auto.seed, _hopeless(asked))
            if known is None:
                return self._asked
            _tell(study, asked, known)
        best = best_of(self._trials)
        if best is not None and best is not self._trials[0] and self._time_for(self._twice()):
            seed = self._auto.seed + 1
            for choice in (self._trials[0].choice, best.choice):
                if not self._known(*choice, seed) and self._try(*choice, seed, lambda step, loss: False) is None:
                    break
        return self._asked

    def _known(self, rate: float, r: int, seed: int) -> Trial | None:
        return next((trial for trial in self._trials if (*trial.choice, trial.seed) == (rate, r, seed)), None)

    def _time_for(self, seconds: float) -> bool:
        return self._ends - time.monotonic() > _LATE * seconds

    def _longest(self) -> float:
        """Seconds of a trial: the longest whole one so far, or where there is none, any."""
        whole = [trial.seconds for trial in self._trials if trial.state == "complete"]
        return max(whole or [trial.seconds for trial in self._trials])

    def _twice(self) -> float:
        """Seconds of trying auto's choice and the best again."""
        best = best_of(self._trials) or self._trials[0]
        return self._trials[0].seconds + best.seconds

    def _try(self, rate: float, r: int, seed: int, hopeless: Callable[[int, float], bool]) -> Trial | None:
        """None where it did not come to its end: the time is over, or somebody asked for something."""
        run, first, began = self._run, not self._trials, time.monotonic()

        def measured(step: int, loss: float) -> bool:
            run.append(TrialMeasured(step=step, loss=loss))
            return step > 0 and hopeless(step, loss)

        run.append(TrialBegun(number=len(self._trials) + 1, learning_rate=rate, r=r, seed=seed))
        resolved = dataclasses.replace(with_choice(self._auto, run.config, rate, r), seed=seed)
        watch = Watch(self._pulse, measured, self._ends)
        found = attempt(run, self._resident, resolved, self._rows, self._judges, watch, base_too=first)
        if found.asked in ("pause", "interrupt"):  # it is tried again when the search goes on
            self._asked = found.asked
            return None
        self._asked = found.asked
        nll = tuple(round(value, 4) for value in found.nll) if found.state == "complete" else ()
        seconds = time.monotonic() - began
        run.append(TrialEnded(state=found.state, loss=found.loss, steps=found.steps, seconds=seconds, nll=nll))
        self._trials = list(ended(run.status().trials))
        return self._trials[-1] if found.state != "cut" else None


def _study(auto: ResolvedConfig) -> Study:
    """A trial is given up from its middle on where it is worse than three in four were there."""
    import optuna  # only where a search is made: it takes a moment

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=auto.seed, n_startup_trials=4)
    pruner = optuna.pruners.PercentilePruner(75.0, n_startup_trials=3, n_warmup_steps=auto.max_steps // 2)
    return optuna.create_study(direction="minimize", sampler=sampler, pruner=pruner)


def _first(auto: ResolvedConfig, rates: Sequence[float]) -> list[tuple[float, int]]:
    """What is tried before the optimiser chooses: auto's choice, then about three times its rate and a third of it."""
    at = rates.index(auto.learning_rate)
    others = [rates[place] for place in (at + 2, at - 2) if 0 <= place < len(rates)]
    return [(rate, auto.r) for rate in (auto.learning_rate, *others)]


def _hopeless(asked: Any) -> Callable[[int, float], bool]:
    def hopeless(step: int, loss: float) -> bool:
        asked.report(loss, step)
        return bool(asked.should_prune())

    return hopeless


def _tell(study: Study, asked: Any, known: Trial) -> None:
    from optuna.trial import TrialState

    if known.state == "pruned":
        study.tell(asked, state=TrialState.PRUNED)
    else:
        study.tell(asked, math.inf if known.loss is None else known.loss)


def _close(run: Run, asked: Asked, meter: Meter) -> None:
    status = run.status()
    if asked in ("pause", "interrupt"):
        run.append((RunPaused if asked == "pause" else RunInterrupted)(step=0))
        return
    seconds = status.busy_seconds + max(0.0, time.time() - status.last_at)
    closing = RunStopped if asked == "stop" else RunFinished
    run.append(closing(steps=0, train_loss=0.0, seconds=seconds, tokens_per_second=0.0, peak_memory=meter.peak))
