"""What there is to say of a base model stands under its choice on Train, and in its pane on Compare."""

from __future__ import annotations

import ast
import inspect
import time
from pathlib import Path

from gradio.utils import deep_hash
from pages import handler, pairs
from test_ui_compare import Visitor, selected, studio, tab  # noqa: F401

from ftchat.data import DatasetStore, Source, read
from ftchat.engine import template
from ftchat.events import RunQueued
from ftchat.records import STARTER, RunConfig
from ftchat.ui.compare_tab import CompareTab
from ftchat.ui.form_view import FIELDS
from ftchat.ui.page import build_page
from ftchat.ui.studio import Studio
from ftchat.ui.texts.chinese import NOTES
from ftchat.worker import Worker

ENGLISH, CHINESE = "This model has no chat template, so ftchat&#x27;s plain", "这个模型没有对话模板"


def test_a_base_that_is_chosen_for_training_says_what_there_is_to_know(
    home: Path, worker: Worker, models: dict[str, Path]
) -> None:
    page, base = build_page(home, worker), str(models["llama_without_template"])
    look, draw = handler(page, "look_ahead"), handler(page, "draw_ahead")
    form = ("other", base, "quick", "auto", "", *[""] * len(FIELDS), "")
    before = look(None, None, base, "", 0.0, *form)
    assert draw(before, "en")[0].startswith('<p class="ft-why">') and ENGLISH in draw(before, "en")[0]
    assert CHINESE in draw(before, "zh")[0]
    dataset = DatasetStore(home).put(read([Source.from_text(pairs(4))]), "four").hash
    ahead = look(dataset, None, base, "", 0.0, *form)
    assert ahead.found is not None and ENGLISH in draw(ahead, "en")[0]
    assert deep_hash(ahead) != deep_hash(before)  # by which Gradio tells whether to draw again
    ahead = look(dataset, None, STARTER, "", 0.0, STARTER, "", *form[2:])
    assert ahead.found is not None and draw(ahead, "en")[0] == ""
    assert draw(look(dataset, None, STARTER, "", 0.0, *form), "en")[0] == ""  # not chosen yet


def test_a_base_that_has_answered_says_it_in_its_pane(
    tab: CompareTab,  # noqa: F811
    studio: Studio,  # noqa: F811
    models: dict[str, Path],
) -> None:
    run = studio.runs.create(RunConfig("young", "data", base=str(models["llama_without_template"])))
    with run.hold():
        run.append(RunQueued())
        visitor = Visitor(tab, run.id)
        visitor.take(tab.redraw("", *visitor.who))
        assert visitor.text(tab.told_of_base) == ""
        outline, _ = tab.refresh(visitor.key, *visitor.who)
        visitor.ask("hi")
        until = time.monotonic() + 60
        while studio.notes(run.config.base) is None:
            assert time.monotonic() < until
            time.sleep(0.05)
        assert tab.refresh(visitor.key, *visitor.who)[0] != outline
        visitor.take(tab.redraw(visitor.key, *visitor.who))
        assert "User: / Assistant:" in visitor.text(tab.told_of_base)
        assert CHINESE in tab.redraw(visitor.key, *selected(run.id, lang="zh"))[tab.told_of_base]
        assert tab.redraw(visitor.key, *selected())[tab.told_of_base] == ""  # the starter


def test_all_that_the_engine_says_of_a_base_has_its_chinese() -> None:
    calls = [node for node in ast.walk(ast.parse(inspect.getsource(template))) if isinstance(node, ast.Call)]
    said = [call.args[0].value for call in calls if ast.unparse(call.func) == "self.notes.append"]
    assert said and set(said) == set(NOTES)
