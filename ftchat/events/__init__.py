"""What a run and a reply report, its JSON form, and the fold of a run's history into a RunStatus.

Knows nothing of files, models or pages.
"""

from ftchat.events.kinds import (
    Checked,
    CheckpointSaved,
    DryStepBegun,
    DryStepPassed,
    EvalLogged,
    Event,
    ReplyDone,
    ReplyEvent,
    ReplyFailed,
    ReplyToken,
    RunFailed,
    RunFinished,
    RunHealed,
    RunInterrupted,
    RunPaused,
    RunQueued,
    RunResumed,
    RunStarted,
    RunStopped,
    StepLogged,
    dumps,
    loads,
)
from ftchat.events.status import RunState, RunStatus, fold

__all__ = [
    "Checked",
    "CheckpointSaved",
    "DryStepBegun",
    "DryStepPassed",
    "EvalLogged",
    "Event",
    "ReplyDone",
    "ReplyEvent",
    "ReplyFailed",
    "ReplyToken",
    "RunFailed",
    "RunFinished",
    "RunHealed",
    "RunInterrupted",
    "RunPaused",
    "RunQueued",
    "RunResumed",
    "RunStarted",
    "RunState",
    "RunStatus",
    "RunStopped",
    "StepLogged",
    "dumps",
    "fold",
    "loads",
]
