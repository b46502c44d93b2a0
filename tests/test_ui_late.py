"""An answer that comes late takes back nothing that was done on the page meanwhile: what is no news is not sent."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from chats import finished
from pages import handler, last, pairs, picked

from ftchat.records import STARTER
from ftchat.runs import RunStore

LEFT = gr.skip()


def bring(page: gr.Blocks, text: str) -> str:
    return last(handler(page, "from_paste")(text, None, "en"))[0]


def test_a_paste_that_is_refused_leaves_the_data_that_came_meanwhile(page: gr.Blocks) -> None:
    for before in (None, bring(page, pairs(3))):
        assert last(handler(page, "from_paste")("[", before, "en"))[0] == LEFT


def test_another_version_of_the_data_leaves_the_pair_that_is_looked_at_and_the_words_that_are_sought(
    page: gr.Blocks,
) -> None:
    chosen = bring(page, pairs(9))
    draw, renew = handler(page, "draw_new"), handler(page, "renew")
    assert draw(chosen, STARTER, "en", 7, chosen)[0] == LEFT
    assert draw(chosen, STARTER, "en", 7, "f" * 16)[0] == 0
    assert renew(chosen, "en", "question", 0, chosen)[1] == LEFT
    assert renew(chosen, "en", "question", 0, "f" * 16)[1] == ""


def test_a_choice_in_the_list_of_runs_leaves_the_others(home: Path, page: gr.Blocks) -> None:
    first, second = (finished(RunStore(home), name) for name in ("first", "second"))
    assert handler(page, "go")((second.id,), "en", picked(open=first.id))[-1] == LEFT
    assert handler(page, "remove")((first.id,), second.id, 1, "en")[1] == LEFT


def test_new_data_opens_the_settings_and_never_closes_them(home: Path, page: gr.Blocks) -> None:
    run, other = finished(RunStore(home), "first"), bring(page, pairs(4))
    fresh = handler(page, "other_data")
    assert fresh(run.id, other, run.config.dataset) == (True, other)
    assert fresh(run.id, other, None) == fresh(None, other, None) == (LEFT, other)


def test_a_base_that_is_not_named_or_not_here_leaves_the_one_that_is_chosen(page: gr.Blocks) -> None:
    name_base, choose_origin = handler(page, "name_base"), handler(page, "choose_origin")
    assert name_base("other", " ", "en") == LEFT
    assert name_base(STARTER, "", "en") == STARTER
    assert choose_origin("", "en")[0] == LEFT
