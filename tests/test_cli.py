"""The command line as its contract says: JSON alone on standard output, one plain line for bad input."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from test_train import PAIRS

ROOT = Path(__file__).parents[1]


def ftchat(*arguments: str | Path, input: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Runs one real command line."""
    return subprocess.run(
        [sys.executable, "-m", "ftchat", *map(str, arguments)], cwd=ROOT, input=input, capture_output=True, timeout=280
    )


def answer(*arguments: str | Path, input: bytes = b"") -> Any:
    """The one JSON value that a successful command prints."""
    done = ftchat(*arguments, input=input)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def refused(*arguments: str | Path, input: bytes = b"") -> str:
    """The one line of a command whose input is wrong."""
    done = ftchat(*arguments, input=input)
    assert done.returncode == 2, (done.returncode, done.stderr.decode())
    lines = done.stderr.decode().strip().splitlines()
    assert len(lines) == 1 and done.stdout == b"", lines
    return lines[0]


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "captain.jsonl"
    rows = ({"prompt": question, "completion": answer} for question, answer in PAIRS)
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_inspect_reports_rows_by_line_and_reason(tmp_path: Path) -> None:
    path = tmp_path / "faq.jsonl"
    path.write_text('{"prompt": "a", "completion": "b"}\n{"prompt": "c", "completion": ""}\n{oops\n')
    found = answer("inspect", path, "--json")
    assert (found["rows"], found["examples"], found["unused_rows"]) == (3, 1, 2)
    assert {(problem["line"], problem["kind"]) for problem in found["problems"] if problem["severity"] == "error"} == {
        (2, "empty_answer"),
        (3, "bad_json"),
    }
    assert found["counts"]["empty_answer"] == 1


def test_inspect_counts_the_tokens_of_a_base(pairs: Path) -> None:
    tokens = answer("inspect", pairs, "--base", "starter", "--json")["tokens"]
    assert set(tokens) == {"total", "trained", "max", "p50", "p95", "over_limit"}
    assert 0 < tokens["trained"] < tokens["total"] and tokens["p50"] <= tokens["p95"] <= tokens["max"]


def test_inspect_names_what_a_base_would_cut_or_lose(tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    rows = [("Hi", "Hello"), ("Count", "one two " * 2000), ("word " * 3000, "Yes")]
    path.write_text("".join(json.dumps({"prompt": prompt, "completion": text}) + "\n" for prompt, text in rows))
    found = answer("inspect", path, "--base", "starter", "--json")
    assert found["counts"] == {"answer_lost": 1, "too_long": 1, "very_long": 2}
    assert {(p["kind"], p["row"]) for p in found["problems"] if p["severity"] == "warning"} == {
        ("too_long", 2),
        ("answer_lost", 3),
    }
    assert found["tokens"]["over_limit"] == 2


def test_inspect_names_held_out_rows_that_are_also_trained_on(tmp_path: Path) -> None:
    train, held_out = tmp_path / "pairs.jsonl", tmp_path / "mine" / "pairs.jsonl"
    held_out.parent.mkdir()
    train.write_text('["a", "b"]\n["c", "d"]\n["a", "b"]\n')
    held_out.write_text('["x", "y"]\n["A", "b"]\n["c", ""]\n')
    found = answer("inspect", train, "--held-out", held_out, "--json")
    leaks = [problem for problem in found["problems"] if problem["kind"] == "leak"]
    assert [(leak["source"], leak["line"], leak["row"]) for leak in leaks] == [("pairs.jsonl (held out)", 2, 2)]
    assert found["counts"] == {"duplicate": 1, "empty_answer": 1, "leak": 1}
    assert (found["rows"], found["examples"], found["held_out"]) == (3, 3, {"rows": 3, "examples": 2})


def test_inspect_in_plain_words_groups_by_kind(tmp_path: Path) -> None:
    path = tmp_path / "faq.csv"
    path.write_text("prompt,answer\n" + "q,a\n" * 8 + "r,\n")
    lines = ftchat("inspect", path, "--near-duplicates").stdout.decode().splitlines()
    assert lines == [
        "csv, utf-8: 9 rows, 8 examples",
        "error empty_answer: 1 row",
        "  faq.csv line 10: the answer ('answer') is empty",
        "warning duplicate: 7 rows",
        *(f"  faq.csv line {line}: this is the same as line 2" for line in (3, 4, 5)),
        "  ... and 4 more; --json lists them all",
    ]


def test_inspect_reads_standard_input() -> None:
    assert answer("inspect", "-", "--json", input="问,答\n你好吗,很好\n".encode("gb18030"))["examples"] == 1


def test_train_then_compare_then_chat_then_runs(pairs: Path) -> None:
    settings = ["--set", "max_steps=60", "--set", "learning_rate=0.003"]
    trained = answer("train", pairs, "--preset", "quick", "--name", "captain", *settings, "--json")
    assert (trained["status"], trained["error"], trained["steps"]) == ("finished", None, 60)
    assert (trained["method"], trained["base"]) == ("lora", "starter")
    assert Path(trained["adapter"], "adapter_model.safetensors").exists()
    assert trained["tokens_per_second"] > 0 and trained["peak_memory_bytes"] > 0 and trained["train_loss"] > 0
    assert trained["eval_loss"] is None

    asked = [part for question, _ in PAIRS for part in ("--prompt", question)]
    done = ftchat("compare", "captain", *asked, "--json")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [reply["prompt"] for reply in found] == [question for question, _ in PAIRS]
    assert [reply["tuned"]["text"] for reply in found] == [reply["reference"] for reply in found]
    assert [reply["reference"] for reply in found] == [expected for _, expected in PAIRS]
    assert all(reply["base"]["text"] != reply["reference"] for reply in found)
    assert all(reply["tuned"]["stop"] == "eos" and reply["tuned"]["tokens"] > 3 for reply in found)

    talk = ftchat("chat", "captain", "--temperature", "0", input=f"{PAIRS[0][0]}\n".encode())
    assert talk.returncode == 0 and f"tuned: {PAIRS[0][1]}" in talk.stdout.decode()

    (row,) = answer("runs", "--json")
    assert (row["run"], row["name"], row["status"]) == (trained["run"], "captain", "finished")
    assert "captain" in refused("train", pairs, "--name", "captain")
    assert "held nothing out" in refused("compare", "captain", "--held-out")


def test_train_measures_on_a_file_of_ones_own_and_says_what_of_it_is_trained_on(pairs: Path, tmp_path: Path) -> None:
    held_out = tmp_path / "mine.jsonl"
    rows = [PAIRS[0], ("Is it far?", "Not far, captain!")]
    held_out.write_text("".join(json.dumps({"prompt": p, "completion": c}) + "\n" for p, c in rows))
    settings = ("--set", "max_steps=2", "--preset", "quick", "--json", "--name", "own")
    done = ftchat("train", pairs, "--held-out", held_out, *settings)
    assert done.returncode == 0 and b"1 of 2 held-out examples are also trained on" in done.stderr
    trained = json.loads(done.stdout)
    assert trained["eval_loss"] > 0 and not trained["checks"]["held_out_is_new"]
    (row,) = answer("runs", "--json")
    assert (row["dataset"], row["held_out"]) == (trained["dataset"], trained["held_out"]) and row["held_out"]
    asked = ftchat("compare", "own", "--held-out", "--max-new-tokens", "2", "--json").stdout.splitlines()
    assert [(json.loads(line)["prompt"], json.loads(line)["reference"]) for line in asked] == rows
    assert "mine.jsonl" in refused("train", pairs, "--held-out", tmp_path / "nowhere" / "mine.jsonl")


def test_ctrl_c_leaves_an_interrupted_run(pairs: Path) -> None:
    command = [sys.executable, "-m", "ftchat", "train", str(pairs), "--set", "max_steps=100000", "--json"]
    training = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    runs = Path(os.environ["FTCHAT_HOME"]) / "owners" / "local" / "runs"
    while not any("StepLogged" in path.read_text() for path in runs.glob("*/events.jsonl")):
        assert training.poll() is None
        time.sleep(0.2)
    training.send_signal(signal.SIGINT)
    output, _ = training.communicate(timeout=60)
    assert training.returncode == 130 and json.loads(output)["status"] == "interrupted"
    assert answer("runs", "--json")[0]["status"] == "interrupted"


@pytest.mark.parametrize("verb", ["inspect", "train"])
def test_ctrl_c_while_reading_says_that_nothing_was_kept(verb: str) -> None:
    reading = subprocess.Popen(
        [sys.executable, "-m", "ftchat", verb, "-"], cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert reading.stdin is not None and reading.stderr is not None
    reading.stdin.write(b"Q: hi\n" * 50_000)  # more than a pipe holds: when it is through, it is being read
    reading.stdin.flush()
    time.sleep(0.5)
    reading.send_signal(signal.SIGINT)
    try:
        assert reading.wait(30) == 130
    finally:
        reading.kill()
    assert reading.stderr.read().decode() == "ftchat: interrupted while reading; nothing was kept\n"


def test_the_first_row_is_a_header_or_none_as_one_says(tmp_path: Path) -> None:
    path = tmp_path / "talk.csv"
    path.write_text("hi,hello there\nbye,see you soon\n")
    assert [answer("inspect", path, "--header", said, "--json")["examples"] for said in ("no", "yes")] == [2, 1]
    found = answer(
        "inspect", path, "--header", "yes", "--map", "prompt=hello there", "--map", "completion=hi", "--json"
    )
    assert (found["examples"], found["columns"]) == (1, ["hi", "hello there"])


def test_doctor_tells_what_this_machine_is() -> None:
    assert re.search(r"^memory +[\d.]+ GB$", ftchat("doctor").stdout.decode(), re.MULTILINE)
    found = answer("doctor", "--json")
    assert found["cores"] == os.cpu_count() and found["missing"] == []
    assert found["versions"]["torch"] and set(found["fits"]) == {"lora", "qlora"}


BAD_FILES = {
    "empty": b"",
    "a picture": bytes.fromhex("89504e470d0a1a0a0000000d49484452") + bytes(200),
    "binary junk": bytes(range(256)) * 40,
    "one column": b"question\nwhere?\nwhen?\n",
    "no pairs": b'{"name": "x"}\n{"name": "y"}\n',
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_file_without_pairs_gets_a_sentence(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "data.bin"
    path.write_bytes(BAD_FILES[kind])
    assert "data.bin" in refused("train", path)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set", "learning_rat=1"], "learning_rate"),
        (["--set", "output_dir=x"], "unknown setting"),
        (["--set", "r=zero"], "whole number"),
        (["--method", "magic"], "unknown method"),
        (["--preset", "slow"], "unknown preset"),
        (["--base", "/no/such/folder"], "/no/such/folder"),
        (["--map", "prompt=nowhere"], "nowhere"),
        (["--name", ""], "cannot name a run"),
    ],
)
def test_a_wrong_setting_is_one_line_and_leaves_no_run(pairs: Path, arguments: list[str], words: str) -> None:
    assert words in refused("train", pairs, *arguments)
    assert not list((Path(os.environ["FTCHAT_HOME"]) / "owners").glob("local/runs/*"))


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("compare nobody --prompt x", "no run 'nobody'"),
        ("chat nobody", "no run 'nobody'"),
        ("train", "name a file"),
        ("nothing", "'nothing'"),
        ("inspect /no", "/no"),
    ],
)
def test_what_is_not_there_is_one_line(command: str, words: str) -> None:
    assert words in refused(*command.split())
