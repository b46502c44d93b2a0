"""The panes of the Compare tab: what they show of a chat."""

from __future__ import annotations

import re
import string
from pathlib import Path
from typing import Any

import pytest
from chats import Seen, step
from test_ui_duet import answered, both, done

from ftchat.events import ReplyToken, RunQueued, RunStarted
from ftchat.records import STARTER, Example, Message, RunConfig, Sampling
from ftchat.runs import RunStore
from ftchat.ui import panes
from ftchat.ui.duet import BASE, TUNED, Chat
from ftchat.ui.standing import Standing
from ftchat.ui.suggested import suggestions
from ftchat.ui.texts import TEXTS, t
from ftchat.ui.texts.compare import TEXTS as WORDS
from ftchat.ui.voices import Option, Speaker

LANGUAGES = ("en", "zh")
MARKUP = (
    "<img src=http://x> ![](http://x) <form action=http://x><button>go</button></form><script>bad()</script>"
    ' [a](http://x) &lt;b&gt; &amp; <b onclick="bad()">bold</b> a < b && c > d\n\n    indented\t`code`'
)


def now_with(run: str | None, name: str = "support", base: str = STARTER) -> Standing:
    return Standing(base, (run, None, None), (Option(name, base, run),) if run else (), run)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_models_and_users_write_stays_text(lang: str) -> None:
    chat, now = Chat("c"), now_with("r1")
    answered(chat, MARKUP, text=MARKUP)
    chat.refuse(MARKUP, both(), MARKUP)
    named = now_with("r1", MARKUP, "/models/" + MARKUP)
    drawn = [panes.talk(chat, pane, now, lang) for pane in (BASE, TUNED)]
    drawn += [panes.said(chat, named, lang), panes.head(BASE, named, lang), panes.talk(Chat("c"), TUNED, named, lang)]
    drawn += [panes.tools(chat, pane, named, 0.5, lang) for pane in (BASE, TUNED, 2)]
    drawn += [panes.chips(suggestions([Example((Message("user", MARKUP), Message("assistant", "x")))], ()), lang)]
    for source in drawn:
        seen = Seen(source)
        assert seen.tags <= {"div", "p", "span", "b", "h2", "button", "svg", "path", "rect", "circle"}
        assert not {name for name in seen.attributes if name.startswith("on")} | seen.attributes & {"src", "href"}
    assert Seen(drawn[0]).text.count(MARKUP) == 4


def test_nothing_stands_where_stop_stood_when_a_reply_ends() -> None:
    chat, now = Chat("c"), Standing(STARTER, ("r1", "r1", None), (Option("support", STARTER, "r1"),), "r1")

    def places(pane: int) -> list[str]:
        drawn = panes.tools(chat, pane, now, 1.0, "en")
        return [does for _, does in re.findall(r'<(span|button)(?:[^>]*?data-do="(\w+)")?', drawn)]

    chat.ask("first", both(), Sampling())
    during = [places(pane) for pane in (BASE, TUNED)]
    chat.end()
    for before, after in zip(during, map(places, (BASE, TUNED)), strict=True):
        assert after[before.index("stop")] == "" and len(after) == len(before)
        assert before[after.index("again")] == before[after.index("erase")] == ""


def test_a_pane_without_a_model_has_no_places_for_tools() -> None:
    chat, nobody = Chat("c"), now_with(None)
    answered(chat, "hi")
    assert "no adapter yet" in panes.proof(chat, TUNED, nobody, "en")
    assert panes.tools(chat, TUNED, nobody, 1.0, "en") == "" != panes.tools(chat, BASE, nobody, 1.0, "en")
    assert panes.tools(chat, TUNED, now_with("r1"), 1.0, "en") != ""


def test_a_growing_answer_only_adds_to_what_is_sent() -> None:
    chat, now = Chat("c"), now_with("r1")
    answered(chat, "first", text="whole")
    request = chat.ask("second", both(), Sampling())
    sent = panes.talk(chat, BASE, now, "en")
    for count, text in enumerate(("Hello", " <b>", " & ", "you")):
        chat.fold(ReplyToken(request=request.id, pane=BASE, text=text, tokens=count + 1))
        grown = panes.talk(chat, BASE, now, "en")
        assert grown.startswith(sent) and len(grown) - len(sent) <= 5 * len(text)
        sent = grown
    chat.fold(done(request, BASE, "Hello <b> & you"))
    assert panes.talk(chat, BASE, now, "en").startswith(sent)


def test_an_answer_of_another_model_than_the_head_names_says_so() -> None:
    chat = Chat("c")
    answered(chat, "asked before the adapter was changed")
    for run, marked in (("r1", 0), ("r2", 1)):
        assert panes.talk(chat, TUNED, now_with(run), "en").count("Answered by another adapter") == marked
        assert "another" not in panes.talk(chat, BASE, now_with(run), "en")


def test_proof_is_shown_once_it_is_true_and_only_then() -> None:
    chat, now = Chat("c"), now_with("r1")
    request = chat.ask("hi", both(), Sampling())
    assert panes.proof(chat, TUNED, now, "en") == "" == panes.proof(chat, BASE, now, "en")
    chat.fold(done(request, BASE, "a"))
    chat.fold(done(request, TUNED, "b"))
    proof = Seen(panes.proof(chat, TUNED, now, "en")).text
    assert "adapter answered" in proof and "Δ 0.84" in proof and "2.31" in proof
    assert t("ft_cmp_unchanged", "en") in panes.proof(chat, BASE, now, "en")
    assert panes.proof(chat, TUNED, now_with("r2"), "en") == ""  # another adapter was chosen since


def test_at_strength_nothing_an_adapter_is_not_blamed_for_having_no_effect() -> None:
    chat = Chat("c")
    request = chat.ask("hi", both() | {TUNED: Speaker(STARTER, "r1", strength=0.0)}, Sampling())
    chat.fold(done(request, TUNED, "b", adapter_norm=0.0))
    assert t("ft_cmp_zero", "en") in panes.proof(chat, TUNED, now_with("r1"), "en")
    assert t("ft_cmp_at", "en", strength="0") in panes.talk(chat, TUNED, now_with("r1"), "en")


@pytest.mark.parametrize("fault", [{"adapter": None}, {"adapter": "r9"}, {"adapter_norm": 0.0}])
def test_an_adapter_without_effect_is_called_that(fault: dict[str, Any]) -> None:
    chat = Chat("c")
    request = chat.ask("hi", both(), Sampling())
    chat.fold(done(request, TUNED, "b", **fault))
    assert t("ft_cmp_no_effect", "en") in panes.proof(chat, TUNED, now_with("r1"), "en")


def test_a_base_pane_that_an_adapter_answered_is_not_called_unchanged() -> None:
    chat = Chat("c")
    request = chat.ask("hi", both(None), Sampling())
    chat.fold(done(request, BASE, "b", adapter="r1"))
    assert t("ft_cmp_unchanged", "en") not in panes.proof(chat, BASE, now_with(None), "en")


@pytest.mark.parametrize(
    ("stop", "words"), [("eos", "ended by itself"), ("length", "length limit"), ("stopped", "stopped")]
)
def test_the_line_under_a_pane_says_how_the_reply_went(stop: str, words: str) -> None:
    chat = Chat("c")
    request = chat.ask("hi", both(), Sampling())
    assert "waiting" in panes.foot(chat, BASE, "en")
    chat.fold(ReplyToken(request=request.id, pane=BASE, text="x", tokens=1))
    assert Seen(panes.foot(chat, BASE, "en")).text == "1 tokenanswering…"
    chat.fold(done(request, BASE, "x", stop=stop))
    assert Seen(panes.foot(chat, BASE, "en")).text == f"9 tokens0.62 sfirst word 0.09 s{words}"


def test_only_the_last_turns_are_drawn() -> None:
    chat, now = Chat("c"), now_with(None)
    for number in range(panes.SHOWN + 3):
        answered(chat, f"question {number}.", run=None)
    drawn = panes.talk(chat, BASE, now, "en")
    assert drawn.count('class="ft-turn"') == panes.SHOWN and "question 3." in drawn and "question 2." not in drawn
    assert t("ft_cmp_cut", "en") in drawn


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_tuned_pane_says_what_it_waits_for(lang: str, home: Path) -> None:
    run = RunStore(home).create(RunConfig("support", "data"))
    run.append(RunQueued())
    run.append(RunStarted(total_steps=100, base=STARTER, method="lora"))
    run.append(step(64))
    nobody, soon = now_with(None), Standing(waiting=run)
    with run.hold():
        assert "64" in panes.note(soon, lang) and "support" in panes.note(soon, lang)
        assert t("ft_cmp_soon_more", lang) in panes.talk(Chat("c"), TUNED, soon, lang)
    assert 'data-go="data"' in panes.talk(Chat("c"), TUNED, nobody, lang) and 'data-go="data"' in panes.note(
        nobody, lang
    )


def test_every_word_is_in_both_languages_with_the_same_blanks() -> None:
    blanks = [
        {name for _, name, _, _ in string.Formatter().parse(text) if name} for pair in WORDS.values() for text in pair
    ]
    assert blanks[::2] == blanks[1::2]
    assert all(en and zh and TEXTS[key] == (en, zh) for key, (en, zh) in WORDS.items())
    assert all(
        re.search("[\u4e00-\u9fff]", zh)
        for key, (_, zh) in WORDS.items()
        if "tokens" not in key and key != "ft_cmp_said"
    )
