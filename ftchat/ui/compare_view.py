"""What the components of the Compare tab show of a chat. Knows no event, and nothing of models."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ftchat.ui import fit_view, panes
from ftchat.ui.compare_layout import CompareLayout
from ftchat.ui.duet import PANES, TUNED, Chat
from ftchat.ui.markup import OFF
from ftchat.ui.standing import Standing
from ftchat.ui.studio import Studio
from ftchat.ui.suggested import Suggested
from ftchat.ui.texts import t
from ftchat.ui.visitor import Visitor
from ftchat.ui.voices import BASE_KEY

Update = dict[Any, Any]  # new values by component; what is not in it stays


class CompareView(CompareLayout):
    def __init__(self, studio: Studio):
        super().__init__()
        self.studio = studio
        self.suggested = Suggested(studio)

    def view(self, chat: Chat, now: Standing, who: Visitor) -> Update:
        """Everything, as it stands."""
        lang, live = who.lang, chat.live is not None
        count = 1 + sum(pick is not None for pick in now.picks)
        many = ("base", "both")[count - 1] if count < 3 else "all"
        update = self.course(chat, now, who)
        for pane in range(PANES):
            update |= self._frame(pane, now, who)
        return update | {
            self.mark: gr.Checkbox(visible=now.tuned is not None),
            self.add: gr.Button(visible=now.tuned is not None and None in now.picks),
            self.chips: panes.chips(self.suggested.of(now.tuned.adapter if now.tuned else None, who.dataset), lang),
            self.keys: panes.keys(lang),
            self.told_of_base: fit_view.notes(self.studio.notes(now.base), lang),
            self.prompt: gr.Textbox(placeholder=t(f"ft_cmp_{many}_hint", lang)),
            self.ask: gr.Button(t(f"ft_cmp_ask_{many}", lang), visible=not live),
            self.followed: now.followed,
        }

    def course(self, chat: Chat, now: Standing, who: Visitor) -> Update:
        """What changes as questions are asked and answered. Which panes there are is no part of it: an answer that
        comes late must not take back what was opened or closed meanwhile."""
        lang, live = who.lang, chat.live is not None
        update = self.answers(chat, now, lang)
        for pane, parts in enumerate(self.panes):
            update[parts.proof] = panes.proof(chat, pane, now, lang)
            update[parts.tools] = panes.tools(chat, pane, now, who.strength(pane), lang)
        return update | {
            self.key: chat.id,
            self.said: panes.said(chat, now, lang),
            self.ask: gr.Button(visible=not live),
            self.halt: gr.Button(visible=live),
            self.retry: gr.Button(interactive=bool(chat.turns) and not live),
        }

    def _frame(self, pane: int, now: Standing, who: Visitor) -> Update:
        """Whether a pane is there, and whose it is."""
        parts, lang = self.panes[pane], who.lang
        tuned = ["tuned"] if panes.is_tuned(pane, now) else []
        closed = OFF if pane > TUNED and now.picks[pane - 1] is None else []
        update: Update = {
            parts.column: gr.Column(elem_classes=["ft-pane", *tuned, *closed]),
            parts.head: panes.head(pane, now, lang),
        }
        if parts.picker is not None:
            choices = [(panes.label(one, lang), one.key) for one in now.choices(pane)]
            choices = choices if pane == TUNED else [(t("ft_base", lang), BASE_KEY), *choices]
            pick = now.picks[pane - 1]
            # Only a new choice is sent, as a redraw may come late, too.
            chosen = {"value": pick} if pick != who.sent[pane - 1] else {}
            update[parts.picker] = gr.Dropdown(choices=choices, visible=pane != TUNED or pick is not None, **chosen)
        return update

    def answers(self, chat: Chat, now: Standing, lang: str) -> Update:
        """The part of the view that changes with every word."""
        return {
            component: value
            for pane, parts in enumerate(self.panes)
            for component, value in (
                (parts.talk, panes.talk(chat, pane, now, lang)),
                (parts.foot, panes.foot(chat, pane, lang)),
            )
        }
