"""How a run opens and closes: what goes into its history, and what it leaves. Knows nothing of how it is trained."""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Callable

from ftchat.engine.checkpoints import Checkpoint, DiskFull, best_whole, keep_last_only, last_whole
from ftchat.engine.models import Resident
from ftchat.engine.reporter import Asked, Reporter
from ftchat.errors import FtchatError
from ftchat.events import Event, RunFailed, RunFinished, RunInterrupted, RunPaused, RunResumed, RunStarted, RunStopped
from ftchat.events.search import ended
from ftchat.files import sync_folder
from ftchat.records import ResolvedConfig
from ftchat.runs import Run


def open_history(run: Run, resolved: ResolvedConfig, checkpoint: Checkpoint | None) -> None:
    """Says that it begins, or that it goes on, and where."""
    begun = run.status().started_at > 0
    if not begun:
        run.append(
            RunStarted(
                total_steps=resolved.max_steps,
                base=run.config.base,
                method=resolved.method,
                dataset=run.config.dataset,
                held_out=run.config.held_out,
                origin=run.config.origin.run if run.config.origin else None,
            )
        )
    if begun or checkpoint:
        run.append(RunResumed(step=checkpoint.step if checkpoint else 0))


class BrokenOff(Exception):
    """A run was asked to end before its first step from here."""


def close_unbegun(run: Run, asked: Asked) -> None:
    """Of one that waits or is made ready: a new one is dropped, one that was to go on is again where it was."""
    step = run.status().step
    if asked == "interrupt":
        run.append(RunInterrupted(step=step))
    elif asked == "pause" or step:
        run.append(RunPaused(step=step))
    else:
        run.append(RunStopped(steps=0, train_loss=0.0, seconds=0.0, tokens_per_second=0.0, peak_memory=0))


def back_to_best(run: Run, resident: Resident) -> int:
    """Takes the weights of the checkpoint with the lowest held-out loss; its step, 0 where there is none."""
    best = best_whole(run.checkpoints)
    if best is not None:
        assert resident.learner is not None
        resident.learner.restore(best.folder)
    return best.step if best else 0


def keep(run: Run, resident: Resident, pulse: Callable[[], object]) -> None:
    """What was learned answers at once, bit for bit as its file will; then it is saved, and the copy that was trained
    goes. `pulse` lets who waits for it ask before the disk is written to."""
    resident.snapshot(run.id)
    pulse()
    resident.save(run.id, run.adapter)
    sync_folder(run.adapter)
    resident.end_training()


def close_well(run: Run, reporter: Reporter, kept: int) -> None:
    """`kept`: the step whose adapter was saved, 0 for the last."""
    status, ended = run.status(), time.time()
    stopped = reporter.asked == "stop" and not reporter.complete
    closing = RunStopped if stopped else RunFinished
    run.append(
        closing(
            time=ended,
            steps=reporter.step,
            train_loss=reporter.train_loss,
            seconds=status.busy_seconds + max(0.0, ended - status.last_at),
            tokens_per_second=reporter.tokens / max(reporter.training_seconds, 1e-9),
            peak_memory=reporter.peak_memory,
            early=reporter.early,
            kept=kept,
        )
    )


def close_diverged(run: Run, resident: Resident, reporter: Reporter, pulse: Callable[[], object]) -> None:
    """What was learned before the loss went wrong is kept, as far as there is a checkpoint of it."""
    error, kept = reporter.diverged, last_whole(run.checkpoints)
    if kept is not None:
        assert resident.learner is not None
        resident.learner.restore(kept.folder)
        keep(run, resident, pulse)
        error += f"; what it had learned up to step {kept.step} is kept"
    else:
        resident.detach(run.id)
    run.append(RunFailed(error=error, kept=kept.step if kept else 0))


def close_badly(run: Run, error: Exception) -> None:
    """Into the history with it. A run that has something to go on from is not given up: its cause may go away."""
    known = isinstance(error, FtchatError)
    sentence = str(error) if known else "something went wrong that is a fault of ftchat; the log has the details"
    bug = None if known else "".join(traceback.format_exception(error))
    status = run.status()
    ending: Event = RunFailed(error=sentence, bug=bug)
    if status.checkpoint or ended(status.trials) or isinstance(error, DiskFull):
        ending = RunInterrupted(step=status.step, error=sentence, bug=bug)
    try:
        run.append(ending)
    except OSError:  # not even this fits: the older checkpoints go, and if that is not enough, it is interrupted
        keep_last_only(run.checkpoints)
        with contextlib.suppress(OSError):
            run.append(ending)
