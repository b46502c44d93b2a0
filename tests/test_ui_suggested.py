"""What the data suggests to ask."""

from __future__ import annotations

from ftchat.records import Example, Message
from ftchat.ui.suggested import suggestions


def test_suggestions_are_short_first_questions_spread_over_the_data() -> None:
    def pair(question: str, *before: Message) -> Example:
        return Example((*before, Message("user", question), Message("assistant", "yes")))

    long, later = pair("x" * 500), pair("and then?", Message("user", "hi"), Message("assistant", "hello"))
    under = pair("with rules", Message("system", "Be brief."))
    found = suggestions([long, later, under, *(pair(f"q{n}") for n in range(59)), pair("q3")], ())
    assert len(found) == 6 and found[0].question == "with rules" and found[0].system == "Be brief."
    assert found[-1].question == "q49" and not any(one.held_out for one in found)
