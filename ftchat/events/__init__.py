"""What a run and a reply report, its JSON form, and the fold of a run's history into a RunStatus.

Knows nothing of files, models or pages.
"""

from ftchat.events.kinds import (
    Checked,
    CheckpointSaved,
    Early,
    EvalLogged,
    Event,
    ReplyDone,
    ReplyEvent,
    ReplyFailed,
    ReplyLoading,
    ReplyToken,
    RunFailed,
    RunFinished,
    RunInterrupted,
    RunPaused,
    RunQueued,
    RunResumed,
    RunStarted,
    RunStopped,
    SampleLogged,
    StepLogged,
    dumps,
    loads,
)
from ftchat.events.status import RunState, RunStatus, fold

__all__ = [
    "Checked",
    "CheckpointSaved",
    "Early",
    "EvalLogged",
    "Event",
    "ReplyDone",
    "ReplyEvent",
    "ReplyFailed",
    "ReplyLoading",
    "ReplyToken",
    "RunFailed",
    "RunFinished",
    "RunInterrupted",
    "RunPaused",
    "RunQueued",
    "RunResumed",
    "RunStarted",
    "RunState",
    "RunStatus",
    "RunStopped",
    "SampleLogged",
    "StepLogged",
    "dumps",
    "fold",
    "loads",
]
