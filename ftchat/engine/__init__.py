"""The engine: the only code that imports torch. It runs inside the worker."""

import logging

import transformers

# Standard error is the user's: libraries speak there only of what is broken.
transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
for _name in ("bitsandbytes", "accelerate", "trl", "peft"):
    logging.getLogger(_name).setLevel(logging.ERROR)
