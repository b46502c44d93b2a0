"""TRL's trainer with a loss that computes only what is learned. Knows nothing of runs, settings or histories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from peft import PeftModel
from torch.nn import functional
from transformers import PreTrainedModel, TrainerControl
from trl import SFTTrainer

from ftchat.engine.packing import packed
from ftchat.engine.tiles import score_in_tiles, tiled

_SEEN = ("input_ids", "attention_mask", "position_ids")  # what the model gets of a batch


class AnswerTrainer(SFTTrainer):
    """`SFTTrainer` whose output layer sees the learned positions alone. TRL's own loss computes it for every position
    on a CPU, and again in the backward pass, beside entropy and accuracy. What is trained stays in the precision that
    it has: on a base of four bits TRL would round it to bfloat16, and the optimizer's memory with it, where small steps
    are lost and the gradient scaler of an older GPU fails. `smoothing` is the share of each token's weight that goes to
    all others, and `packing` lays the examples of a batch side by side: both in training only. `held_out_nll` is what
    the last evaluation found, of each held-out row."""

    smoothing = 0.0
    packing = False
    held_out_nll: Sequence[float] = ()
    control: TrainerControl

    def __init__(self, model: torch.nn.Module, **arguments: Any):
        exact = [(parameter, parameter.data) for parameter in model.parameters() if parameter.requires_grad]
        super().__init__(model=model, **arguments)
        for parameter, numbers in exact:
            parameter.data = numbers
        score_in_tiles(_base_of(model), again=True)

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        mode = "train" if self.model.training else "eval"
        if mode == "train":
            self._total_train_tokens += int(inputs["attention_mask"].sum())
        self._metrics[mode]["num_tokens"] = [self._total_train_tokens]
        if mode == "eval":
            return answer_loss(model, inputs, num_items_in_batch)
        return answer_loss(model, packed(inputs) if self.packing else inputs, num_items_in_batch, self.smoothing)

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """The held-out loss: the mean over all learned tokens of all rows, whatever batches they fall into. Callbacks
        hear of each batch: a large held-out set takes minutes on a CPU, and chat is not to wait for it."""
        nll: list[float] = []
        tokens = 0
        self.model.eval()
        for inputs in self.get_eval_dataloader():
            inputs = self._prepare_inputs(inputs)
            with torch.no_grad(), self.accelerator.autocast():
                nll += nll_of_rows(self.model, inputs).tolist()
            tokens += int((inputs["labels"][:, 1:] != -100).sum())
            self.control = self.callback_handler.on_prediction_step(self.args, self.state, self.control)
        self.held_out_nll = nll
        metrics = {"eval_loss": sum(nll) / max(1, tokens)}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


def answer_loss(
    model: torch.nn.Module,
    inputs: dict[str, torch.Tensor],
    items: torch.Tensor | int | None = None,
    smoothing: float = 0.0,
) -> torch.Tensor:
    """Negative log-likelihood in nats of the tokens whose label is not -100, summed and divided by `items`, their
    number unless given (that of all micro-batches of a step). `inputs`: input_ids, labels, and attention_mask or, of
    packed rows, position_ids, each [rows, length]. Very many logits are computed by TRL's tiles, whose patch of the
    model's forward stays on it."""
    positions, targets = _learned(inputs)
    nll = nll_at(model, inputs, positions, targets, smoothing)
    return nll / (max(1, positions.numel()) if items is None else items)


def nll_of_rows(model: torch.nn.Module, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    """The sum of each row's negative log-likelihoods: [rows]. `inputs` as in `answer_loss`, not packed."""
    rows, length = inputs["input_ids"].shape
    positions, targets = _learned(inputs)
    nll = nll_at(model, inputs, positions, targets, each=True)
    return nll.new_zeros(rows).index_add(0, positions // (length - 1), nll)


def _learned(inputs: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """The positions before what is learned, and what is learned there."""
    labels = inputs["labels"][:, 1:].flatten()
    positions = (labels != -100).nonzero().squeeze(1)
    return positions, labels[positions]


def nll_at(
    model: torch.nn.Module,
    inputs: Mapping[str, torch.Tensor],
    positions: torch.Tensor,
    targets: torch.Tensor,
    smoothing: float = 0.0,
    each: bool = False,
    in_tiles: bool | None = None,
) -> torch.Tensor:
    """Of what the model is given in `inputs`, the sum over `positions` [n] of the negative log-likelihood of `targets`
    [n]; with `each`, not summed. Position p is the p-th of all [rows, length - 1] places that something follows.
    `in_tiles`, unless told, where there are very many logits; smoothing needs all of them at once."""
    length, base = inputs["input_ids"].shape[1], _base_of(model)
    if in_tiles is None:
        numbers = targets.numel() * base.get_output_embeddings().weight.shape[0]
        in_tiles = not smoothing and tiled(numbers, targets.device.type)

    def keep_learned(_module: torch.nn.Module, _args: Any, output: Any) -> Any:
        # A method that puts virtual tokens in front makes the sequence longer than its ids.
        name = "logits" if "logits" in output else "last_hidden_state"
        setattr(output, name, getattr(output, name)[:, -length:-1].flatten(0, 1)[positions].unsqueeze(0))
        return output

    fed = {name: inputs[name] for name in _SEEN if name in inputs} | {"use_cache": False}
    hook = base.get_decoder().register_forward_hook(keep_learned)  # in OPT it lies within its base_model
    try:
        if in_tiles:
            score_in_tiles(base)
            found = model(**fed, shift_labels=targets.unsqueeze(0), fused_lm_head=True).log_probs
            return found.flatten().neg() if each else found.sum().neg()
        return functional.cross_entropy(
            model(**fed).logits[0].float(), targets, reduction="none" if each else "sum", label_smoothing=smoothing
        )
    finally:
        hook.remove()


def _base_of(model: torch.nn.Module) -> PreTrainedModel:
    return model.get_base_model() if isinstance(model, PeftModel) else model
