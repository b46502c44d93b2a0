"""Every benchmark starts: nobody runs them daily, and what they call changes."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

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
