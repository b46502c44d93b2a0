"""Imports climb one ladder and never come down."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RUNGS = (
    ("",),
    ("errors",),
    ("records", "wire"),
    ("events",),
    ("catalogue", "files", "hub", "settings"),
    ("history", "kept"),
    ("data", "runs", "adapters"),
    ("continuing",),
    ("engine",),
)
RUNGS += (("worker",), ("ui", "cli"), ("__main__", "app"))
HEIGHT = {name: height for height, rung in enumerate(RUNGS) for name in rung}
MODEL_LIBRARIES = {"torch", "transformers", "peft", "trl", "bitsandbytes", "accelerate", "safetensors"}
FILES = [*sorted((ROOT / "ftchat").rglob("*.py")), ROOT / "app.py"]


def rung_of(module: str) -> str:
    """The rung's name of a module of ours: `engine` of ftchat.engine.train; "" is the package itself."""
    return [*module.split("."), ""][1]


def imports(path: Path, top_only: bool = False) -> set[str]:
    """The modules that a file imports, by their full names, inside its functions too unless `top_only`."""
    tree = ast.parse(path.read_text("utf-8"))
    if top_only:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                node.body = []
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            found |= {f"{module}.{alias.name}" for alias in node.names} if module == "ftchat" else {module}
    return found - {"ftchat.__version__"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_imports_only_from_rungs_below(path: Path) -> None:
    parts = path.relative_to(ROOT).with_suffix("").parts
    own = "app" if parts == ("app",) else "" if parts[1] == "__init__" else parts[1]
    assert own in HEIGHT, f"{own} is on no rung: give it one here, and in CONTRIBUTING.md"
    for module in imports(path):
        if module.split(".")[0] == "ftchat":
            rung = rung_of(module)
            assert rung == own or HEIGHT[rung] < HEIGHT[own], f"{own} must not import {module}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_engine_imports_what_runs_models(path: Path) -> None:
    if "engine" not in path.parts:
        assert not {module.split(".")[0] for module in imports(path)} & MODEL_LIBRARIES


def test_the_page_never_imports_the_engine() -> None:
    for path in (ROOT / "ftchat" / "ui").rglob("*.py"):
        assert not any(module.startswith("ftchat.engine") for module in imports(path)), path


def test_the_worker_imports_the_engine_only_inside_functions() -> None:
    path = ROOT / "ftchat" / "worker.py"
    assert not any(module.startswith("ftchat.engine") for module in imports(path, top_only=True))


def test_the_page_and_the_commands_start_without_torch() -> None:
    script = "import sys, ftchat.ui.page, ftchat.ui.launch, ftchat.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, timeout=60, check=False).returncode == 0
