"""The connection to whoever asks: calls come in, answers go out, until the other end is gone. Knows nothing of what is
asked."""

from __future__ import annotations

from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import NoReturn

from ftchat.wire import Answer, Call


class Closed(BaseException):
    """The other end is gone or says goodbye."""


class Calls:
    """`over`: no more of them are taken."""

    def __init__(self, connection: Connection):
        self._connection = connection
        self.over = False

    def take(self, wait: float | None) -> Iterator[Call]:
        """What has come; first waits so many seconds for something to come, with None as long as it takes."""
        while not self.over:
            try:
                if not self._connection.poll(wait):
                    return
                call = self._connection.recv()
            except (EOFError, OSError):
                self.close()
            wait = 0
            yield call

    def send(self, answer: Answer) -> None:
        try:
            self._connection.send(answer)
        except OSError:
            self.close()

    def close(self) -> NoReturn:
        self.over = True
        raise Closed
