"""Whatever lies in the folder of a run, it is seen and asked, and takes no other run with it."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from chats import finished
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_runs import config
from test_train import ask, finish, start
from test_ui_search import history as searched
from test_ui_train import history

from ftchat.adapters import AdapterStore
from ftchat.cli import main
from ftchat.errors import ChatError, ConfigError
from ftchat.events import Checked, Downloading, DryStepPassed, RunFinished, RunHealed, RunResumed, SampleLogged, dumps
from ftchat.files import remove
from ftchat.records import RunConfig
from ftchat.runs import Run, RunStore
from ftchat.ui import header, run_view, runs_tab, search_view, train_origin, voices
from ftchat.ui.runs_side import side_by_side
from ftchat.worker import Worker, open_worker

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([10**400, -1, 0, 1e308]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
LINES = [
    dumps(event)
    for event in (
        *history([3.0, 2.0, 1.0], [(0, 3.0), (2, 2.0), (3, 2.5)]),
        Downloading(time=1001.0, base="a/b", file="model.safetensors", done=1, total=2, rate=3.0),
        DryStepPassed(time=1001.0, estimated=5, measured=6, seconds=0.1),
        RunHealed(time=1001.0, step=2, batch=1, accumulation=2, checkpointing=True),
        SampleLogged(time=1002.0, step=2, prompt="a", reference="b", base="c", tuned="d", whole=True, held_out=True),
        Checked(time=1003.0, name="adapter_changes", ok=True, detail="1"),
        RunResumed(time=1003.0, step=2),
        *searched((2e-4, 8, 1.5, 42), (1e-3, 8, 1.1, 42), (2e-4, 8, 1.4, 43), (1e-3, 8, 1.1, 43)),
        RunFinished(time=1004.0, steps=3, train_loss=1.0, seconds=3.0, tokens_per_second=9.0, peak_memory=7),
    )
]


@st.composite
def changed(draw: st.DrawFn, text: str) -> str:
    """One value of a JSON object is another."""
    fields = json.loads(text) or {"event": ""}
    at = draw(st.sampled_from(sorted(fields)))
    fields[at] = draw(JSON)
    return json.dumps(fields, ensure_ascii=draw(st.booleans()))


@st.composite
def histories(draw: st.DrawFn) -> str:
    """Lines of which some are damaged, lost, or in another order."""
    lines = draw(st.permutations(LINES) | st.just(LINES) | st.lists(st.sampled_from(LINES), min_size=1))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        damaged = draw(changed(lines[at]) if lines[at].startswith("{") else st.just("0"))
        damaged = draw(st.sampled_from([damaged, damaged, "[" * 10_000]) | JSON.map(json.dumps))
        lines = [*lines[:at], damaged, *lines[at + 1 :]]
    return "\n".join(lines) + draw(st.sampled_from(["\n", ""]))


def look(home: Path, other: str) -> None:
    """All that looks at runs. `other` is the id of one that is whole."""
    store = RunStore(home)
    runs = store.list()
    for said in store.damages():
        assert "\n" not in str(said) and str(home) in str(said)
    for lang in ("en", "zh"):
        names = {run.config.dataset: "data" for run in runs}
        assert other in runs_tab.table(runs, names, "", None, lang)
        run_view.damaged(store.damages(), lang)
        side_by_side(runs[:4], names, lang)
        train_origin.offered(runs, train_origin.NONE, lang)
        for run in runs:
            for view in (run_view, search_view):
                view.stage(run.config, run.resolved, run.status(), lang, store.ahead(run))
            run_view.aside(run.config, run.resolved, run.status(), "data", "", lang)
            header._live(store, run, run.id, lang)
    assert other in {option.adapter for option in voices.options(runs, None, AdapterStore(home))}
    printed, complained = io.StringIO(), io.StringIO()
    with redirect_stdout(printed), redirect_stderr(complained):
        assert main(["runs", "--json"]) == 0 and main(["runs"]) == 0
    (row,) = [row for row in json.loads(printed.getvalue().splitlines()[0]) if row["run"] == other]
    assert row["status"] == "finished" and not row["error"]
    assert len(complained.getvalue().splitlines()) == 2 * len(store.damages())


again = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)


@again
@given(histories())
def test_a_history_with_damaged_lines_is_read_as_far_as_it_can_be(home: Path, written: str) -> None:
    shutil.rmtree(home, ignore_errors=True)
    store = RunStore(home)
    other, run = finished(store, "other"), store.create(config("damaged"))
    (run.folder / "events.jsonl").write_bytes(written.encode(errors="surrogatepass"))
    look(home, other.id)
    run.append(RunResumed(step=1))
    assert run.events()[-1] == RunResumed(step=1, time=run.events()[-1].time)


@pytest.mark.parametrize("line", ["5", "[]", "null", '{"a": 1}', '["event"]', "NaN", "\x00"])
def test_a_damaged_line_is_told_of_and_the_others_count(line: str, home: Path) -> None:
    run = finished(RunStore(home), "damaged")
    with (run.folder / "events.jsonl").open("a") as file:
        file.write(line + "\n")
    (again,) = RunStore(home).list()
    assert again.status().state == "finished" and again.status().usable
    assert ["is damaged" in str(said) for said in again.damages()] == [True]
    (run.folder / "events.jsonl").write_text(f"{line}\n")
    (again,) = RunStore(home).list()
    assert again.status().resumable and ["resume" in str(said) for said in again.damages()] == [True]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Worker, Run]]:
    """A home with two runs that ended, the first of them trained, and a worker."""
    home = tmp_path_factory.mktemp("trained")
    worker = open_worker("inline", home)
    run = start(home, worker, "trained", {"max_steps": 2, "save_steps": 1})
    assert finish(run).state == "finished"
    finished(RunStore(home), "other")
    yield home, worker, run
    worker.close()


NUMBERS = count()
FILES = ["config.json", "config.copy.json", "resolved.json", "resolved.copy.json", "events.jsonl", "notes.txt", "lock"]
FILES += ["adapter", "adapter/adapter_config.json", "adapter/adapter_model.safetensors"]
FILES += ["checkpoints", "checkpoints/step-00000002", "checkpoints/step-00000002/manifest.json", "start"]


def damage(name: str, kind: str, content: bytes, value: object, place: int, folder: Path) -> None:
    path = folder / name
    with suppress(NotADirectoryError, FileNotFoundError):  # the other damage took it
        if kind == "changed":
            with suppress(ValueError, IsADirectoryError):
                fields: dict[str, Any] = json.loads(path.read_bytes())
                fields[sorted(fields)[place % len(fields)]] = value
                path.write_text(json.dumps(fields))
            return
        remove(path)
        if kind == "folder":
            path.mkdir()
        elif kind != "gone":
            path.write_bytes(content)


@st.composite
def damages(draw: st.DrawFn) -> list[Callable[[Path], None]]:
    """What is done to one or two of the files."""
    found: list[Callable[[Path], None]] = []
    for name in draw(st.lists(st.sampled_from(FILES), min_size=1, max_size=2, unique=True)):
        kind = draw(st.sampled_from(["gone", "folder", "bytes", "json", "changed"]))
        content = draw(
            st.binary(max_size=300) if kind == "bytes" else JSON.map(lambda value: json.dumps(value).encode())
        )
        found.append(partial(damage, name, kind, content, draw(JSON), draw(st.integers(0, 100))))
    return found


@again
@given(damages())
def test_any_file_of_a_run_may_be_damaged(
    trained: tuple[Path, Worker, Run], monkeypatch: pytest.MonkeyPatch, damages: list[Callable[[Path], None]]
) -> None:
    home, worker, run = trained
    monkeypatch.setenv("FTCHAT_HOME", str(home))
    folder = run.folder.with_name(f"damaged-{next(NUMBERS)}")
    shutil.copytree(run.folder, folder)
    for damage in damages:
        damage(folder)
    try:
        look(home, run.id)
        with suppress(ChatError, ConfigError):
            ask(worker, folder.name, "Where is my parcel?", 2)
        assert len(ask(worker, run.id, "Where is my parcel?", 2)) == 2
        with suppress(ConfigError):
            damaged = RunStore(home).get(folder.name)
            with suppress(ConfigError):
                damaged.note("mine")
            RunStore(home).rename(damaged, f"renamed-{next(NUMBERS)}")
            RunStore(home).delete(damaged)
            assert not folder.exists()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_a_run_whose_history_is_a_folder_says_so_when_it_is_to_go_on(home: Path, worker: Worker) -> None:
    run = RunStore(home).create(RunConfig("a", "0" * 16))
    (run.folder / "events.jsonl").mkdir()
    (said,) = RunStore(home).damages()
    assert "events.jsonl cannot be read (Is a directory)" in str(said)
    with pytest.raises(ConfigError, match="cannot be written to"):
        worker.start_run(run.id)
