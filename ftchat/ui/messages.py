"""The one place where an FtchatError becomes a message on the page. Anything else keeps its traceback in the log."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr

from ftchat.errors import FtchatError
from ftchat.ui.markup import esc


def told(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Decorates an event handler, a plain one or a generator: its FtchatErrors are shown as a toast, no output
    changes, and what hangs on `.success` does not run."""
    if inspect.isgeneratorfunction(handler):

        @functools.wraps(handler)
        def stream(*args: Any, **kwargs: Any) -> Iterator[Any]:
            with _telling():
                yield from handler(*args, **kwargs)

        return stream

    @functools.wraps(handler)
    def call(*args: Any, **kwargs: Any) -> Any:
        with _telling():
            return handler(*args, **kwargs)

    return call


@contextmanager
def _telling() -> Iterator[None]:
    try:
        yield
    except FtchatError as error:
        raise gr.Error(esc(error), title="", print_exception=False) from None
