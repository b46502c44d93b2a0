"""Settings are refused where they are wrong, with the nearest that is right."""

from __future__ import annotations

import inspect

import pytest

from ftchat.errors import ConfigError
from ftchat.settings import SETTINGS, base_name, chat_share, held_out_share, parse_setting


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [("learning_rate", "2e-4", 2e-4), ("r", "8", 8), ("gradient_checkpointing", "True", True)],
)
def test_values_get_their_type(name: str, text: str, value: object) -> None:
    parsed = parse_setting(name, text)
    assert parsed == value and type(parsed) is type(value)


@pytest.mark.parametrize("name", ["output_dir", "push_to_hub", "trust_remote_code", "learning_rat", ""])
def test_what_is_not_on_the_list_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="unknown setting"):
        parse_setting(name, "1")


def test_a_typing_error_is_answered_with_the_right_name() -> None:
    with pytest.raises(ConfigError, match="learning_rate"):
        parse_setting("learnin_rate", "1")


@pytest.mark.parametrize(("name", "text"), [("r", "1.5"), ("r", "0"), ("learning_rate", "nan"), ("seed", "x")])
def test_values_out_of_range_are_refused_with_the_range(name: str, text: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} must be .* from .* to .*'{text}'"):
        parse_setting(name, text)


def test_the_share_of_the_time_for_chat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTCHAT_CHAT_SHARE", "0.2")
    assert chat_share() == 0.2
    for wrong in ("0", "1", "half", "nan"):
        monkeypatch.setenv("FTCHAT_CHAT_SHARE", wrong)
        with pytest.raises(ConfigError, match=r"from 0\.05 to 0\.95"):
            chat_share()


def test_every_setting_has_a_name_that_the_libraries_know() -> None:
    from peft import LoraConfig, PrefixTuningConfig
    from transformers import EarlyStoppingCallback
    from trl import SFTConfig

    configs = (SFTConfig, LoraConfig, PrefixTuningConfig)
    known = {name for config in configs for name in config.__dataclass_fields__}
    known |= {"trainable_layers"}  # no library freezes layers
    assert set(SETTINGS) <= known | set(inspect.signature(EarlyStoppingCallback).parameters)


def test_a_folder_is_known_by_its_whole_path(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path)
    assert base_name("model") == base_name("./model") == str(tmp_path / "model")
    assert base_name("starter") == "starter"
    assert base_name("Qwen/Qwen3-0.6B") == "Qwen/Qwen3-0.6B"


def test_quick_runs_and_small_datasets_hold_nothing_out() -> None:
    assert held_out_share("quick", 1000) == held_out_share("balanced", 19) == 0.0
    assert held_out_share("balanced", 20) == held_out_share("thorough", 20) == 0.1
    assert round(200_000 * held_out_share("balanced", 200_000)) == 1000
