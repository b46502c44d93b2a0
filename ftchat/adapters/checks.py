"""Whether the two files of an adapter from outside may be kept. Only sizes, names and shapes are looked at here: no
tensor is read and no code of the adapter's is run. Knows nothing of where the files came from.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any

from ftchat.errors import ModelError
from ftchat.records import STARTER
from ftchat.settings import base_name

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
FILES = (CONFIG, WEIGHTS)
MOST_BYTES = 256 << 20  # of the weights
MOST_RANK = 1024
_MOST_CONFIG, _MOST_HEADER, _MOST_PATTERNS = 1 << 20, 16 << 20, 1000
_WIDTHS = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
# Of a config: code or layers of its own, and layers in another order than the base has them.
_REFUSED = ("auto_mapping", "modules_to_save", "layer_replication")
_MOVE_THE_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")  # their B A is a change of another base's weights
# Expressions for names of layers are run, so none may run away: no group is repeated, and few signs make it try again.
_PLAIN_PATTERN = re.compile(r"(?!.*\)[*+])[\w.|^$\\()\[\]*+-]{1,200}", re.ASCII)
_TRIES = re.compile(r"[(*+]")
_MOST_TRIES, _MOST_TRIES_IN_ALL = 2, 50


def check_adapter(folder: Path) -> str:
    """The base that the adapter in this folder was made for, as a run would call it; ModelError where one of its two
    files may not be used."""
    config = _config(folder / CONFIG)
    _check_kind(config)
    _check_weights(folder / WEIGHTS)
    named = config.get("base_model_name_or_path")
    if not isinstance(named, str) or not named.strip():
        raise ModelError(f"{CONFIG} does not say which base the adapter was made for: fill in base_model_name_or_path")
    if named == STARTER or PurePath(named).parts[-2:] == ("ftchat", STARTER):
        return STARTER
    base = base_name(named)
    if (base.startswith(("/", "~", ".")) and not Path(base).is_dir()) or "\\" in base:
        raise ModelError(
            f"this adapter was made for the base {named[:200]}, which is not on this machine; write that base's Hub "
            f"id, or its folder here, as base_model_name_or_path into {CONFIG}",
            "adapter_base",
            base=named[:200],
        )
    return base


def _config(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > _MOST_CONFIG:
            raise ModelError(f"{CONFIG} is larger than a config can be; bring that of PEFT")
        config = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        config = None
    if not isinstance(config, dict):
        raise ModelError(f"{CONFIG} cannot be read as JSON; bring the file that PEFT wrote", "adapter_config")
    return config


def _check_kind(config: Mapping[str, Any]) -> None:
    kind = config.get("peft_type")
    if kind != "LORA":
        raise ModelError(
            f"this adapter is of the kind {str(kind)[:40]}; only LoRA adapters can be brought",
            "adapter_kind",
            what=str(kind)[:40],
        )
    for key in _REFUSED:
        if config.get(key):
            raise ModelError(
                f"this adapter uses {key}, which is not taken from outside; train it without", "adapter_uses", what=key
            )
    _check_layers(config)
    started = config.get("init_lora_weights")
    if isinstance(started, str) and started.lower().startswith(_MOVE_THE_BASE):
        raise ModelError(
            f"this adapter was begun with {started[:40]}, which changes the base too; save it converted to plain LoRA",
            "adapter_uses",
            what=started[:40],
        )
    if not _is_number(config.get("lora_alpha")):
        raise ModelError(f"lora_alpha in {CONFIG} must be a number")
    rank = config.get("r")
    if not isinstance(rank, int) or not 1 <= rank <= MOST_RANK:
        raise _rank(rank)
    for key in ("alpha_pattern", "rank_pattern"):
        _check_pattern(key, config.get(key) or {})


def _check_layers(config: Mapping[str, Any]) -> None:
    """An expression is not looked into, for it is never run: the tensors say which layers are changed."""
    targets = config.get("target_modules")
    if not targets or not (isinstance(targets, str) or _is_list_of(str, targets)):
        raise ModelError(f"target_modules in {CONFIG} must be names of layers or one expression, as PEFT writes it")
    layers = config.get("layers_to_transform")
    if not (layers is None or _is_list_of(int, [layers]) or _is_list_of(int, layers)):
        raise ModelError(f"layers_to_transform in {CONFIG} must be the numbers of some layers, as PEFT writes it")
    patterns = config.get("layers_pattern") or []
    named = [patterns] if isinstance(patterns, str) else patterns
    if not _is_list_of(str, named) or not all(re.fullmatch(r"[\w.]+", name) for name in named):
        raise ModelError(f"layers_pattern in {CONFIG} must be the name of the list of layers, such as layers or h")


def _is_list_of(kind: type, value: object) -> bool:
    return isinstance(value, list) and all(type(one) is kind for one in value)


def _check_pattern(key: str, patterns: Any) -> None:
    """Of `alpha_pattern` and the like: plain expressions, few of which are more than a name, with a number each."""
    sound = isinstance(patterns, dict) and len(patterns) <= _MOST_PATTERNS
    if sound:
        tries = [len(_TRIES.findall(name)) for name in patterns]
        sound = all(_PLAIN_PATTERN.fullmatch(name) and _is_number(n) for name, n in patterns.items())
        sound = sound and max(tries, default=0) <= _MOST_TRIES and sum(tries) <= _MOST_TRIES_IN_ALL
    if not sound:
        raise ModelError(
            f"{key} in {CONFIG} must give a number for each of some names of layers, or for simple expressions with no "
            "more than two of the signs ( * +; write the names of the layers in their place"
        )
    try:
        for name in patterns:
            re.compile(f"({name})")
    except re.error:
        raise ModelError(f"{key} in {CONFIG} holds a pattern that cannot be read") from None


def _check_weights(path: Path) -> None:
    """By the header: only matrices of numbers, no larger than the file says, of no higher rank than is taken."""
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise ModelError(
            f"this adapter has {size >> 20} MB; up to {MOST_BYTES >> 20} MB are taken",
            "adapter_size",
            most=MOST_BYTES >> 20,
        )
    header = _header(path, size)
    if not header:
        raise ModelError(f"{WEIGHTS} holds no weights; copy it again", "adapter_damaged")
    for name, entry in header.items():
        try:
            shape, (start, end) = entry["shape"], entry["data_offsets"]
            held = math.prod(shape) * _WIDTHS[entry["dtype"]]
            sound = len(shape) in (1, 2) and min(shape) > 0 and start >= 0 and end - start == held
            sound = sound and all(type(n) is int for n in (*shape, start, end))
        except (KeyError, TypeError, ValueError):
            sound = False
        if not sound:
            raise ModelError(f"{WEIGHTS}: {name[:120]} is no matrix of numbers; copy the file again", "adapter_damaged")
        if ".lora_A" in name and shape[0] > MOST_RANK:
            raise _rank(shape[0])


def _header(path: Path, size: int) -> dict[str, Any]:
    """What the file says of its tensors: eight bytes with the length of a JSON object, and that."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if 0 < length <= min(_MOST_HEADER, size - 8):
            with suppress(ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
                header = json.loads(file.read(length))
                entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
                if max((entry["data_offsets"][1] for entry in entries.values()), default=0) == size - 8 - length:
                    return entries
    raise ModelError(
        f"{WEIGHTS} is damaged, or only a pointer to the real file; fetch it again (git lfs pull)", "adapter_damaged"
    )


def _rank(rank: object) -> ModelError:
    return ModelError(
        f"this adapter has the rank {rank!s:.20}; up to {MOST_RANK} are taken", "adapter_rank", most=MOST_RANK
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and abs(value) < 1e6
