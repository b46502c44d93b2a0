"""The Compare tab: one question to base and tuned at the same time, side by side, and to others if wanted.

What its components do; they stand in compare_layout and show what compare_view says. Chats are in duet, who can be
asked in standing, HTML in panes.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any

import gradio as gr

from ftchat.errors import ConfigError, FtchatError, WorkerError
from ftchat.records import Sampling
from ftchat.ui import panes
from ftchat.ui.asking import check_sampling, check_text, compare_endpoint, draw_seed
from ftchat.ui.bringing import Bringing
from ftchat.ui.compare_view import CompareView, Update
from ftchat.ui.duet import PANES, TUNED, ChatStore, batches
from ftchat.ui.messages import sentence
from ftchat.ui.standing import Standing, standing
from ftchat.ui.studio import Shell, Studio
from ftchat.ui.texts import t
from ftchat.ui.visitor import SELECTED, Visitor

_QUOTED = 500  # characters of a refused question that are shown
_QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
_STREAM: dict[str, Any] = {
    "show_progress": "hidden",
    "api_visibility": "private",
    "concurrency_id": "compare",
    "concurrency_limit": 64,
}
_log = logging.getLogger(__name__)


def build(studio: Studio, shell: Shell) -> CompareTab:
    gr.api(compare_endpoint(studio), api_name="compare", concurrency_limit=64)
    return CompareTab(studio, shell)


class CompareTab(CompareView):
    def __init__(self, studio: Studio, shell: Shell):
        super().__init__(studio)
        self.chats = ChatStore()
        selected = [shell.lang, shell.run, shell.dataset, self.followed, *self.pickers, *self.strengths]
        who = [self.key, *selected]
        how = [self.temperature, self.length, self.seed, self.fresh, self.system]
        answers = [component for parts in self.panes for component in (parts.talk, parts.foot)]
        view = [
            *(self.key, self.mark, self.add, self.said, self.chips, self.keys, self.prompt, self.ask),
            *(self.halt, self.retry, self.followed, self.told_of_base, *self.pickers, *answers),
            *(part for parts in self.panes for part in (parts.column, parts.head, parts.proof, parts.tools)),
            *self.strengths,
        ]
        self.shown = view
        # A beat has few outputs, for Gradio touches each of them in the browser even where nothing is new.
        shell.pulse.follow(self.refresh, who, [self.outline, self.note])
        picked = [picker.input for picker in self.pickers]
        shell.pulse.speak(self.translate, who, view)
        changes = [shell.run.change, shell.dataset.change, *picked, self.outline.change]
        gr.on(changes, self.redraw, who, view, **_QUIET)
        tools = [parts.tools for parts in self.panes[TUNED:]]
        moved = [slider.input for slider in self.strengths]
        gr.on(moved, self.retool, who, tools, trigger_mode="always_last", **_QUIET)
        shell.chosen.change(self.choose, [shell.chosen, *who], view, **_QUIET)
        # Asking opens a turn, which starts the stream, which ends in a full picture: what a stream sends only once
        # may be lost among what it sends next.
        asking: dict[str, Any] = {"outputs": [*view, self.seed, self.system, self.asked], **_QUIET}
        sent = "(...all) => ft.duet.sent(all)"
        gr.on([self.prompt.submit, self.ask.click], self.begin, [self.prompt, *who, *how], js=sent, **asking)
        self.retry.click(self.begin_again, [self.prompt, *who, *how], **asking)
        self.chips.pick(self.begin_suggested, [*who, *how], **asking)
        for parts in self.panes:
            for place in (parts.tools, parts.talk):
                place.pick(self.do, who, [*view, self.asked], **_QUIET)
        self.add.click(self.add_pane, who, view, **_QUIET)
        stream = self.asked.change(self.stream, who, answers, trigger_mode="multiple", **_STREAM)
        stream.then(self.finish, who, view, trigger_mode="always_last", **_QUIET)
        self.halt.click(self.stop, self.key, None, **_QUIET)
        self.clear.click(self.forget, who, view, **_QUIET)
        self.seed.input(None, None, self.fresh, js="() => false", api_visibility="private")
        self.mark.change(None, self.mark, None, js="on => ft.duet.mark(on)", api_visibility="private")
        # The id of the chat outlives a reload in the browser tab's own memory.
        self.key.change(None, self.key, None, js="key => ft.duet.remember(key)", api_visibility="private")
        gr.on(None, None, None, self.key, js="() => ft.duet.recall()", api_visibility="private")
        Bringing(self, studio, shell)

    # -- asking ----------------------------------------------------------------

    async def begin(self, question: str, key: str, *rest: Any) -> Update:
        """Opens a turn with everybody who can answer."""
        chat, who, how = self.chats.open(key), Visitor.of(*rest[:SELECTED]), rest[SELECTED:]
        if chat.live is not None:
            return {self.prompt: question}
        now, seed = self._standing(who), None
        speakers = who.speakers(now)
        try:
            question, settings, system = _checked(question, how, who.lang)
            if not question:
                return {self.key: chat.id}
            chat.ask(question, speakers, settings, system)
            seed = settings.seed
        except ConfigError as error:
            chat.refuse(question[:_QUOTED], speakers, sentence(error, who.lang))
        update = self.course(chat, now, who) | {self.asked: chat.live}
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
        chat, who = self.chats.open(key), Visitor.of(*rest)
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
                if events or (chat.last and chat.last.loading):
                    yield self.answers(chat, now, who.lang)
            chat.end()
            self._look_at(request.base)
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
        """All is said; a question that failed goes back into the box."""
        chat, who = self.chats.open(key), Visitor.of(*rest)
        if chat.waiting is not None:  # the stream could not start
            chat.end(t("ft_cmp_crowded", who.lang))
        back = {self.prompt: chat.last.question} if chat.failed and chat.last else {}
        return self.course(chat, self._standing(who), who) | back

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

    def _look_at(self, base: str) -> None:
        """Learns what there is to say of a base that has just answered; the next beat sees it."""

        def look() -> None:
            with suppress(FtchatError):
                self.studio.describe(base)

        if self.studio.notes(base) is None:
            threading.Thread(target=look, name="ftchat-look", daemon=True).start()

    def _stop_reply(self, request: str, place: int | None = None) -> None:
        """Tells the model to stop, without waiting until it listens."""

        def tell() -> None:
            try:
                self.studio.worker.stop_reply(request, place)
            except WorkerError:
                _log.info("no reply to stop: the worker is gone")

        threading.Thread(target=tell, name="ftchat-stop", daemon=True).start()

    # -- the panes -------------------------------------------------------------

    async def do(self, event: gr.EventData, key: str, *rest: Any) -> Update:
        """What was clicked in one pane."""
        chat, who = self.chats.open(key), Visitor.of(*rest)
        does, pane = event._data.get("do"), next((n for n in range(PANES) if str(n) == event._data.get("pane")), None)
        if pane is None:
            return {self.key: chat.id}
        now = self._standing(who)
        if (place := chat.place(pane)) is not None and chat.live and does in ("stop", "close"):
            self._stop_reply(chat.live, place)
        if does == "again" and (speaker := now.speaker(pane, who.strength(pane))):
            chat.ask_again(pane, speaker)
        elif does == "erase" and chat.live is None:
            chat.clear(pane)
        elif does == "close" and pane > TUNED:
            chat.close(pane)
            who = who.picking(pane, None)
        elif does == "soon" and now.soon:
            who = who.picking(TUNED, now.soon.key)
        return self.view(chat, self._standing(who), who) | {self.asked: chat.live}

    async def add_pane(self, key: str, *rest: Any) -> Update:
        """Opens the first pane that is closed."""
        chat, who = self.chats.open(key), Visitor.of(*rest)
        free = next((pane for pane in range(TUNED + 1, PANES) if who.picks[pane - 1] is None), None)
        if free is None:
            return {self.key: chat.id}
        chosen, strength = self._standing(who).to_add()
        who = who.picking(free, chosen)
        who = who._replace(strengths=(*who.strengths[: free - 1], strength, *who.strengths[free:]))
        return self.view(chat, self._standing(who), who) | {self.strengths[free - 1]: strength}

    async def choose(self, chosen: str, key: str, *rest: Any) -> Update:
        """Puts an adapter beside the base, whatever was there."""
        who = Visitor.of(*rest).picking(TUNED, chosen.partition(" ")[0])
        return self.view(self.chats.open(key), self._standing(who), who)

    def retool(self, key: str, *rest: Any) -> list[str]:
        """Says how strong each adapter is to be."""
        chat, who = self.chats.open(key), Visitor.of(*rest)
        now = self._standing(who)
        return [panes.tools(chat, pane, now, who.strength(pane), who.lang) for pane in range(TUNED, PANES)]

    # -- the view --------------------------------------------------------------

    def refresh(self, key: str, *rest: Any) -> tuple[Any, Any]:
        """Follows the runs, and does nothing while an answer is written. When the outline changes, all is redrawn."""
        chat, who = self.chats.open(key), Visitor.of(*rest)
        chat.heard = time.monotonic()
        if chat.live is not None:
            return gr.skip(), gr.skip()
        now = self._standing(who)
        # The last turn is part of it, so that what a redraw may have spoilt by coming late is mended at the end.
        last = chat.last.request if chat.last else ""
        outline = repr(
            (chat.id, last, now.base, now.picks, now.options, now.waiting is not None, self.studio.notes(now.base))
        )
        return outline, panes.note(now, who.lang)

    def redraw(self, key: str, *rest: Any) -> Update:
        who = Visitor.of(*rest)
        return self.view(self.chats.open(key), self._standing(who), who)

    def translate(self, key: str, *rest: Any) -> list[Any]:
        news = self.redraw(key, *rest)
        return [news.get(component, gr.skip()) for component in self.shown]

    def _standing(self, who: Visitor) -> Standing:
        return standing(self.studio.runs, self.studio.brought, who.run, who.picks, who.followed)


def _checked(question: str, how: Sequence[Any], lang: str) -> tuple[str, Sampling, str]:
    """What is asked, and how: `how` are the answer settings in the order of the form."""
    temperature, length, seed, fresh, system = how
    settings = check_sampling(temperature, length, draw_seed() if fresh else seed, lang)
    return check_text(question, lang), settings, check_text(system, lang)
