"""Reaching into the page for tests: its handlers, what a click sends, and data to bring."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import gradio as gr

EVIL = '<img src=x onerror="alert(1)">'
LANGUAGES = ("en", "zh")


def pairs(count: int) -> str:
    """So many pairs as JSON Lines."""
    return "".join(
        json.dumps({"prompt": f"question {n}", "completion": f"answer {n}"}) + "\n" for n in range(1, count + 1)
    )


def handler(page: gr.Blocks, name: str) -> Callable[..., Any]:
    """The function behind a listener, as the browser would reach it."""
    return next(fn.fn for fn in page.fns.values() if getattr(fn.fn, "__name__", "") == name)


def last(steps: Iterable[Any]) -> Any:
    """Where a streaming handler ends."""
    *_, end = steps
    return end


def picked(**dataset: str) -> gr.EventData:
    """What a click on a control with these data-* attributes sends."""
    return gr.EventData(target=None, _data=dataset)
