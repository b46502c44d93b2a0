"""The one place where an FtchatError becomes a message on the page. Anything else keeps its traceback in the log.

The errors speak English. On the Chinese page a known kind of error has a sentence of its own, and any other is
introduced.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr

from ftchat.errors import FtchatError
from ftchat.ui.markup import esc
from ftchat.ui.texts import t
from ftchat.ui.texts.chinese import ERRORS


def sentence(error: FtchatError, lang: str) -> str:
    """What the error says, in the reader's language as far as there are words for it."""
    if lang != "zh":
        return str(error)
    known = ERRORS.get(error.kind)
    return known.format(**error.values) if known else t("ft_said_in_english", lang, said=str(error))


def warned(error: FtchatError, lang: str) -> None:
    """Shows it as a toast, and whatever is being done goes on."""
    gr.Warning(esc(sentence(error, lang)), title="")


def told(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Decorates an event handler, a plain one or a generator: its FtchatErrors are shown as a toast, no output
    changes, and what hangs on `.success` does not run. The toast speaks the language of the argument `lang`."""
    takes = inspect.signature(handler)
    if inspect.isgeneratorfunction(handler):

        @functools.wraps(handler)
        def stream(*args: Any, **kwargs: Any) -> Iterator[Any]:
            with _telling(takes, args, kwargs):
                yield from handler(*args, **kwargs)

        return stream

    @functools.wraps(handler)
    def call(*args: Any, **kwargs: Any) -> Any:
        with _telling(takes, args, kwargs):
            return handler(*args, **kwargs)

    return call


@contextmanager
def _telling(takes: inspect.Signature, args: Any, kwargs: Any) -> Iterator[None]:
    try:
        yield
    except FtchatError as error:
        lang = takes.bind(*args, **kwargs).arguments.get("lang", "en")
        raise gr.Error(esc(sentence(error, lang)), title="", print_exception=False) from None
