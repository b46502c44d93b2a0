"""Conversations that are written out in one text, as other trainers want them."""

import json

import pytest

from ftchat.data import Source, read
from ftchat.data.rendered import turns_in

LONG = [("user", "What is a cow?"), ("assistant", "An animal."), ("user", "And a car?"), ("assistant", "A machine.")]
KIND = [("system", "Be kind."), *LONG[:2]]

TEXTS = {
    "### Human: What is a cow?### Assistant: An animal.### Human: And a car?### Assistant: A machine.": LONG,
    "<s>[INST] What is a cow? [/INST] An animal. </s><s>[INST] And a car? [/INST] A machine. </s>": LONG,
    "<s>[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\nWhat is a cow? [/INST] An animal. </s>": KIND,
    "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nWhat is a cow?<|im_end|>\n"
    "<|im_start|>assistant\nAn animal.<|im_end|>\n": KIND,
    "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe kind.<|eot_id|>"
    "<|start_header_id|>user<|end_header_id|>\n\nWhat is a cow?<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\nAn animal.<|eot_id|>": KIND,
    "<bos><start_of_turn>user\nWhat is a cow?<end_of_turn>\n<start_of_turn>model\nAn animal.<end_of_turn>": LONG[:2],
    "<|system|>\nBe kind.</s>\n<|user|>\nWhat is a cow?</s>\n<|assistant|>\nAn animal.</s>": KIND,
    "Be kind.\n\n### Instruction:\nWhat is a cow?\n\n### Response:\nAn animal.": KIND,
    "### Instruction:\nWhat is\n\n### Input:\na cow?\n\n### Response:\nAn animal.": [
        ("user", "What is\na cow?"),
        ("assistant", "An animal."),
    ],
    "问题: 牛是什么？\n答案: 一种动物。": [("user", "牛是什么？"), ("assistant", "一种动物。")],
    "User: What is a cow?\nAssistant: An animal.\nUser: And a car?\nAssistant: A machine.": LONG,
}


@pytest.mark.parametrize("text", TEXTS)
def test_it_is_read_turn_by_turn(text):
    rows = "".join(json.dumps({"id": n, "text": text}) + "\n" for n in range(2)).encode()
    found = read([Source("file", rows)])
    assert [[(m.role, m.content) for m in e.messages] for e in found.examples] == [TEXTS[text]] * 2
    assert any(p.kind == "columns" and "'text'" in p.message for p in found.report.problems)


@pytest.mark.parametrize(
    "text",
    [
        "A cow is an animal.",
        "### Notes:\nnone",
        "Question: which?",
        "Answer: yes\nQuestion: no",
        "http://a.b: user",
        "",
    ],
)
def test_other_texts_are_none(text):
    assert turns_in(text) is None


def test_a_prompt_that_shows_pairs_is_no_conversation():
    shown = {"prompt": "Q: hot\nA: cold\nQ: up\nA:", "reference_solution": "down, of course it is"}
    (example,) = read([Source("file", json.dumps(shown).encode())]).examples
    assert (example.prompt, example.completion) == (shown["prompt"], shown["reference_solution"])


def test_a_row_that_is_not_like_the_others_is_named():
    texts = ["User: hi\nBot: hello", "User: bye\nBot: see you", "nothing of the kind"]
    rows = "".join(json.dumps({"text": text}) + "\n" for text in texts).encode()
    found = read([Source("file", rows)])
    assert found.report.examples == 2
    assert [p.row for p in found.report.problems if p.severity == "error"] == [3]
