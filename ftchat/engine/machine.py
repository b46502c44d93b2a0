"""What this machine is, in plain values. Knows nothing of models that are loaded."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
from typing import Any

import psutil
import torch

from ftchat.catalogue import catalogue
from ftchat.engine.memory import memory_free, memory_total, memory_used
from ftchat.files import ftchat_home

_PACKAGES = ("torch", "transformers", "peft", "trl", "bitsandbytes", "accelerate", "datasets", "gradio", "optuna")
_GB = 1024**3
_BYTES_PER_PARAMETER = {"float32": 4.0, "bfloat16": 2.0, "nf4": 0.56}  # nf4: 4 bits and doubly quantised scales


def describe_machine() -> dict[str, Any]:
    """Memory in bytes. `fits` counts the base's weights in half of the memory, in parameters; the other half is
    left for activations, the optimizer and everything else, so it is a rule of thumb, not a measurement. `bases` says
    it of the catalogue's models, by the estimate of a step on one row of 1,024 tokens."""
    on_gpu = torch.cuda.is_available()
    memory = psutil.virtual_memory()
    device = torch.device("cuda" if on_gpu else "cpu")
    room = memory_free(device) + memory_used(device) if on_gpu else min(memory.available, memory_total(device))
    kinds = {"qlora": "nf4", "lora": "bfloat16" if on_gpu else "float32"}
    home = ftchat_home()
    existing = next(folder for folder in (home, *home.parents) if folder.exists())
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "memory_bytes": memory_total(torch.device("cpu")),
        "memory_free_bytes": memory.available,
        "gpu": torch.cuda.get_device_name() if on_gpu else None,
        "gpu_memory_bytes": torch.cuda.get_device_properties(0).total_memory if on_gpu else None,
        "home": str(home),
        "disk_free_bytes": shutil.disk_usage(existing).free,
        "default_method": "qlora" if on_gpu else "lora",
        "fits": {
            method: f"a base of about {0.5 * room / _BYTES_PER_PARAMETER[kind] / 1e9:.1f} B parameters ({kind})"
            for method, kind in kinds.items()
        },
        "bases": {offer.id: offer.fit("cuda" if on_gpu else "cpu", room) for offer in catalogue()},
        "versions": {name: _version(name) for name in _PACKAGES},
    }
    found["missing"] = [f"{name}: pip install {name}" for name, version in found["versions"].items() if not version]
    if found["disk_free_bytes"] < 2 * _GB:
        found["missing"].append(f"room on the disk of {home}: less than 2 GB is free")
    if not os.access(existing, os.W_OK):
        found["missing"].append(f"the right to write into {existing}; set FTCHAT_HOME to another folder")
    return found


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
