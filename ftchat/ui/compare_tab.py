"""The Compare tab: one question to base and tuned at the same time, side by side.

What its components do; they stand in compare_layout, chats in duet, who can be asked in standing, HTML in panes.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

import gradio as gr

from ftchat.errors import ConfigError, DataError, FtchatError, WorkerError
from ftchat.records import Sampling
from ftchat.runs import Run
from ftchat.ui import panes
from ftchat.ui.asking import check_sampling, check_text, compare_endpoint, draw_seed
from ftchat.ui.compare_layout import CompareLayout
from ftchat.ui.duet import BASE, TUNED, Chat, ChatStore, batches
from ftchat.ui.messages import sentence
from ftchat.ui.standing import Standing, Suggestion, standing, suggestions
from ftchat.ui.studio import Shell, Studio
from ftchat.ui.texts import t

_WHOLE = 1000  # examples at most that are read for a few suggestions
_LOOKS, _LOOK = 6, 20  # places in a dataset that are looked at, and examples at each
_QUOTED = 500  # characters of a refused question that are shown
_QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
_STREAM: dict[str, Any] = {
    "show_progress": "hidden",
    "api_visibility": "private",
    "concurrency_id": "compare",
    "concurrency_limit": 64,
}
_log = logging.getLogger(__name__)

Update = dict[Any, Any]  # new values by component; what is not in it stays


class _Visitor(NamedTuple):
    """What a visitor's page has selected."""

    lang: str
    run: str | None
    dataset: str | None
    picked: str | None
    followed: str | None


def build(studio: Studio, shell: Shell) -> CompareTab:
    gr.api(compare_endpoint(studio), api_name="compare", concurrency_limit=64)
    return CompareTab(studio, shell)


class CompareTab(CompareLayout):
    def __init__(self, studio: Studio, shell: Shell):
        super().__init__()
        self.studio = studio
        self.chats = ChatStore()
        self.suggested: dict[str, list[Suggestion]] = {}  # by run, or by dataset where there is none
        who = [self.key, shell.lang, shell.run, shell.dataset, self.picker, self.followed]
        how = [self.temperature, self.length, self.seed, self.fresh, self.system]
        answers = [self.base_talk, self.tuned_talk, self.base_foot, self.tuned_foot]
        view = [
            *(self.key, self.note, self.base_head, self.tuned_head, self.picker, self.tuned_proof, self.mark),
            *(*answers, self.said, self.chips, self.keys, self.prompt, self.ask, self.halt, self.retry, self.followed),
        ]
        # A beat has few outputs, for Gradio touches each of them in the browser even where nothing is new.
        shell.pulse.follow(self.refresh, who, [self.outline, self.note])
        changes = [shell.lang.change, shell.run.change, shell.dataset.change, self.picker.input, self.outline.change]
        gr.on(changes, self.redraw, who, view, **_QUIET)
        # Asking opens a turn, which starts the stream, which ends in a full picture: what a stream sends only once
        # may be lost among what it sends next.
        asking: dict[str, Any] = {"outputs": [*view, self.seed, self.system, self.asked], **_QUIET}
        sent = "(...all) => ft.duet.sent(all)"
        gr.on([self.prompt.submit, self.ask.click], self.begin, [self.prompt, *who, *how], js=sent, **asking)
        self.retry.click(self.begin_again, [self.prompt, *who, *how], **asking)
        self.chips.pick(self.begin_suggested, [*who, *how], **asking)
        stream = self.asked.change(self.stream, who, answers, trigger_mode="multiple", **_STREAM)
        stream.then(self.finish, who, view, **_QUIET)
        self.halt.click(self.stop, self.key, None, **_QUIET)
        self.clear.click(self.forget, who, view, **_QUIET)
        self.seed.input(None, None, self.fresh, js="() => false", api_visibility="private")
        self.mark.change(None, self.mark, None, js="on => ft.duet.mark(on)", api_visibility="private")
        # The id of the chat outlives a reload in the browser tab's own memory.
        self.key.change(None, self.key, None, js="key => ft.duet.remember(key)", api_visibility="private")
        gr.on(None, None, None, self.key, js="() => ft.duet.recall()", api_visibility="private")

    # -- asking ----------------------------------------------------------------

    async def begin(self, question: str, key: str, *rest: Any) -> Update:
        """Opens a turn with both models, or with the base alone."""
        chat, who, how = self.chats.open(key), _Visitor(*rest[:5]), rest[5:]
        if chat.live is not None:
            return {self.prompt: question}
        now, seed = self._standing(who), None
        try:
            question, settings, system = _checked(question, how, who.lang)
            if not question:
                return {self.key: chat.id}
            chat.ask(question, now.base, now.run, settings, system)
            seed = settings.seed
        except ConfigError as error:
            chat.refuse(question[:_QUOTED], now.base, now.run, sentence(error, who.lang))
        update = self._view(chat, now, who) | {self.asked: chat.live}
        return update | ({self.prompt: question} if chat.failed else {self.seed: seed})

    async def begin_again(self, typed: str, key: str, *rest: Any) -> Update:
        """Asks the last question once more, in place of its last answers; what is being typed stays."""
        chat = self.chats.open(key)
        question = chat.last.question if chat.last and chat.live is None else ""
        chat.take_back()
        update = await self.begin(question, key, *rest)
        return update | ({self.prompt: ""} if typed.strip() == question and not chat.failed else {})

    async def begin_suggested(self, event: gr.EventData, *inputs: Any) -> Update:
        """Asks a question of the data, under the system prompt that goes with it, if any."""
        system = event._data.get("system") or inputs[-1]
        return await self.begin(event._data["q"], *inputs[:-1], system) | {self.system: system}

    async def stream(self, key: str, *rest: Any) -> AsyncIterator[Update]:
        """Takes the waiting request to the models, and shows what they write as they write it."""
        chat, who = self.chats.open(key), _Visitor(*rest)
        request = chat.take()
        if request is None:
            return
        now = self._standing(who)
        try:
            async for events in batches(self.studio.worker.chat(request), lambda: chat.pause):
                if chat.live != request.id:  # a new chat was begun
                    return
                for event in events:
                    chat.fold(event)
                if chat.given_up:
                    break
                if events:
                    yield self._answers(chat, now, who.lang)
            chat.end()
        except FtchatError as error:
            chat.end(sentence(error, who.lang))
        except Exception:
            _log.exception("a reply ended in a bug")
            chat.end(t("ft_cmp_bug", who.lang))
        finally:
            if chat.live == request.id:  # nobody is looking any more
                chat.end()
                self._stop_reply(request.id)

    async def finish(self, key: str, *rest: Any) -> Update:
        """The full picture; a question that failed goes back into the box."""
        chat, who = self.chats.open(key), _Visitor(*rest)
        if chat.waiting is not None:  # the stream could not start
            chat.end(t("ft_cmp_crowded", who.lang))
        back = {self.prompt: chat.last.question} if chat.failed and chat.last else {}
        return self._view(chat, self._standing(who), who) | back

    async def stop(self, key: str) -> None:
        request = self.chats.open(key).stop()
        if request is not None:
            self._stop_reply(request)

    async def forget(self, key: str, *rest: Any) -> Update:
        """Begins a new chat."""
        chat = self.chats.open(key)
        if chat.live is not None:
            self._stop_reply(chat.live)
        chat.clear()
        return self.redraw(chat.id, *rest)

    def _stop_reply(self, request: str) -> None:
        """Tells the model to stop, without waiting until it listens."""

        def tell() -> None:
            try:
                self.studio.worker.stop_reply(request)
            except WorkerError:
                _log.info("no reply to stop: the worker is gone")

        threading.Thread(target=tell, name="ftchat-stop", daemon=True).start()

    # -- the view --------------------------------------------------------------

    def refresh(self, key: str, *rest: Any) -> tuple[Any, Any]:
        """Follows the runs, and does nothing while an answer is written. When the outline changes, all is redrawn."""
        chat, who = self.chats.open(key), _Visitor(*rest)
        chat.heard = time.monotonic()
        if chat.live is not None:
            return gr.skip(), gr.skip()
        now = self._standing(who)
        # The last turn is part of it, so that what a redraw may have spoilt by coming late is mended at the end.
        last = chat.last.request if chat.last else ""
        outline = repr((chat.id, last, who.lang, now.base, now.run, now.usable, now.waiting is not None))
        return outline, panes.note(now, who.lang)

    def redraw(self, key: str, *rest: Any) -> Update:
        who = _Visitor(*rest)
        return self._view(self.chats.open(key), self._standing(who), who)

    def _standing(self, who: _Visitor) -> Standing:
        return standing(self.studio.runs, who.run, who.picked, who.followed)

    def _view(self, chat: Chat, now: Standing, who: _Visitor) -> Update:
        """Everything, as it stands."""
        lang, live = who.lang, chat.live is not None
        choices = [(name, run) for run, name in now.usable]
        return self._answers(chat, now, lang) | {
            self.key: chat.id,
            self.note: panes.note(now, lang),
            self.base_head: panes.base_head(chat, now, lang),
            self.tuned_head: panes.tuned_head(lang),
            self.tuned_proof: panes.tuned_proof(chat, now, lang),
            self.picker: gr.Dropdown(choices=choices, value=now.run, visible=bool(choices)),
            self.mark: gr.Checkbox(visible=now.run is not None),
            self.said: panes.said(chat, lang),
            self.chips: panes.chips(self._suggested(now.run, who.dataset), lang),
            self.keys: panes.keys(lang),
            self.prompt: gr.Textbox(placeholder=t("ft_cmp_both_hint" if now.run else "ft_cmp_base_hint", lang)),
            self.ask: gr.Button(t("ft_cmp_ask_both" if now.run else "ft_cmp_ask_base", lang), visible=not live),
            self.halt: gr.Button(visible=live),
            self.retry: gr.Button(interactive=bool(chat.turns) and not live),
            self.followed: now.followed,
        }

    def _answers(self, chat: Chat, now: Standing, lang: str) -> Update:
        """The part of the view that changes with every word."""
        return {
            self.base_talk: panes.talk(chat, BASE, now, lang),
            self.tuned_talk: panes.talk(chat, TUNED, now, lang),
            self.base_foot: panes.foot(chat, BASE, lang),
            self.tuned_foot: panes.foot(chat, TUNED, lang),
        }

    def _suggested(self, run_id: str | None, dataset: str | None) -> list[Suggestion]:
        """Of the chosen run's data, else of the data at hand. Neither ever changes, so each is read once."""
        run = self.studio.runs.get(run_id) if run_id else None
        known, source = run_id or dataset, run.config.dataset if run else dataset
        if not known or not source:
            return []
        if known not in self.suggested:
            try:
                self.suggested[known] = self._suggestions(source, run)
            except DataError:
                return []
        return self.suggested[known]

    def _suggestions(self, source: str, run: Run | None) -> list[Suggestion]:
        """Which examples were held out shows only in the whole of them, so it is not looked for in a big dataset."""
        store, count = self.studio.datasets, self.studio.datasets.info(source).count
        if run is not None and run.resolved is not None and count <= _WHOLE:
            return suggestions(*store.split_for(run.config))
        starts = dict.fromkeys(count * place // _LOOKS for place in range(_LOOKS))
        pages = (store.page(source, start, _LOOK).rows for start in starts)
        return suggestions([example for page in pages for _, example in page], ())


def _checked(question: str, how: Sequence[Any], lang: str) -> tuple[str, Sampling, str]:
    """What is asked, and how: `how` are the answer settings in the order of the form."""
    temperature, length, seed, fresh, system = how
    settings = check_sampling(temperature, length, draw_seed() if fresh else seed, lang)
    return check_text(question, lang), settings, check_text(system, lang)
