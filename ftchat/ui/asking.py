"""What may be asked, checked before the model sees it; and asking once without the page, the endpoint `compare`.

Knows the worker and the runs, not components. Limits are checked here because a browser's are only a courtesy.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable
from typing import Any, TypeGuard

import gradio as gr

from ftchat.errors import ChatError, ConfigError, FtchatError
from ftchat.events import ReplyDone, ReplyFailed
from ftchat.records import Sampling
from ftchat.ui.duet import BASE, TUNED, Chat
from ftchat.ui.standing import standing
from ftchat.ui.studio import Studio
from ftchat.ui.texts import t

MOST_TOKENS = 1024
MOST_SEED = 2**31 - 1
MOST_CHARACTERS = 8000


def check_text(text: str | None, lang: str) -> str:
    """A question or a system prompt, without blank ends."""
    text = text or ""
    if len(text) > MOST_CHARACTERS:
        raise ConfigError(t("ft_cmp_too_long", lang, n=len(text), most=MOST_CHARACTERS))
    return text.strip()


def check_sampling(temperature: float | None, length: float | None, seed: float | None, lang: str) -> Sampling:
    """The answer settings as they came from a form."""
    if not _between(temperature, 0, 2):
        raise ConfigError(t("ft_cmp_bad_temperature", lang))
    if not _between(length, 1, MOST_TOKENS) or length != int(length):
        raise ConfigError(t("ft_cmp_bad_length", lang, most=MOST_TOKENS))
    if not _between(seed, 0, MOST_SEED) or seed != int(seed):
        raise ConfigError(t("ft_cmp_bad_seed", lang))
    return Sampling(float(temperature), int(length), int(seed))


def draw_seed() -> int:
    return secrets.randbelow(100_000)  # few enough digits to read out


def compare_endpoint(studio: Studio) -> Callable[..., dict[str, Any]]:
    """The function behind the named endpoint."""

    def compare(
        prompt: str, run: str = "", temperature: float = 0.0, max_new_tokens: int = 256, seed: int = 0
    ) -> dict[str, Any]:
        """Asks the base model and a tuned one the same question, once, from one set of weights.

        Parameters:
            prompt: the question
            run: id or name of a finished run, or id of an adapter that was brought; empty for the newest run that can
                answer
            temperature: 0 always picks the likeliest token, up to 2
            max_new_tokens: where an answer is cut, up to 1024
            seed: shared by both answers
        Returns:
            "base" and "tuned", each with text, tokens, stop (eos, length or stopped), seconds, first_token_seconds,
            adapter (run id or null), adapter_norm and divergence (nats, null for the base); "tuned" is null where no
            run can answer yet
        """
        try:
            return _compare(studio, prompt, run, check_sampling(temperature, max_new_tokens, seed, "en"))
        except FtchatError as error:  # as plain text: no page shows it
            raise gr.Error(str(error), print_exception=False) from None

    return compare


def _compare(studio: Studio, prompt: str, run: str, settings: Sampling) -> dict[str, Any]:
    question = check_text(prompt, "en")
    if not question:
        raise ConfigError("there is no question: 'prompt' is empty")
    asked = _chosen(studio, run) if run else None
    now = standing(studio.runs, studio.brought, asked, (asked,), asked)
    chat = Chat("")
    speakers = {pane: speaker for pane in (BASE, TUNED) if (speaker := now.speaker(pane, 1.0))}
    request = chat.ask(question, speakers, settings)
    for event in studio.worker.chat(request):
        if isinstance(event, ReplyFailed):
            raise ChatError(event.error)
        chat.fold(event)
    answers = {pane: _plain(answer.done) for pane, answer in chat.turns[0].answers.items()}
    return {"base": answers[BASE], "tuned": answers.get(TUNED)}


def _chosen(studio: Studio, name: str) -> str:
    """The id of the adapter of that name or id."""
    if brought := studio.brought.find(name):
        return brought.id
    run = studio.runs.get(name)
    if not run.status().usable:
        raise ConfigError(f"run '{name}' cannot answer: it is {run.status().state} and has no adapter")
    return run.id


def _plain(done: ReplyDone | None) -> dict[str, Any]:
    if done is None:
        raise ChatError("the model ended without an answer; try again")
    kept = ("text", "tokens", "stop", "seconds", "first_token_seconds", "adapter", "adapter_norm", "divergence")
    return {name: getattr(done, name) for name in kept}


def _between(value: float | None, low: float, high: float) -> TypeGuard[float]:
    return isinstance(value, int | float) and math.isfinite(value) and low <= value <= high
