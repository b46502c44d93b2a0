"""What is drawn of a run's sample replies."""

from __future__ import annotations

import re

import pytest
from chats import Seen
from hypothesis import given
from hypothesis import strategies as st
from pages import EVIL, LANGUAGES

from ftchat.events import SampleLogged
from ftchat.ui.watch import alike, watch


def sample(step: int, tuned: str, prompt: str = "Where?", whole: bool = True) -> SampleLogged:
    return SampleLogged(
        step=step, prompt=prompt, reference="On its way, captain!", base="I do not know.", tuned=tuned, whole=whole,
        held_out=True,
    )  # fmt: skip


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_question_is_shown_with_base_steps_and_reference(lang: str) -> None:
    drawn = watch([sample(4, "It is here.", whole=False), sample(8, "On its way, captain!")], lang)
    seen = Seen(drawn).text
    assert seen.index("I do not know.") < seen.index("It is here. …") < seen.index("On its way, captain!")
    assert re.findall(r">(\d+) %<", drawn)[-1] == "100" and "‹" not in drawn


def test_questions_are_turned_over_and_steps_are_few_with_the_last() -> None:
    many = [sample(step, f"answer {step}", prompt) for step in range(1, 31) for prompt in ("one", "two")]
    drawn = watch(many, "en")
    assert drawn.count('class="ft-asked"') == 2 and drawn.count(" hidden>") == 1 and "1 / 2" in drawn
    assert drawn.count("Step 30") + drawn.count("step 30") == 2 and len(re.findall(r"step \d+", drawn)) == 12


def test_what_models_and_data_say_stays_text() -> None:
    evil = SampleLogged(
        step=1, prompt=EVIL, reference=EVIL, base=EVIL, tuned=f"{EVIL} src", whole=False, held_out=False
    )
    assert "img" not in Seen(watch([evil], "en")).tags and EVIL in Seen(watch([evil], "en")).text
    assert watch([], "en") == ""


@given(st.text(), st.text())
def test_likeness_is_symmetric_and_whole_only_for_the_same_words(one: str, other: str) -> None:
    assert 0 <= alike(one, other) <= 1 and alike(one, other) == alike(other, one)
    assert alike(f"{one} word", f"{one} word") == 1 and alike("", other) == 0


def test_chinese_is_compared_by_characters() -> None:
    assert 0.5 < alike("可以退货，请寄回。", "可以退货，请在六十天内寄回。") < 1
