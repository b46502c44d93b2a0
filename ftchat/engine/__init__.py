"""The engine: the only code that imports torch. It runs inside the worker."""

import logging
import os
import warnings

# OpenMP's threads wait without spinning: a page, a browser and a trainer share these cores, and threads that burn
# them while they wait make a busy machine ten times slower. It must be said before torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import transformers

# Standard error is the user's: libraries speak there only of what is broken.
transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
warnings.filterwarnings("ignore", category=FutureWarning, module=r"transformers\.")
for _name in ("bitsandbytes", "accelerate", "trl", "peft"):
    logging.getLogger(_name).setLevel(logging.ERROR)
