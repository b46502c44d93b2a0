"""On a base of four bits, too, panes answered together say what each would say alone, with an adapter of any kind.

The same tests run on a GPU, where numbers round otherwise in other company: there the share of equal tokens is noted.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from duets import (
    HISTORIES,
    TOKENS,
    Recording,
    Studio,
    Visitor,
    check,
    make_adapters,
    move,
    resolved,
    serve,
    visitors_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from ftchat.engine import methods
from ftchat.engine.adapters import Voice
from ftchat.records import Sampling
from ftchat.settings import COPIES, METHODS, VIRTUAL

ON_GPU = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]
PLACES = [("cpu", "nf4"), *(pytest.param(("cuda", kind), marks=ON_GPU) for kind in ("nf4", "bfloat16"))]
# How far logits may be from those alone, in parts of the largest, and below which margin two tokens are as good.
APART = {"cpu": (1e-4, 1e-3), "cuda": (0.05, 0.5)}
KINDS = tuple(method for method in METHODS if method not in ("auto", "qlora", *COPIES))


@pytest.fixture(scope="module", params=PLACES, ids=lambda place: " ".join(place))
def studio(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Studio:
    device, precision = request.param
    return Studio(tmp_path_factory.mktemp("kinds"), made=KINDS, precision=precision, device=device)


def alike(studio: Studio, company: list[Visitor]) -> float:
    """Serves them and looks at what they got: the share of tokens that are those of a lone generate()."""
    decoder = Recording(studio.resident)
    serve(studio, decoder, company)
    same, looked_at = check(studio, decoder, company, *APART[studio.resident.device.type])
    return same / max(1, looked_at)


@settings(max_examples=3, deadline=None)
@given(company=st.lists(visitors_of((None, *KINDS)), min_size=2, max_size=4))
def test_replies_together_are_those_of_a_lone_generate(studio: Studio, company: list[Visitor]) -> None:
    assert alike(studio, company) >= (1.0 if studio.resident.device.type == "cpu" else 0.5)


@pytest.mark.parametrize("kind", KINDS)
def test_an_adapter_of_each_kind_says_what_the_library_says(
    studio: Studio, kind: str, record_property: Callable[[str, object], None]
) -> None:
    company = [Visitor(HISTORIES[3], kind, 0, TOKENS), Visitor(HISTORIES[3], None, 0, TOKENS)]
    record_property("equal tokens", alike(studio, company))
    assert studio.resident.adapter_norm(kind) > 0
    voices = [Voice(None), Voice(kind)]
    base, tuned = studio.answers([HISTORIES[0]] * 2, voices, Sampling(0.0, 4))
    assert tuned.divergence is not None and tuned.divergence > 1e-4 and base.adapter is None


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in VIRTUAL])
def test_what_is_being_trained_answers_as_its_own_forward_does(studio: Studio, kind: str) -> None:
    resident = studio.resident
    ids = torch.tensor([studio.prompt(HISTORIES[1])], device=resident.device)
    with torch.no_grad():
        alone = resident.model(input_ids=ids).logits[0, -1].float()
    torch.manual_seed(3)
    learner = resident.teach(lambda: methods.learner("run", resolved(resident, kind), resident))
    try:
        move(learner)
        learner.model.eval()
        with torch.no_grad():
            own = learner.model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0, -1].float()
        resident.snapshot("now")
        decoder = Recording(resident)
        company = [Visitor(HISTORIES[1], "now", 0, 1), Visitor(HISTORIES[1], None, 0, 1)]
        serve(studio, decoder, company)
    finally:
        resident.detach("now")
        resident.detach("run")
    now, base = (decoder.logits[visitor.reply][0] for visitor in company)
    apart, _ = APART[resident.device.type]
    assert (now - own).abs().max() <= apart * own.abs().max()
    assert (base - alone).abs().max() <= apart * alone.abs().max() < (now - base).abs().max()


def test_adapters_come_and_go_and_leave_the_base_as_it_was(studio: Studio, tmp_path: Path) -> None:
    before = studio.answers([HISTORIES[0]], [Voice(None)], Sampling(0.0, 8))[0].text
    folders = make_adapters(studio.resident, tmp_path)
    for name, folder in folders.items():
        studio.resident.attach(name, folder)
    told = studio.answers([HISTORIES[0]] * 4, [Voice(None), *map(Voice, folders)], Sampling(0.0, 8))
    assert [reply.adapter for reply in told] == [None, *folders] and told[0].text == before
    for name in folders:
        studio.resident.detach(name)
    assert studio.answers([HISTORIES[0]], [Voice(None)], Sampling(0.0, 8))[0].text == before
