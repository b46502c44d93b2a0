"""`train` told to end can be told to go on, in another process, with the same outcome."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_train import PAIRS

from ftchat.cli import main
from ftchat.runs import RunStore

SETTINGS = ("--set", "max_steps=40", "--set", "seed=3", "--set", "lora_dropout=0.1")


def train(home: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "ftchat", "train", *arguments, "--json"]
    environment = os.environ | {"FTCHAT_HOME": str(home)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=Path(__file__).parents[1])


def told(process: subprocess.Popen[str]) -> dict:
    out, _ = process.communicate(timeout=200)
    return json.loads(out.splitlines()[-1])


def test_a_run_that_a_signal_ended_goes_on_by_its_name(home: Path, tmp_path: Path) -> None:
    data = tmp_path / "captain.tsv"
    data.write_text("prompt\tcompletion\n" + "\n".join("\t".join(pair) for pair in PAIRS))
    process = train(home, str(data), "--name", "whole", *SETTINGS)
    whole = told(process)
    process = train(home, str(data), "--name", "cut", *SETTINGS)
    runs = RunStore(home)
    while not [run for run in runs.list() if run.config.name == "cut" and run.status().step >= 3]:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    cut = told(process)
    assert process.returncode == 130 and cut["status"] == "interrupted" and cut["error"] is None
    assert runs.get("cut").status().checkpoint == cut["steps"] >= 3
    process = train(home, "--resume", "cut")
    resumed = told(process)
    assert process.returncode == 0 and resumed["status"] == "finished"
    assert (resumed["steps"], resumed["train_loss"]) == (whole["steps"], whole["train_loss"])
    adapters = [(Path(told["adapter"]) / "adapter_model.safetensors").read_bytes() for told in (whole, resumed)]
    assert adapters[0] == adapters[1]
    assert main(["train", "--resume", "cut"]) == 2


@pytest.mark.parametrize(
    "arguments",
    [["--resume", "nothing"], ["--resume", "nothing", "pairs.csv"], ["--resume", "nothing", "--set", "r=4"], []],
)
def test_what_cannot_be_resumed_is_said_in_a_line(
    home: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *arguments]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
