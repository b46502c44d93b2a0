"""Every benchmark starts: nobody runs them daily, and what they call changes."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

FOLDER = Path(__file__).parents[1] / "benchmarks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if "__main__" in path.read_text("utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_says_what_it_takes(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--help"])
    benchmark = importlib.import_module(name)
    assert benchmark.__file__ == str(FOLDER / f"{name}.py")
    with pytest.raises(SystemExit) as end:
        benchmark.main()
    assert end.value.code == 0 and "--json" in capsys.readouterr().out


def test_every_benchmark_is_described() -> None:
    described = [line[3:-3] for line in (FOLDER / "README.md").read_text("utf-8").splitlines() if line[:3] == "## "]
    assert sorted(described) == NAMES


def run(name: str, monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *options])
    return importlib.import_module(name).main()


@pytest.mark.skipif(torch.cuda.is_available(), reason="says what is missing where there is no GPU")
def test_without_a_gpu_its_benchmark_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("gpu", monkeypatch) == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    assert "no CUDA GPU" in sentence


def test_what_measures_a_gpu_runs_through_on_a_processor(tmp_path: Path) -> None:
    """In a process of its own: on a processor a dry step is growth, and this one other tests have filled and emptied."""
    written = tmp_path / "gpu.json"
    options = ("--device", "cpu", "--shapes", "tiny", "--steps", "3", "--rounds", "1", "--json", str(written))
    subprocess.run([sys.executable, str(FOLDER / "gpu.py"), *options], check=True, capture_output=True)
    memory, alike, mixed = json.loads(written.read_text("utf-8"))["results"]
    assert memory["estimate, GB"] > 0 and memory["dry step, GB"] > 0
    for found in (alike, mixed):
        assert found["tokens/s"] > 0 and found["TRL's tokens/s"] > 0 and found["over TRL"] > 0
