"""The settings a user may name: methods, presets, and the allowlisted part of SFTConfig's and LoraConfig's names.

Knows nothing of how they are used; a wrong one is refused here with the nearest names.
"""

from __future__ import annotations

import difflib
import importlib.metadata
import importlib.util
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ftchat import __version__
from ftchat.errors import ConfigError, DataError
from ftchat.records import STARTER, RunConfig, Setting

LORA_KIN = ("lora", "qlora", "dora", "rslora", "pissa", "adalora")
VIRTUAL = ("prefix", "prompt", "ptuning")  # methods that learn tokens in front of the conversation
COPIES = ("freeze", "full")  # methods that train a copy of weights of the base
METHODS = ("auto", *LORA_KIN, "ia3", *VIRTUAL, *COPIES)
PRESETS = ("quick", "balanced", "thorough")
PRECISIONS = ("float32", "bfloat16", "float16", "nf4")  # of a base in memory
SEED = 42
HELD_OUT_FROM = 20  # examples; below that every one is needed to learn from
HELD_OUT_MOST = 1000  # of many
_PACKAGES = ("torch", "transformers", "peft", "trl", "bitsandbytes", "accelerate", "datasets")
SCHEDULES = ("linear", "cosine", "constant", "constant_with_warmup")


TRACKERS = ("none", "tensorboard", "wandb", "trackio")  # each but the first is the name of a package, too


@dataclass(frozen=True, slots=True)
class Range:
    """What a number may be: its type and its bounds, both included."""

    kind: type[int] | type[float]
    low: float
    high: float


SETTINGS: Mapping[str, Range | tuple[str, ...] | type[bool]] = {
    "learning_rate": Range(float, 1e-8, 1.0),
    "num_train_epochs": Range(float, 0.01, 10_000),
    "max_steps": Range(int, 1, 10_000_000),
    "max_length": Range(int, 8, 1_000_000),
    "per_device_train_batch_size": Range(int, 1, 4096),
    "gradient_accumulation_steps": Range(int, 1, 4096),
    "train_sampling_strategy": ("random", "group_by_length"),
    "packing": bool,
    "warmup_steps": Range(int, 0, 1_000_000),
    "weight_decay": Range(float, 0.0, 1.0),
    "max_grad_norm": Range(float, 0.0, 1e6),
    "lr_scheduler_type": SCHEDULES,
    "gradient_checkpointing": bool,
    "eval_steps": Range(int, 1, 1_000_000),
    "save_steps": Range(int, 1, 1_000_000),
    "early_stopping_patience": Range(int, 0, 10_000),
    "report_to": TRACKERS,
    "seed": Range(int, 0, 2**31 - 1),
    "r": Range(int, 1, 1024),
    "lora_alpha": Range(int, 1, 4096),
    "lora_dropout": Range(float, 0.0, 0.95),
    "num_virtual_tokens": Range(int, 1, 512),
    "trainable_layers": Range(int, 1, 1000),
    "neftune_noise_alpha": Range(float, 0.0, 100.0),
    "label_smoothing_factor": Range(float, 0.0, 0.9),
}
SHAPING = ("r", "lora_alpha", "num_virtual_tokens", "trainable_layers")  # what an adapter, once trained, is bound to
MINUTES = Range(float, 0.1, 1440.0)  # of a search
_ONLY_OF: Mapping[str, tuple[str, ...]] = {
    "r": LORA_KIN,
    "lora_alpha": LORA_KIN,
    "lora_dropout": LORA_KIN,
    "num_virtual_tokens": VIRTUAL,
    "packing": tuple(method for method in METHODS if method not in ("auto", *VIRTUAL)),
    "trainable_layers": ("freeze",),
}


def chat_share() -> float:
    """The share of the time that replies get while a run trains and somebody chats: $FTCHAT_CHAT_SHARE, or half."""
    text = os.environ.get("FTCHAT_CHAT_SHARE", "0.5")
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0.05 <= share <= 0.95:
        raise ConfigError(f"the share of the time for chat must be a number from 0.05 to 0.95, not '{text}'")
    return share


def base_name(model: str) -> str:
    """What a run calls its base: `starter`, a folder's whole path, or a Hub id."""
    return str(Path(model).expanduser().resolve()) if model != STARTER and Path(model).expanduser().is_dir() else model


def held_out_share(preset: str, examples: int) -> float:
    """The share of the examples that a run sets aside to measure on: a tenth, but none in a quick run or of a few, and
    no more of many than tell the loss well, for each is measured about ten times."""
    return 0.0 if preset == "quick" or examples < HELD_OUT_FROM else min(0.1, HELD_OUT_MOST / examples)


def check_choice(what: str, value: str, choices: Iterable[str]) -> str:
    """`value`, if it is one of the choices; ConfigError with the nearest otherwise."""
    known = list(choices)
    if value not in known:
        raise ConfigError(f"unknown {what} '{value}'; {_nearest(value, known)}")
    return value


def parse_setting(name: str, text: str) -> Setting:
    """One `--set NAME=VALUE`. ConfigError says what the value may be."""
    kind = SETTINGS[check_choice("setting", name, SETTINGS)]
    if kind is bool:
        return check_choice(name, text.lower(), ("true", "false")) == "true"
    if isinstance(kind, tuple):
        choice = check_choice(name, text, kind)
        return check_tracker(choice) if name == "report_to" else choice
    assert isinstance(kind, Range)
    try:
        value = kind.kind(text)
    except ValueError:
        value = None
    if value is None or not kind.low <= value <= kind.high:
        noun = "a whole number" if kind.kind is int else "a number"
        raise ConfigError(
            f"{name} must be {noun} from {kind.low:.10g} to {kind.high:.10g}, not '{text}'",
            "bad_number",
            name=name,
            low=f"{kind.low:.10g}",
            high=f"{kind.high:.10g}",
            text=text,
        )
    return value


def check_meant(method: str, settings: Mapping[str, Setting]) -> None:
    """Refuses settings that this method would not use."""
    for name in settings:
        users = _ONLY_OF.get(name, METHODS)
        if not uses(method, name):
            raise ConfigError(f"method {method} has no {name}; leave it out, or choose {' or '.join(users)}")
    if method == "prefix" and settings.get("gradient_checkpointing"):
        raise ConfigError("method prefix cannot be trained with gradient_checkpointing; leave it out, or choose prompt")


def parse_minutes(text: str) -> float:
    """The budget of a search."""
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not MINUTES.low <= minutes <= MINUTES.high:
        raise ConfigError(
            f"minutes must be a number from {MINUTES.low:g} to {MINUTES.high:g}, not '{text}'",
            "bad_number",
            name="minutes",
            low=f"{MINUTES.low:g}",
            high=f"{MINUTES.high:g}",
            text=text,
        )
    return minutes


def check_search(config: RunConfig, examples: int) -> None:
    """Refuses a search that has nothing to choose from, or nothing to judge by."""
    ranked = config.method in ("auto", *LORA_KIN)
    if "learning_rate" in config.settings and ("r" in config.settings or not ranked):
        fixed = "learning_rate and r are both given" if ranked else f"method {config.method} has a learning_rate only"
        if config.origin:
            fixed = f"a learning_rate is given and the size is that of run {config.origin.config.name}"
        raise ConfigError(f"{fixed}, so there is nothing to search for; leave out learning_rate", "nothing_to_search")
    if config.held_out is None and examples < HELD_OUT_FROM:
        raise DataError(
            f"{examples} examples are too few to hold some out and judge by them: bring {HELD_OUT_FROM} or more, "
            "or held-out data of your own",
            "too_few_to_judge",
            count=examples,
            wanted=HELD_OUT_FROM,
        )


def uses(method: str, name: str) -> bool:
    """Whether a method, or with `auto` some method, uses the setting of that name."""
    return method in ("auto", *_ONLY_OF.get(name, METHODS))


def check_share(text: str | float) -> float:
    """The share of earlier data: from 0 to below 1."""
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share < 1:
        raise ConfigError(
            f"the share of earlier data to replay must be a number from 0 to below 1, not '{text}'",
            "bad_share",
            text=str(text),
        )
    return share


def check_tracker(name: str) -> str:
    """`name`, if its package is installed."""
    if name != "none" and importlib.util.find_spec(name) is None:
        raise ConfigError(f"to report to {name}, its package is needed: pip install {name}", "no_tracker", name=name)
    return name


def versions() -> dict[str, str]:
    """Of all that the outcome of a run hangs on."""
    found = {name: importlib.metadata.version(name) for name in _PACKAGES}
    return {"ftchat": __version__, "python": platform.python_version(), **found}


def _nearest(value: str, known: list[str]) -> str:
    close = difflib.get_close_matches(value, known, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(close)}?" if close else f"it can be {', '.join(known)}"
