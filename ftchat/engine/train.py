"""A run: examples -> tokens -> SFTTrainer -> a saved adapter. Knows nothing of requests or pages.

What happens is appended to the run's history as it happens. The base comes out of it as it went in.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from datasets import Dataset as TokenDataset
from peft import LoraConfig
from transformers import set_seed
from transformers.trainer_callback import PrinterCallback
from trl import SFTConfig
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from ftchat.data import NEAR_LIMIT, leaks
from ftchat.engine.checkpoints import disk_full_said, last_whole
from ftchat.engine.checks import base_left_as_it_was, base_probe, check_after, check_tokens
from ftchat.engine.closing import back_to_best, close_badly, close_diverged, close_well, keep, open_history
from ftchat.engine.models import Resident
from ftchat.engine.reporter import Asked, Reporter
from ftchat.engine.resolve import Facts, resolve
from ftchat.engine.resumable import ResumableTrainer
from ftchat.engine.samples import Sampler
from ftchat.engine.template import Encoded
from ftchat.engine.trackers import Tracker
from ftchat.errors import DataError, OutOfMemory, TrainingError
from ftchat.events import Checked, RunInterrupted, RunPaused
from ftchat.records import Example, ResolvedConfig
from ftchat.runs import Run

Sides = tuple[Sequence[Example], Sequence[Example]]  # what is learned, and what is held out

_TRAINER_OVERHEAD = 1.3  # allowed for a step of the trainer over bare forward and backward; not measured yet


def train(run: Run, sides: Sides, method: str, resident: Resident, pulse: Callable[[], Asked]) -> None:
    """Trains a run from where it is to its end and leaves its adapter resident and frozen. `pulse` is called between
    steps, may use the model to chat, and says what is wanted of the run. Failures go into the history."""
    try:
        with disk_full_said(run.folder):
            _train(run, sides, method, resident, pulse)
    except Exception as error:
        resident.detach(run.id)
        close_badly(run, error)


def _train(run: Run, sides: Sides, method: str, resident: Resident, pulse: Callable[[], Asked]) -> None:
    learned, held_out = sides
    rows = encode_all(resident, learned)
    if not rows:
        raise DataError(f"none of the {len(learned)} examples can be trained on with this base: see the preview")
    checkpoint, frozen = last_whole(run.checkpoints), run.resolved
    draft = frozen or resolve(run.config, _facts(resident, method, learned, held_out, rows))
    if draft.device != resident.device.type:
        raise TrainingError(f"run {run.config.name} was begun on {draft.device}; resume it on such a machine")
    before = base_probe(resident)
    set_seed(draft.seed)
    resident.add_adapter(run.id, _lora_config(draft, resident))
    with base_left_as_it_was(resident, draft.gradient_checkpointing), _threads(draft.threads):
        if frozen is None:
            step_seconds = _time_of_a_step(resident, draft, rows) if run.config.preset == "quick" else None
            facts = _facts(resident, method, learned, held_out, rows)
            run.freeze(frozen := resolve(run.config, facts, step_seconds))
        rows = within(rows, frozen.max_length)
        open_history(run, frozen, checkpoint)
        for check in check_tokens(resident, learned, rows, frozen.max_length):
            run.append(check)
        if held_out:
            run.append(_check_held_out(learned, held_out, own=run.config.held_out is not None))
        vocabulary = resident.model.get_input_embeddings().weight.shape[0]
        sampler = Sampler(run, resident, learned, held_out)
        tracker = Tracker(frozen.report_to, run, frozen, checkpoint.step if checkpoint else 0)
        reporter = Reporter(run, resident.device, frozen, pulse, vocabulary, sampler, tracker)
        measured = within(encode_all(resident, held_out), frozen.max_length)
        trainer = _trainer(run, resident, frozen, rows, measured, reporter)
        try:
            trainer.begin(checkpoint)
        except torch.OutOfMemoryError:
            sentence = "the GPU's memory is full; choose a smaller model, --method qlora, or a smaller max_length"
            raise OutOfMemory(sentence) from None
        finally:
            tracker.close()
    if reporter.diverged:
        close_diverged(run, resident, reporter)
    elif reporter.asked in ("pause", "interrupt") and not reporter.complete:
        resident.detach(run.id)
        closing = RunPaused if reporter.asked == "pause" else RunInterrupted
        run.append(closing(step=reporter.step))
    else:
        kept = back_to_best(run, resident) if reporter.early == "overfit" else 0
        keep(run, resident)
        resident.attach(run.id, run.adapter)
        checks, pairs = check_after(resident, run.id, learned, before)
        for check in checks:
            run.append(check)
        if not held_out:
            for pair in pairs:
                run.append(pair.logged(reporter.step, held_out=False))
        close_well(run, reporter, kept)


def _facts(
    resident: Resident,
    method: str,
    learned: Sequence[Example],
    held_out: Sequence[Example],
    rows: Sequence[Encoded],
) -> Facts:
    return Facts(
        device=resident.device.type,
        precision=resident.precision,
        method=method,
        threads=torch.get_num_threads(),
        parameters=resident.info.parameters,
        context=resident.context,
        examples=len(learned),
        held_out=len(held_out),
        lengths=[len(row.ids) for row in rows],
        target_modules=resident.target_modules(),
    )


@contextmanager
def _threads(wanted: int) -> Iterator[None]:
    """As many threads as at the beginning of the run: sums over other parts round otherwise."""
    had = torch.get_num_threads()
    torch.set_num_threads(wanted)
    try:
        yield
    finally:
        torch.set_num_threads(had)


def _check_held_out(learned: Sequence[Example], held_out: Sequence[Example], own: bool) -> Checked:
    """Before step 1: nothing that is held out is trained on. A split keeps near duplicates together; in the user's
    own held-out data they are looked for, among as many as in reading."""
    near = own and len(learned) + len(held_out) <= NEAR_LIMIT
    found = {index for index, _ in leaks(learned, held_out, near)}
    return Checked(name="held_out_is_new", ok=not found, detail=f"{len(held_out) - len(found)} / {len(held_out)}")


def encode_all(resident: Resident, examples: Sequence[Example]) -> list[Encoded]:
    """Every sequence that these examples give. What the template refuses gives none, and is counted by the checks."""
    rows = [row for found in resident.template.encode_all(examples) for row in found or ()]
    return within(rows, resident.context)


def within(rows: Sequence[Encoded], limit: int) -> list[Encoded]:
    """The rows cut to the limit; those that would lose all that is learned are left out."""
    return [cut for row in rows if (cut := row.within(limit))]


def _lora_config(resolved: ResolvedConfig, resident: Resident) -> LoraConfig:
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=resolved.r,
        lora_alpha=resolved.lora_alpha,
        lora_dropout=resolved.lora_dropout,
        target_modules=list(resolved.target_modules),
        fan_in_fan_out=resident.transposed,
    )


def _trainer(
    run: Run,
    resident: Resident,
    resolved: ResolvedConfig,
    rows: Sequence[Encoded],
    held_out: Sequence[Encoded],
    reporter: Reporter,
) -> ResumableTrainer:
    assert resident.peft is not None
    on_gpu = resolved.device == "cuda"
    arguments = SFTConfig(
        output_dir=str(run.checkpoints),
        max_steps=resolved.max_steps,
        per_device_train_batch_size=resolved.per_device_train_batch_size,
        per_device_eval_batch_size=resolved.per_device_train_batch_size,
        gradient_accumulation_steps=resolved.gradient_accumulation_steps,
        learning_rate=resolved.learning_rate,
        lr_scheduler_type=resolved.lr_scheduler_type,
        warmup_steps=resolved.warmup_steps,
        weight_decay=resolved.weight_decay,
        max_grad_norm=resolved.max_grad_norm,
        gradient_checkpointing=resolved.gradient_checkpointing,
        bf16=on_gpu and torch.cuda.is_bf16_supported(),
        fp16=on_gpu and not torch.cuda.is_bf16_supported(),
        use_cpu=not on_gpu,
        seed=resolved.seed,
        data_seed=resolved.seed,
        max_length=None,
        dataset_kwargs={"skip_prepare_dataset": True},
        remove_unused_columns=False,
        dataloader_pin_memory=on_gpu,
        logging_steps=1,
        logging_nan_inf_filter=False,
        eval_strategy="steps" if held_out else "no",
        eval_steps=resolved.eval_steps,
        eval_on_start=bool(held_out),
        prediction_loss_only=True,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        push_to_hub=False,
    )
    trainer = ResumableTrainer(
        run.id,
        reporter,
        model=resident.peft,
        args=arguments,
        data_collator=DataCollatorForLanguageModeling(pad_token_id=resident.template.end_id),
        train_dataset=_token_dataset(rows),
        eval_dataset=_token_dataset(held_out) if held_out else None,
        processing_class=copy.deepcopy(resident.tokenizer),
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _token_dataset(rows: Sequence[Encoded]) -> TokenDataset:
    return TokenDataset.from_dict(
        {"input_ids": [list(row.ids) for row in rows], "labels": [row.labels for row in rows]}
    )


def _time_of_a_step(resident: Resident, draft: ResolvedConfig, rows: Sequence[Encoded]) -> float:
    """Seconds of one optimizer step, measured on a batch of rows of all lengths; the fastest of three counts.
    Leaves weights, gradients and random state as they were."""
    assert resident.peft is not None
    model, batch = resident.peft, draft.per_device_train_batch_size
    by_length = sorted(rows, key=lambda row: len(row.ids))
    sample = [by_length[i * len(by_length) // batch] for i in range(batch)]
    tensors = DataCollatorForLanguageModeling(pad_token_id=resident.template.end_id)(
        [{"input_ids": list(row.ids), "labels": row.labels} for row in sample]
    )
    tensors = {name: tensor.to(resident.device) for name, tensor in tensors.items()}
    seconds = math.inf
    with torch.random.fork_rng():
        model.train()
        for _ in range(3):
            began = time.monotonic()
            model(**tensors).loss.backward()
            if resident.device.type == "cuda":
                torch.cuda.synchronize()
            seconds = min(seconds, time.monotonic() - began)
            model.zero_grad(set_to_none=True)
    return seconds * draft.gradient_accumulation_steps * _TRAINER_OVERHEAD
