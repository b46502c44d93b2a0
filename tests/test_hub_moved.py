"""What a real Hub does beside: repositories that were renamed, terms not accepted, too many questions."""

from __future__ import annotations

import pytest
from hub_server import HubServer

from ftchat.errors import ModelError
from ftchat.hub import Download


def test_a_base_by_a_name_of_wrong_case_comes_by_the_right_one(hub: HubServer) -> None:
    hub.put("Me/Chat")
    hub.moved["me/chat"] = "Me/Chat"
    coming = Download("me/chat")
    coming.prepare()
    folder = coming.run()
    assert {"config.json", "tokenizer.json", "model.safetensors"} <= {path.name for path in folder.iterdir()}
    assert coming.done == coming.total > 0


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        ((403, "GatedRepo"), "gated: accept its terms at http://127"),
        ((403, ""), "does not take the token of this machine"),
        ((429, ""), "asked too often from here; wait a few minutes"),
        ((500, ""), "answers with error 500; start again later"),
        ((451, "DisabledRepo"), "disabled this model|error 451"),
    ],
)
def test_what_the_hub_refuses_is_said_in_a_sentence(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch, refused: tuple[int, str], words: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_good")
    hub.put("me/chat")
    hub.refused["me/chat"] = refused
    with pytest.raises(ModelError, match=f"^me/chat: .*({words})") as caught:
        Download("me/chat").prepare()
    assert "\n" not in str(caught.value) and "hf_good" not in str(caught.value)


def test_a_base_without_its_tokenizer_is_refused_before_its_weights_come(hub: HubServer) -> None:
    folder = hub.put("me/mute")
    for path in folder.glob("tokenizer*"):
        path.unlink()
    with pytest.raises(ModelError, match=r"me/mute has no tokenizer.*choose"):
        Download("me/mute").prepare()
    assert not hub.fetched("model.safetensors")
