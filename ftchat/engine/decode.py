"""Replies: every open one, of every visitor, is a row of one batch that advances a token in one forward pass.

A reply joins at a token's boundary, computing only what is not known of its conversation, and leaves when it ends.
Rows whose adapter has weights of its own have a batch of their own, which advances in turn with the others.
Knows nothing of where the events go or what else the model is doing.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from ftchat.engine.batch import Batch, Lane
from ftchat.engine.cache import KeyValues, OneRow, asked_with, fits, longest_alike
from ftchat.engine.memory import is_out_of_memory
from ftchat.engine.models import Resident
from ftchat.engine.prefixes import Prefixes
from ftchat.engine.reply import Reply
from ftchat.engine.sampling import draw
from ftchat.errors import ChatError
from ftchat.events import ReplyDone, ReplyEvent, ReplyFailed

MOST_ROWS = 64  # of one batch; who asks beyond that waits
PREFIX_BYTES = 256 * 2**20  # of keys and values of ended replies
# Parameters of a model, and tokens of its passes, that threads only slow down: to wait for one that another program
# keeps off its core takes longer than the work. So only the longer passes of a small model are shared among threads.
_SMALL, _FEW = 3e7, 32
_PREFILL_TOKENS = 4096  # that are read in one forward pass, if no single prompt is longer

_log = logging.getLogger(__name__)


class Decoder:
    """All open replies over one resident base."""

    def __init__(self, resident: Resident, most_rows: int = MOST_ROWS, prefix_bytes: int = PREFIX_BYTES):
        self.resident = resident
        self._most_rows = most_rows
        self._shared = fits(resident.model.config)  # whether rows can come and go in one batch
        self._short = longest_alike(resident.model.config)
        self._waiting: deque[list[Reply]] = deque()  # in order; the panes of a request join together
        self._joining: list[Reply] = []
        self._batches: list[Batch] = []
        self._prefixes = Prefixes(prefix_bytes)
        self._small, self._cores = resident.info.parameters < _SMALL, torch.get_num_threads()

    @property
    def open(self) -> list[Reply]:
        """Every reply that has not ended."""
        going = [reply for batch in self._batches for reply in batch.rows]
        return [*going, *self._joining, *(reply for replies in self._waiting for reply in replies)]

    @property
    def idle(self) -> bool:
        return not (self._batches or self._joining or self._waiting)

    def add(self, replies: Sequence[Reply]) -> None:
        self._waiting.append(list(replies))

    def drop(self, request: str) -> None:
        """Forgets the replies to a request."""
        for batch in list(self._batches):
            for reply in [reply for reply in batch.rows if reply.request == request]:
                self._leave(batch, reply, known=False)
        self._joining = [reply for reply in self._joining if reply.request != request]
        self._waiting = deque(replies for replies in self._waiting if replies[0].request != request)

    def forget(self, adapter: str) -> None:
        """What was said with an adapter that is let go of."""
        self._prefixes.forget(adapter)

    def advance(self) -> Iterator[ReplyEvent]:
        """One token for every open reply, as far as there is room. Call it inside `Resident.chatting`."""
        with _threads(1 if self._small else torch.get_num_threads()):
            yield from self._end_stopped()
            self._begin_anew()
            self._admit()
            for joining in self._by_lane(self._joining):
                yield from self._prefill(self._next_to_join(joining))
            for batch in list(self._batches):
                yield from self._step(batch)

    def _end_stopped(self) -> Iterator[ReplyEvent]:
        for reply in [reply for reply in self.open if reply.stopped]:
            for batch in list(self._batches):
                if reply in batch.rows:
                    self._leave(batch, reply)
            self._joining = [other for other in self._joining if other is not reply]
            waiting = ([other for other in replies if other is not reply] for replies in self._waiting)
            self._waiting = deque(replies for replies in waiting if replies)
            yield reply.stop()

    def _admit(self) -> None:
        """Lets requests in, in order, as long as all their panes find room."""
        rows = sum(len(batch.rows) for batch in self._batches) + len(self._joining)
        while self._waiting and (rows == 0 or rows + len(self._waiting[0]) <= self._most_rows):
            for reply in self._waiting.popleft():
                if self._shared:
                    known = self._prefixes.longest((*reply.voice, self._long(reply)), reply.ids)
                    reply.known = known if known[0] else reply.beginning
                self._joining.append(reply)
                rows += 1

    def _begin_anew(self) -> None:
        """Those that have become so long that their model sees all of them otherwise are read again."""
        for batch in list(self._batches):
            for reply in [reply for reply in batch.rows if self._lane(reply) != batch.lane]:
                self._leave(batch, reply)
                reply.known = reply.beginning
                self._joining.append(reply)

    def _next_to_join(self, joining: list[Reply]) -> list[Reply]:
        """Those that have about as much to read as the first: one pass reads them, and little of it is padding."""
        if not self._shared:
            return joining[:1]
        most = 2 * joining[0].fresh
        group: list[Reply] = []
        for reply in joining:
            longest = max(other.fresh for other in (*group, reply))
            fitting = most // 4 <= reply.fresh <= most and (len(group) + 1) * longest <= _PREFILL_TOKENS
            readable = longest <= min(other.readable for other in (*group, reply))
            if not group or (fitting and readable):
                group.append(reply)
        return group

    def _by_lane(self, replies: Sequence[Reply]) -> list[list[Reply]]:
        lanes: dict[Lane, list[Reply]] = {}
        for reply in replies:
            lanes.setdefault(self._lane(reply), []).append(reply)
        return list(lanes.values())

    def _lane(self, reply: Reply) -> Lane:
        return self.resident.stack.lane(reply.voice), self._long(reply)

    def _long(self, reply: Reply) -> bool:
        return len(reply.ids) > self._short

    def _prefill(self, group: list[Reply]) -> Iterator[ReplyEvent]:
        self._joining = [reply for reply in self._joining if reply not in group]
        failure = ""
        try:
            batch, logits, tokens = self._read(group)
        except Exception as error:  # which holds what filled the memory, so it is let go of before another try
            failure = self._sentence(error)
        if failure:
            requests = list(dict.fromkeys(reply.request for reply in group))
            if len(requests) == 1:
                yield self._failed(group[0], failure)
                return
            for request in requests:  # on its own, so that only the one at fault fails
                yield from self._prefill([reply for reply in group if reply.request == request])
            return
        for row, reply in enumerate(group):
            reply.known = (reply.known[0], [])
            if not reply.tokens and (reply.base or any(other.base is reply for other in (*group, *self.open))):
                reply.first = logits[row].log_softmax(-1)
        other = next((b for b in self._batches if self._shared and b.lane == batch.lane), None)
        if other is not None:
            try:
                other.join(batch)
            except Exception as error:
                failure = self._sentence(error)
            if failure:
                yield from self._give_up(other if other.cache.torn else None, group, failure)
                return
            batch = other
        else:
            self._batches.append(batch)
        yield from self._take(batch, group, tokens)

    def _read(self, group: list[Reply]) -> tuple[Batch, torch.Tensor, list[int | None]]:
        """The prompts, as far as they are not known."""
        lengths = [len(reply.ids) for reply in group]
        width, fresh = max(lengths), max(reply.fresh for reply in group)
        config = self.resident.model.config
        cache: KeyValues | OneRow = KeyValues(config, lengths, width - fresh) if self._shared else OneRow(config)
        ids = torch.zeros((len(group), fresh), dtype=torch.long)
        for row, reply in enumerate(group):
            new = reply.ids[-fresh:]
            ids[row, fresh - len(new) :] = torch.tensor(new)
            if isinstance(cache, KeyValues) and len(reply.ids) > fresh:
                cache.fill(row, reply.known[1])
        positions = torch.arange(-fresh, 0) + torch.tensor(lengths)[:, None]
        batch = Batch(group, cache, self._lane(group[0]))
        return batch, *self._forward(batch, ids, positions.clamp(min=0))

    def _step(self, batch: Batch) -> Iterator[ReplyEvent]:
        ids = torch.tensor([[reply.ids[-1]] for reply in batch.rows])
        positions = torch.tensor([[len(reply.ids) - 1] for reply in batch.rows])
        try:
            _, tokens = self._forward(batch, ids, positions)
        except Exception as error:
            failure = self._sentence(error)
        else:
            yield from self._take(batch, list(batch.rows), tokens)
            return
        if batch.cache.torn:
            yield from self._give_up(batch, [], failure)
        else:  # the newest goes, and the others try again with the next token
            yield self._failed(batch.newest, failure)

    def _give_up(self, torn: Batch | None, others: Sequence[Reply], failure: str) -> Iterator[ReplyFailed]:
        """Rows whose keys and values cannot be gone on with, and others that have not joined yet."""
        lost = list(others)
        if torn is not None:
            self._batches.remove(torn)
            lost += torn.rows
        for reply in {reply.request: reply for reply in lost}.values():
            yield self._failed(reply, failure)

    def _forward(
        self, batch: Batch, ids: torch.Tensor, positions: torch.Tensor
    ) -> tuple[torch.Tensor, list[int | None]]:
        """Float logits [rows, vocabulary] of the last position, and the token that each row draws from its own."""
        resident, fresh = self.resident, ids.shape[1]
        model = resident.stack.select([reply.voice for reply in batch.rows])
        with _threads(1 if self._small and ids.numel() <= _FEW else self._cores):
            output = model(
                input_ids=ids.to(resident.device),
                attention_mask=batch.cache.mask(fresh, resident.device),
                **asked_with(resident.model, batch.cache, positions.to(resident.device)),
            )
            logits = output.logits[:, -1].float()
            tokens = draw(logits, [r.sampling for r in batch.rows], [r.random for r in batch.rows])
        batch.cache.advance(fresh)
        return logits, tokens

    def _take(self, batch: Batch, replies: list[Reply], tokens: list[int | None]) -> Iterator[ReplyEvent]:
        """A token for each of these rows of the batch."""
        for reply, token in zip(replies, tokens, strict=True):
            if reply not in batch.rows:  # its request has failed
                continue
            try:
                if token is None:
                    raise ChatError("the model gives no numbers; this adapter, or the base, is damaged")
                events = reply.take(token)
            except Exception as error:
                yield self._failed(reply, self._sentence(error))
                continue
            yield from events
            if events and isinstance(events[-1], ReplyDone):
                self._leave(batch, reply)

    def _leave(self, batch: Batch, reply: Reply, known: bool = True) -> None:
        """Frees the reply's row; with `known`, the next turn will find what it leaves behind."""
        pairs = batch.cache.row(batch.rows.index(reply)) if known else []
        if pairs:
            self._prefixes.keep((*reply.voice, batch.lane[1]), reply.ids[:-1], pairs)
        batch.remove(reply)
        if not batch.rows:
            self._batches.remove(batch)

    def _sentence(self, error: Exception) -> str:
        """What a reply's failure is told as; full memory costs what is known of earlier conversations."""
        if isinstance(error, ChatError):
            return str(error)
        if is_out_of_memory(error):
            self._prefixes.forget()
            return "memory is full; ask for a shorter answer or start a new chat"
        _log.error("a reply broke off", exc_info=error)
        return "this reply broke off through a fault of ftchat; the log has the details"

    def _failed(self, reply: Reply, failure: str) -> ReplyFailed:
        self.drop(reply.request)
        return ReplyFailed(request=reply.request, error=failure)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
