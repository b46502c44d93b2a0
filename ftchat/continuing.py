"""From an earlier run to the config of one that goes on from its adapter. Knows nothing of how either is trained."""

from __future__ import annotations

import dataclasses

from ftchat.data import DatasetStore
from ftchat.errors import ConfigError, DataError
from ftchat.records import Origin, RunConfig
from ftchat.runs import Run
from ftchat.settings import SHAPING, check_meant, check_share, uses


def continued(config: RunConfig, earlier: Run, replay: str | float, datasets: DatasetStore) -> RunConfig:
    """This config for a run that starts from what the earlier one learned, with its base, its method and the size of
    its adapter. ConfigError where it asks for others, or where there is nothing to go on from."""
    check_usable(earlier)
    resolved, name = earlier.resolved, earlier.config.name
    assert resolved is not None
    if config.base != earlier.config.base:
        raise ConfigError(
            f"run {name} was trained on {earlier.config.base}, and what goes on from it is too; "
            f"leave out the base {config.base}",
            "other_base",
            name=name,
            base=earlier.config.base,
        )
    if config.method not in ("auto", resolved.method):
        raise ConfigError(
            f"run {name} was trained with {resolved.method}, and what goes on from it is too; "
            f"leave out the method {config.method}",
            "other_method",
            name=name,
            method=resolved.method,
        )
    check_meant(resolved.method, config.settings)
    shape = {key: getattr(resolved, key) for key in SHAPING if uses(resolved.method, key)}
    for key, value in shape.items():
        if config.settings.get(key, value) != value:
            raise ConfigError(
                f"{key} of run {name} is {value}, which cannot change in going on from it; leave out {key}",
                "other_shape",
                name=name,
                key=key,
                value=str(value),
            )
    origin = Origin(earlier.id, earlier.config, check_share(replay))
    config = dataclasses.replace(config, method=resolved.method, settings={**config.settings, **shape}, origin=origin)
    for dataset in earlier.config.datasets if origin.replay else ():
        try:
            datasets.info(dataset)
        except DataError:
            raise ConfigError(
                f"the data of run {name} ({dataset}) is not kept any more, so none of it can be replayed; "
                "read its file again, or leave out the replay",
                "no_replay",
                name=name,
            ) from None
    return config


def check_usable(run: Run) -> None:
    """ConfigError, unless the run has ended with an adapter that training can go on from."""
    name, status, resolved = run.config.name, run.status(), run.resolved
    if not status.over:
        raise ConfigError(
            f"run {name} is {status.state}; wait until it ends, or stop it, to go on from what it learned",
            "not_over",
            name=name,
        )
    if status.resumable:
        raise ConfigError(
            f"run {name} is {status.state}; resume it first, and go on from it when it has ended", "not_over", name=name
        )
    if not status.usable or resolved is None or not (run.adapter / "adapter_model.safetensors").exists():
        raise ConfigError(
            f"run {name} ({status.state}) has no adapter to go on from; choose another run", "no_adapter", name=name
        )
    if resolved.method == "ptuning" and not (run.adapter / "trained.safetensors").exists():
        raise ConfigError(
            f"run {name} is from before ftchat kept the network of ptuning, and only what it gave is there, so nothing "
            "can go on from it; train it again, or choose another run",
            "ending",
            name=name,
        )
