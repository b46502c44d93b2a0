"""Whether the output layer is computed in tiles, so that the logits of a large vocabulary are never in memory at once.

The tiles are TRL's: Triton compiles them for a GPU, elsewhere PyTorch folds them. Knows nothing of losses or of what is
trained.
"""

from __future__ import annotations

import functools
import os
import shutil
import sysconfig
from pathlib import Path

from transformers import PreTrainedModel
from transformers.utils import is_triton_available
from trl.trainer.utils import add_fused_lm_head

# Numbers of logits; more are computed in tiles. The layer is then computed twice, which a GPU hardly notices, while a
# step holds about 16 bytes for each number that is not in a tile.
_PLAIN = {"cpu": 2**26, "cuda": 2**24}


def tiled(logits: int, device: str) -> bool:
    """Of so many numbers, on a device of that type."""
    return logits > _PLAIN[device] and (device == "cpu" or not is_triton_available() or _can_compile())


def score_in_tiles(base: PreTrainedModel, again: bool = False) -> None:
    """From now on the model's forward gives log-probabilities too, by tiles. The patch stays on it. `again`: in place
    of another one."""
    if again:
        vars(base).pop("forward", None)
    if "forward" not in vars(base):
        add_fused_lm_head(base)


@functools.cache
def _can_compile() -> bool:
    """Triton builds the host's part of a kernel with the system's C compiler and Python's headers."""
    compiler = os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")
    return bool(compiler) and Path(sysconfig.get_path("include"), "Python.h").is_file()
