"""The Compare tab: what the panes show of a chat, who can be asked, and asking for real."""

from __future__ import annotations

import asyncio
import re
import string
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from test_ui_duet import answered, done

from ftchat.data import DatasetStore, Source, read
from ftchat.errors import ConfigError
from ftchat.events import ReplyToken, RunFinished, RunQueued, RunStarted, StepLogged
from ftchat.records import STARTER, Example, Message, RunConfig, Sampling
from ftchat.runs import Run, RunStore
from ftchat.ui import compare_tab, panes
from ftchat.ui.asking import MOST_CHARACTERS, check_sampling, check_text, compare_endpoint
from ftchat.ui.duet import BASE, TUNED, Chat
from ftchat.ui.standing import Standing, standing, suggestions
from ftchat.ui.studio import Shell, Studio
from ftchat.ui.texts import TEXTS, t
from ftchat.ui.texts.compare import TEXTS as WORDS
from ftchat.worker import Worker

LANGUAGES = ("en", "zh")
MARKUP = (
    "<img src=http://x> ![](http://x) <form action=http://x><button>go</button></form><script>bad()</script>"
    ' [a](http://x) &lt;b&gt; &amp; <b onclick="bad()">bold</b> a < b && c > d\n\n    indented\t`code`'
)


def now_with(run: str | None) -> Standing:
    return Standing(STARTER, run, ((run, "support"),) if run else (), run, None)


# -- panes ---------------------------------------------------------------------


class Seen(HTMLParser):
    """The tags, the attributes' names and the text of a piece of HTML."""

    def __init__(self, source: str):
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_models_and_users_write_stays_text(lang: str) -> None:
    chat, now = Chat("c"), now_with("r1")
    answered(chat, MARKUP, text=MARKUP)
    chat.refuse(MARKUP, STARTER, "r1", MARKUP)
    named = Standing("/models/" + MARKUP, "r1", (("r1", MARKUP),), "r1", None)
    drawn = [panes.talk(chat, pane, now, lang) for pane in (BASE, TUNED)]
    drawn += [panes.said(chat, lang), panes.base_head(chat, named, lang), panes.talk(Chat("c"), TUNED, named, lang)]
    drawn += [panes.chips(suggestions([Example((Message("user", MARKUP), Message("assistant", "x")))], ()), lang)]
    for source in drawn:
        seen = Seen(source)
        assert seen.tags <= {"div", "p", "span", "b", "h2", "button", "svg", "path", "rect", "circle"}
        assert not {name for name in seen.attributes if name.startswith("on")} | seen.attributes & {"src", "href"}
    assert Seen(drawn[0]).text.count(MARKUP) == 4


def test_a_growing_answer_only_adds_to_what_is_sent() -> None:
    chat, now = Chat("c"), now_with("r1")
    answered(chat, "first", text="whole")
    request = chat.ask("second", STARTER, "r1", Sampling())
    sent = panes.talk(chat, BASE, now, "en")
    for count, text in enumerate(("Hello", " <b>", " & ", "you")):
        chat.fold(ReplyToken(request=request.id, pane=BASE, text=text, tokens=count + 1))
        grown = panes.talk(chat, BASE, now, "en")
        assert grown.startswith(sent) and len(grown) - len(sent) <= 5 * len(text)
        sent = grown
    chat.fold(done(request, BASE, "Hello <b> & you"))
    assert panes.talk(chat, BASE, now, "en").startswith(sent)


def test_proof_is_shown_once_it_is_true_and_only_then() -> None:
    chat, now = Chat("c"), now_with("r1")
    request = chat.ask("hi", STARTER, "r1", Sampling())
    assert panes.tuned_proof(chat, now, "en") == "" and t("ft_cmp_unchanged", "en") not in panes.base_head(
        chat, now, "en"
    )
    chat.fold(done(request, BASE, "a"))
    chat.fold(done(request, TUNED, "b"))
    proof = Seen(panes.tuned_proof(chat, now, "en")).text
    assert "adapter answered" in proof and "Δ 0.84" in proof
    assert t("ft_cmp_unchanged", "en") in panes.base_head(chat, now, "en")
    assert panes.tuned_proof(chat, now_with("r2"), "en") == ""  # another adapter was chosen since


@pytest.mark.parametrize("fault", [{"adapter": None}, {"adapter": "r9"}, {"adapter_norm": 0.0}])
def test_an_adapter_without_effect_is_called_that(fault: dict[str, Any]) -> None:
    chat = Chat("c")
    request = chat.ask("hi", STARTER, "r1", Sampling())
    chat.fold(done(request, TUNED, "b", **fault))
    assert t("ft_cmp_no_effect", "en") in panes.tuned_proof(chat, now_with("r1"), "en")


def test_a_base_pane_that_an_adapter_answered_is_not_called_unchanged() -> None:
    chat = Chat("c")
    request = chat.ask("hi", STARTER, None, Sampling())
    chat.fold(done(request, BASE, "b", adapter="r1"))
    assert t("ft_cmp_unchanged", "en") not in panes.base_head(chat, now_with(None), "en")


@pytest.mark.parametrize(
    ("stop", "words"), [("eos", "ended by itself"), ("length", "length limit"), ("stopped", "stopped")]
)
def test_the_line_under_a_pane_says_how_the_reply_went(stop: str, words: str) -> None:
    chat = Chat("c")
    request = chat.ask("hi", STARTER, "r1", Sampling())
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
    nobody, soon = now_with(None), Standing(STARTER, None, (), None, run)
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


# -- standing ------------------------------------------------------------------


def step(number: int) -> StepLogged:
    numbers = {
        "loss": 1.0,
        "learning_rate": 1e-4,
        "grad_norm": 1.0,
        "epoch": 1.0,
        "tokens_per_second": 9.0,
        "memory": 1,
    }
    return StepLogged(step=number, **numbers)


def finished(runs: RunStore, name: str, base: str = STARTER, dataset: str = "data") -> Run:
    run = runs.create(RunConfig(name, dataset, base))
    run.append(RunQueued())
    run.append(RunStarted(total_steps=2, base=base, method="lora"))
    end(run)
    return run


def end(run: Run) -> None:
    run.append(RunFinished(steps=2, train_loss=0.1, seconds=1.0, tokens_per_second=9.0, peak_memory=1))


def test_without_runs_the_base_can_be_asked(home: Path) -> None:
    assert standing(RunStore(home), None, None, None) == Standing(STARTER, None, (), None, None)


def test_the_pane_changes_to_the_selected_run_when_it_ends(home: Path) -> None:
    runs = RunStore(home)
    old = finished(runs, "old")
    new = runs.create(RunConfig("new", "data"))
    with new.hold():
        new.append(RunQueued())
        now = standing(runs, new.id, None, None)
        assert (now.run, now.waiting, now.followed) == (old.id, new, None)
        end(new)
    now = standing(runs, new.id, now.run, now.followed)
    assert (now.run, now.waiting, now.followed) == (new.id, None, new.id)
    assert set(now.usable) == {(old.id, "old"), (new.id, "new")}
    assert standing(runs, new.id, old.id, now.followed).run == old.id  # the visitor's own choice stays


def test_the_base_is_that_of_the_adapter_else_of_the_run_to_come(home: Path) -> None:
    runs = RunStore(home)
    waiting = runs.create(RunConfig("new", "data", "/models/small"))
    with waiting.hold():
        waiting.append(RunQueued())
        assert standing(runs, waiting.id, None, None).base == "/models/small"
        usable = finished(runs, "done", "/models/other")
        assert standing(runs, waiting.id, usable.id, None).base == "/models/other"


def test_an_adapter_that_is_gone_gives_way_to_the_newest(home: Path) -> None:
    runs = RunStore(home)
    run = finished(runs, "one")
    assert standing(runs, "gone", "gone too", None).run == run.id


def test_suggestions_are_short_first_questions_spread_over_the_data() -> None:
    def pair(question: str, *before: Message) -> Example:
        return Example((*before, Message("user", question), Message("assistant", "yes")))

    long, later = pair("x" * 500), pair("and then?", Message("user", "hi"), Message("assistant", "hello"))
    under = pair("with rules", Message("system", "Be brief."))
    found = suggestions([long, later, under, *(pair(f"q{n}") for n in range(59)), pair("q3")], ())
    assert len(found) == 6 and found[0].question == "with rules" and found[0].system == "Be brief."
    assert found[-1].question == "q49" and not any(one.held_out for one in found)


# -- asking --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ((2.5, 64, 0), "temperature"),
        ((float("nan"), 64, 0), "temperature"),
        ((None, 64, 0), "temperature"),
        ((0.5, 0, 0), "answer"),
        ((0.5, 10**9, 0), "answer"),
        ((0.5, 12.5, 0), "answer"),
        ((0.5, 64, None), "seed"),
        ((0.5, 64, -1), "seed"),
        ((0.5, 64, 2**40), "seed"),
    ],
)
def test_settings_out_of_range_are_refused_in_words(settings: tuple[Any, Any, Any], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        check_sampling(*settings, "en")


def test_texts_are_trimmed_and_bounded() -> None:
    assert check_sampling(0, 64.0, 7.0, "en") == Sampling(0.0, 64, 7)
    assert check_text(None, "en") == "" and check_text("  hi \n", "en") == "hi"
    with pytest.raises(ConfigError, match="8001"):
        check_text("x" * (MOST_CHARACTERS + 1), "zh")


@pytest.fixture
def studio(home: Path, worker: Worker) -> Studio:
    return Studio(home, worker, DatasetStore(home), RunStore(home))


def test_the_endpoint_asks_the_base_where_no_run_can_answer(studio: Studio) -> None:
    answer = compare_endpoint(studio)("Who are you?", max_new_tokens=24)
    assert answer["tuned"] is None
    assert answer["base"]["text"] and answer["base"]["tokens"] <= 24
    assert answer["base"]["adapter"] is None and answer["base"]["adapter_norm"] == 0
    assert compare_endpoint(studio)("Who are you?", max_new_tokens=24)["base"]["text"] == answer["base"]["text"]


@pytest.mark.parametrize(
    ("prompt", "run", "words"), [(" ", "", "empty"), ("hi", "nobody", "nobody"), ("hi", "young", "queued")]
)
def test_the_endpoint_refuses_in_a_sentence(studio: Studio, prompt: str, run: str, words: str) -> None:
    young = studio.runs.create(RunConfig("young", "data"))
    with young.hold(), pytest.raises(gr.Error, match=words):
        young.append(RunQueued())
        compare_endpoint(studio)(prompt, run)


class Visitor:
    """Drives the tab's own handlers, as one visitor's page does."""

    def __init__(self, tab: compare_tab.CompareTab, run: str | None = None):
        self.tab, self.key, self.run = tab, "", run
        self.shown: dict[Any, Any] = {}

    def take(self, update: dict[Any, Any]) -> None:
        self.shown |= update
        self.key = self.shown[self.tab.key]

    def ask(self, question: str, again: bool = False, system: str = "") -> int:
        """One question from the click to the end; gives the number of pictures in between."""

        async def whole() -> int:
            who = ("en", self.run, None, None, None)
            begin = self.tab.begin_again if again else self.tab.begin
            self.take(await begin(question, self.key, *who, 0.0, 12, 7, False, system))
            pictures = 0
            async for update in self.tab.stream(self.key, *who):
                self.take(update)
                pictures += 1
            self.take(await self.tab.finish(self.key, *who))
            return pictures

        return asyncio.run(whole())

    def text(self, component: Any) -> str:
        return Seen(self.shown[component]).text


@pytest.fixture
def tab(studio: Studio) -> compare_tab.CompareTab:
    with gr.Blocks(), gr.Tabs() as tabs, gr.Tab("Compare"):
        lang, nothing = gr.Textbox(), [gr.State() for _ in range(3)]
        return compare_tab.build(studio, Shell(lang, *nothing, tabs, gr.Timer()))


def test_a_question_streams_and_ends_with_its_proof(tab: compare_tab.CompareTab) -> None:
    visitor, other = Visitor(tab), Visitor(tab)
    assert visitor.ask("Who are you?") >= 1
    assert tab.chats.open(visitor.key).last.answers[BASE].text in visitor.text(tab.base_talk)
    assert "tokens" in visitor.text(tab.base_foot) and t("ft_cmp_unchanged", "en") in visitor.text(tab.base_head)
    other.ask("What is the capital of France?")
    assert "Who are you?" not in other.text(tab.base_talk) and other.key != visitor.key
    first = tab.chats.open(visitor.key).last.answers[BASE].text
    visitor.ask("a draft", again=True)
    turns = tab.chats.open(visitor.key).turns
    assert [turn.question for turn in turns] == ["Who are you?"] and turns[0].answers[BASE].text == first
    visitor.take(asyncio.run(tab.forget(visitor.key, "en", None, None, None, None)))
    assert "Who are you?" not in visitor.text(tab.base_talk)


def test_a_model_that_cannot_answer_says_so_in_the_pane_and_the_question_comes_back(
    tab: compare_tab.CompareTab, studio: Studio
) -> None:
    run = finished(studio.runs, "lost", base="/nowhere/at-all")
    visitor = Visitor(tab, run.id)
    visitor.ask("Hello?")
    assert tab.chats.open(visitor.key).failed
    assert "/nowhere/at-all" in visitor.text(tab.tuned_talk) and visitor.shown[tab.prompt] == "Hello?"


def test_bad_settings_are_told_in_the_pane(tab: compare_tab.CompareTab) -> None:
    async def begin() -> Any:
        return await tab.begin("Hi", "", "en", None, None, None, None, 0.5, 64, None, False, "")

    update = asyncio.run(begin())
    assert t("ft_cmp_bad_seed", "en") in Seen(update[tab.base_talk]).text and update[tab.prompt] == "Hi"
    assert update[tab.asked] is None


def test_the_chips_are_of_the_data_at_hand(tab: compare_tab.CompareTab, studio: Studio) -> None:
    pairs = b'{"prompt": "Where is my parcel?", "completion": "On its way."}\n{"prompt": "Hi", "completion": "Hello"}\n'
    data = studio.datasets.put(read([Source("two.jsonl", pairs)]), "two")
    assert "Where is my parcel?" in tab.redraw("", "en", None, data.hash, None, None)[tab.chips]
    run = finished(studio.runs, "two", dataset=data.hash)
    assert "Where is my parcel?" in tab.redraw("", "zh", run.id, None, None, None)[tab.chips]
