"""What a loss that went wrong can be blamed on, in sentences. Knows nothing of how it was computed.

Until the first step is taken nothing has moved, so there no learning rate is at fault. In float16, whose numbers end at
65504, activations may overflow at any step, whatever the rate.
"""

from __future__ import annotations


def no_number(base: str, step: int, rate: float, float16: bool) -> str:
    """Of the loss of `step`; 0 is the dry step. `float16`: it is computed so."""
    elsewhere = "train it on a GPU that knows bfloat16, or on a CPU, or choose another base"
    if step <= 1:
        cause = f"its activations overflow in float16, the precision of this GPU; {elsewhere}"
        if not float16:
            cause = "its weights are damaged, or too large for their precision; fetch it again or choose another base"
        return f"the loss of {base} is no number before anything is learned, so not for the learning rate: {cause}"
    said = f"the loss is no longer a number at step {step}"
    if not float16:
        return f"{said}: {_too_high(rate)}"
    return (
        f"{said}: either {_too_high(rate)}, or activations of {base} overflow in float16, the precision of this GPU; "
        f"if the lower rate does not help, {elsewhere}"
    )


def exploded(step: int, rate: float) -> str:
    return f"the loss has exploded: at step {step} the model does far worse than guessing; {_too_high(rate)}"


def _too_high(rate: float) -> str:
    return f"the learning rate {rate:g} is too high for this model; try a third of it"
