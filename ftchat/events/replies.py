"""What a reply reports. It goes to whoever asked, and is not kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ftchat.events.kinds import Downloading, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyToken(Event):
    """More text of one pane; `tokens` counts all tokens of that reply so far."""

    request: str
    pane: int
    text: str
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyDone(Event):
    """`text` is the whole reply. `stop`: the model's own end, the length limit, or the user.

    Proof of who answered, from the forward pass that made this reply: `adapter` (run id or None; with `@step` behind
    it a checkpoint), the Frobenius norm of its weight change at its strength, and the Kullback-Leibler divergence in
    nats of the first token's distribution from the base's (None where no base pane was asked the same). One that
    `alternates` has weights of its own, so its tokens came in turn with those of the others and not with them.
    """

    request: str
    pane: int
    text: str
    tokens: int
    stop: Literal["eos", "length", "stopped"]
    first_token_seconds: float
    seconds: float
    adapter: str | None
    adapter_norm: float
    divergence: float | None
    alternates: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyFailed(Event):
    """The whole request failed, with a sentence for the user."""

    request: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyLoading(Event):
    """The base that the request needs is being read, or with `download` fetched first; the one that was in memory is
    let go of when it is read."""

    request: str
    base: str
    download: Downloading | None = None


ReplyEvent = ReplyToken | ReplyDone | ReplyFailed | ReplyLoading
