"""A search through the real worker: it keeps its budget, judges as a run is judged, and survives being broken off."""

from __future__ import annotations

import dataclasses
import shutil
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file
from searches import SHORT, config, finish, start
from test_train import ask

from ftchat.engine.loading import STARTER_FOLDER
from ftchat.engine.search import choices
from ftchat.events import TrialBegun
from ftchat.events.search import ended
from ftchat.runs import RunStore
from ftchat.settings import LORA_KIN, METHODS
from ftchat.worker import Worker, open_worker

# How much fits into a budget of seconds is told only where nothing else runs.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory):
    """One short search and a run of as many steps, of which several tests look at something."""
    home = tmp_path_factory.mktemp("searched")
    worker = open_worker("inline", home)
    asked = config(home, "search", 0.4)
    run = start(home, worker, asked)
    status = finish(run)
    plain = start(home, worker, dataclasses.replace(asked, name="plain", search_minutes=0.0))
    yield run, status, finish(plain), worker
    worker.close()


def test_a_search_tries_auto_first_and_recommends_nothing_worse(searched) -> None:
    run, status, _, _ = searched
    assert status.state == "finished" and len(ended(status.trials)) >= 3
    first, found = status.trials[0], status.recommended
    assert run.resolved is not None
    assert first.choice == (run.resolved.learning_rate, run.resolved.r) and first.state == "complete"
    assert found is not None and found.choice.loss <= found.auto.loss
    assert all(check.ok for check in status.checks) and "base_unchanged" in {check.name for check in status.checks}


def test_a_search_keeps_its_budget(searched) -> None:
    _, status, _, _ = searched
    assert status.seconds <= 60 * 0.4 + 4  # seconds: a busy machine's last step is slower than the one before


def test_the_trial_of_autos_choice_is_judged_as_a_run_of_as_many_steps(searched) -> None:
    _, status, plain, _ = searched
    assert status.trials[0].loss == plain.eval_losses[-1][1]
    assert status.trials[0].curve[0] == plain.eval_losses[0]


def test_a_search_leaves_no_adapter_and_no_trace_in_chat(searched) -> None:
    run, status, _, worker = searched
    assert not status.usable and not run.adapter.exists() and not list(run.checkpoints.glob("*"))
    assert ask(worker, None, "Hello!")[0].text


def test_the_choices_lie_around_autos_and_what_is_given_stays(searched) -> None:
    run, _, _, _ = searched
    resolved = run.resolved
    rates, ranks = choices(run.config, resolved)
    assert resolved.learning_rate in rates and resolved.r in ranks and {8, 16, 32, 64} <= set(ranks)
    assert min(rates) < resolved.learning_rate / 9 and max(rates) > 9 * resolved.learning_rate
    fixed = dataclasses.replace(run.config, settings={"r": resolved.r})
    assert choices(fixed, resolved) == (rates, [resolved.r])
    for method in set(METHODS) - {*LORA_KIN, "auto"}:
        assert choices(run.config, dataclasses.replace(resolved, method=method, r=0))[1] == [0]


def test_chat_goes_on_in_a_search_and_stop_keeps_what_was_found(home: Path, worker: Worker) -> None:
    run = start(home, worker, config(home, "long", 60))
    while len(ended(run.status().trials)) < 2:
        assert ask(worker, None, "Hello!")[0].text
    worker.stop_run(run.id)
    status = finish(run)
    assert status.state == "stopped" and status.recommended is not None
    assert len([trial for trial in status.trials if trial.state != "cut"]) >= 2


def test_a_search_that_is_paused_goes_on_where_it_was(home: Path, worker: Worker) -> None:
    """The trials before and after are those of a search that nobody broke off."""
    run = start(home, worker, config(home, "broken", 1.2))
    while len(ended(run.status().trials)) < 3:
        time.sleep(0.05)
    worker.pause_run(run.id)
    status = finish(run)
    assert status.state == "paused"
    before = ended(status.trials)
    worker.start_run(run.id)
    after = finish(run)
    assert after.state == "finished" and after.trials[: len(before)] == before
    begun = [event for event in run.events() if isinstance(event, TrialBegun)]
    assert len({(event.learning_rate, event.r, event.seed) for event in begun[: len(before)]}) == len(before)
    whole = finish(start(home, worker, config(home, "whole", 1.2)))
    both = list(zip(ended(after.trials), ended(whole.trials), strict=False))
    same = [(one.choice, one.curve) == (other.choice, other.curve) for one, other in both if one.seed == other.seed]
    assert len(same) > len(before) and all(same[: len(before) + 1])


def test_a_search_whose_process_died_goes_on(home: Path) -> None:
    worker = open_worker("process", home)
    try:
        run = start(home, worker, config(home, "killed", 1.5))
        while len(ended(run.status().trials)) < 2:
            time.sleep(0.05)
        worker._process.kill()
        while not run.status().over:
            time.sleep(0.05)
        before = ended(run.status().trials)
        assert run.status().state == "interrupted"
        worker.start_run(run.id)
        status = finish(run)
        assert status.state == "finished" and status.trials[: len(before)] == before
    finally:
        worker.close()


def test_a_search_on_a_base_whose_loss_is_no_number_says_so_before_any_trial(
    home: Path, worker: Worker, tmp_path: Path
) -> None:
    broken = Path(shutil.copytree(STARTER_FOLDER, tmp_path / "broken"))
    weights = load_file(broken / "model.safetensors")
    weights["model.norm.weight"] *= float("inf")
    save_file(weights, broken / "model.safetensors", {"format": "pt"})
    asked = dataclasses.replace(config(home, "wild", 0.3, SHORT | {"r": 8}), base=str(broken))
    status = finish(start(home, worker, asked))
    assert status.state == "failed" and not status.trials and status.recommended is None
    assert "no number before anything is learned" in (status.error or "")


def test_a_budget_too_short_for_a_trial_says_how_much_is_needed(home: Path, worker: Worker) -> None:
    run = start(home, worker, config(home, "hasty", 0.1, {"max_steps": 5000}))
    status = finish(run)
    assert status.state == "failed" and "minutes at the least, not 0.1" in (status.error or "")
    assert RunStore(home).get("hasty").status().trials == ()
