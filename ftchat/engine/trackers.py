"""Trackers by choice: a run's numbers also go to TensorBoard, Weights & Biases or trackio. Off unless asked for.

Only numbers and settings are sent, never data or weights. A tracker that fails is left out and the run goes on: its
history is in its folder anyway. Nothing leaves this machine unless the user has signed in to Weights & Biases.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from netrc import NetrcParseError, netrc
from typing import Any
from urllib.parse import urlsplit

from ftchat.events import EvalLogged, Event, StepLogged
from ftchat.records import ResolvedConfig, to_json
from ftchat.runs import Run
from ftchat.settings import check_tracker

_PROJECT = "ftchat"
_log = logging.getLogger(__name__)

Log = Callable[[Mapping[str, float], int], None]
Close = Callable[[], None]


class Tracker:
    """`name` as in settings.TRACKERS; `step` is where the run begins or goes on."""

    def __init__(self, name: str, run: Run, resolved: ResolvedConfig, step: int):
        self._log: Log | None = None
        self._close: Close | None = None
        if name == "none":
            return
        check_tracker(name)
        try:
            with redirect_stdout(sys.stderr):  # they are talkative, and standard output is for results
                self._log, self._close = _OPEN[name](run, to_json(resolved), step)
        except Exception as error:  # of somebody else's library and its network
            self._give_up(error)

    def follow(self, event: Event) -> None:
        if isinstance(event, StepLogged):
            names = ("loss", "learning_rate", "grad_norm", "epoch", "tokens_per_second")
            self._tell({f"train/{name}": getattr(event, name) for name in names}, event.step)
        elif isinstance(event, EvalLogged):
            self._tell({"eval/loss": event.loss}, event.step)

    def close(self) -> None:
        try:
            if self._close is not None:
                with redirect_stdout(sys.stderr):
                    self._close()
        except Exception as error:
            self._give_up(error)

    def _tell(self, values: Mapping[str, float], step: int) -> None:
        try:
            if self._log is not None:
                self._log(values, step)
        except Exception as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self._log = self._close = None
        _log.warning("the tracker is left out, the run goes on: %s", error)


def _tensorboard(run: Run, config: dict[str, Any], step: int) -> tuple[Log, Close]:
    """Into the run's folder: tensorboard --logdir FTCHAT_HOME/owners/local/runs"""
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(log_dir=str(run.folder / "tensorboard"), purge_step=step + 1 if step else None)
    writer.add_text("settings", "\n".join(f"    {name}: {value}" for name, value in config.items()))

    def log(values: Mapping[str, float], at: int) -> None:
        for name, value in values.items():
            writer.add_scalar(name, value, at)
        writer.flush()

    return log, writer.close


def _wandb(run: Run, config: dict[str, Any], step: int) -> tuple[Log, Close]:
    """Without an account it is kept in the run's folder, for `wandb sync`: to be asked for one would be to hang."""
    wandb = importlib.import_module("wandb")
    mode = os.environ.get("WANDB_MODE") or ("online" if _signed_in() else "offline")
    opened = wandb.init(
        project=os.environ.get("WANDB_PROJECT", _PROJECT),
        name=run.config.name,
        id=run.id,
        resume="allow" if mode == "online" else None,
        mode=mode,
        dir=str(run.folder),
        config=config,
        settings=wandb.Settings(silent=True, save_code=False, disable_git=True, console="off"),
    )
    return lambda values, at: opened.log(dict(values), step=at), opened.finish


def _signed_in() -> bool:
    """To Weights & Biases, by a key in the environment or by what `wandb login` has left."""
    host = urlsplit(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname or ""
    try:
        return bool(os.environ.get("WANDB_API_KEY") or netrc().authenticators(host))
    except (OSError, NetrcParseError):
        return False


def _trackio(run: Run, config: dict[str, Any], step: int) -> tuple[Log, Close]:
    """Into FTCHAT_HOME/trackio, and to no Space whatever: `trackio show --project ftchat`"""
    os.environ.setdefault("TRACKIO_DIR", str(run.folder.parents[3] / "trackio"))
    for name in ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL", "TRACKIO_BUCKET_ID"):  # each would send it elsewhere
        os.environ.pop(name, None)
    trackio = importlib.import_module("trackio")
    opened = trackio.init(project=_PROJECT, name=run.config.name, resume="allow", config=config, embed=False)
    return lambda values, at: opened.log(dict(values), step=at), trackio.finish


_OPEN: Mapping[str, Callable[[Run, dict[str, Any], int], tuple[Log, Close]]] = {
    "tensorboard": _tensorboard,
    "wandb": _wandb,
    "trackio": _trackio,
}
