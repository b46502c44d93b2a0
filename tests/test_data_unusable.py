"""Rows that cannot be trained on are named and left out, and the others are read."""

import pytest
from test_data_shapes import moss, reading, turn

REFUSED = {
    "empty answer": ({"prompt": "a", "completion": " "}, "empty_answer"),
    "null answer": ({"prompt": "a", "completion": None}, "empty_answer"),
    "empty prompt": ({"prompt": "", "completion": "b"}, "empty_prompt"),
    "no answer column": ({"prompt": "a"}, "not_a_pair"),
    "no prompt column": ({"completion": "a"}, "not_a_pair"),
    "nothing known": ({"a1": 1, "b1": 2}, "not_a_pair"),
    "empty object": ({}, "not_a_pair"),
    "number": (5, "not_a_pair"),
    "null": (None, "not_a_pair"),
    "list": ([], "not_a_pair"),
    "preference": ({"prompt": "a", "chosen": "b", "rejected": "c"}, "preference"),
    "images": ({"prompt": "a", "completion": "b", "images": ["x.png"]}, "images"),
    "videos": ({"prompt": "a", "completion": "b", "videos": ["x.mp4"]}, "images"),
    "marked as bad": ({"prompt": "a", "completion": "b", "label": False}, "preference"),
    "image part": ({"messages": [turn("user", [{"type": "image_url"}]), turn("assistant", "x")]}, "images"),
    "tool calls": ({"messages": [turn("user", "a"), turn("assistant", None, tool_calls=[{"id": 1}])]}, "tool_calls"),
    "tool role": ({"messages": [turn("user", "a"), turn("tool", "b"), turn("assistant", "c")]}, "tool_calls"),
    "a command": ({"chat": {"turn_1": moss('Search("Ulm")')}}, "tool_calls"),
    "unknown role": ({"messages": [turn("user", "a"), turn("wizard", "b")]}, "not_a_pair"),
    "no assistant": ({"messages": [turn("user", "a")]}, "not_a_pair"),
    "no user": ({"messages": [turn("assistant", "a")]}, "not_a_pair"),
    "no messages": ({"messages": []}, "not_a_pair"),
    "empty turn": ({"messages": [turn("user", ""), turn("assistant", "a")]}, "empty_prompt"),
    "empty reply": ({"messages": [turn("user", "a"), turn("assistant", "")]}, "empty_answer"),
}


@pytest.mark.parametrize(("row", "kind"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_used_is_named(row, kind):
    good = {"prompt": "hi", "completion": "hello"}
    found = reading(good, row, good)
    assert [(p.row, p.kind) for p in found.report.problems if p.severity == "error"] == [(2, kind)]
    assert len(found.examples) == 2
