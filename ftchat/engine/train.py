"""A run: examples -> tokens -> SFTTrainer -> a saved adapter. Knows nothing of requests or pages.

What happens is appended to the run's history as it happens. The base comes out of it as it went in.
"""

from __future__ import annotations

import copy
import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset as TokenDataset
from transformers import set_seed
from trl import SFTConfig
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from ftchat.data import NEAR_LIMIT, leaks
from ftchat.engine import methods
from ftchat.engine.checkpoints import disk_full_said, last_whole
from ftchat.engine.checks import base_left_as_it_was, base_probe, check_after, check_tokens
from ftchat.engine.closing import BrokenOff, back_to_best, close_badly, close_diverged, close_well, keep, open_history
from ftchat.engine.counting import beside, driven
from ftchat.engine.encoding import encode_all, encode_learned, within
from ftchat.engine.forecast import facts_of, memory_of, way_out
from ftchat.engine.healing import MemoryFull, died_of_memory, heal, healed
from ftchat.engine.learners import Learner
from ftchat.engine.loading import half
from ftchat.engine.memory import Meter, is_out_of_memory, memory_kills, sparing
from ftchat.engine.models import Resident
from ftchat.engine.rehearsal import rehearse
from ftchat.engine.reporter import Asked, Reporter
from ftchat.engine.resolve import resolve
from ftchat.engine.resumable import ResumableTrainer
from ftchat.engine.samples import Sampler
from ftchat.engine.template import Encoded
from ftchat.engine.trackers import Tracker
from ftchat.errors import TrainingError
from ftchat.events import Checked, DryStepBegun, DryStepPassed, RunInterrupted, RunPaused
from ftchat.files import hash_files
from ftchat.records import Example, ResolvedConfig, Sides
from ftchat.runs import Run

Way = Callable[[Run, Sides, str, Resident, Callable[[], Asked], Meter], MemoryFull | None]


def train(run: Run, sides: Sides, method: str, resident: Resident, pulse: Callable[[], Asked], meter: Meter) -> None:
    """Trains a run from where it is to its end and leaves its adapter resident and frozen. `pulse` is called between
    steps, may use the model to chat, and says what is wanted of the run. Failures go into the history."""
    survive(_train, run, sides, method, resident, pulse, meter)


def survive(
    way: Way, run: Run, sides: Sides, method: str, resident: Resident, pulse: Callable[[], Asked], meter: Meter
) -> None:
    """Goes a run's way again for as long as full memory ends it and can be healed. Failures go into the history."""
    meter.begin()
    try:
        with disk_full_said(run.folder):
            while full := way(run, sides, method, resident, pulse, meter):
                resident.detach(run.id)
                gc.collect()
                if resident.device.type == "cuda":
                    torch.cuda.empty_cache()
                rows = encode_all(resident, sides.learned, pulse)
                heal(run, full, driven(way_out(resident, full.resolved, rows, meter), pulse))
    except BrokenOff:
        raise
    except Exception as error:
        resident.detach(run.id)
        close_badly(run, error)


def _train(
    run: Run, sides: Sides, method: str, resident: Resident, pulse: Callable[[], Asked], meter: Meter
) -> MemoryFull | None:
    """Goes on until the run is over, or memory is full."""
    learned, held_out, _ = sides
    rows = encode_learned(resident, learned, pulse)
    measured = encode_all(resident, held_out, pulse)
    checkpoint, frozen = last_whole(run.checkpoints), run.resolved
    facts = facts_of(resident, method, sides.sizes, [len(row.ids) for row in rows])
    draft = healed(run, frozen or resolve(run.config, facts))
    if draft.device != resident.device.type:
        raise TrainingError(f"run {run.config.name} was begun on {draft.device}; resume it on such a machine")
    if died_of_memory(run):
        return MemoryFull(draft, 0)
    before = base_probe(resident)
    set_seed(draft.seed)
    learner = resident.teach(lambda: methods.learner(run.id, draft, resident))
    if checkpoint is None:
        start_from(run, learner)
    again = draft.gradient_checkpointing
    with base_left_as_it_was(resident, again), sparing(again), threads(draft.threads):
        if frozen is None:
            try:
                timed = run.config.preset == "quick"
                seconds = dry_step(run, resident, draft, within(rows, draft.max_length), meter, timed, pulse)
            except Exception as error:
                return if_memory(error, draft, 0)
            frozen = healed(run, resolve(run.config, facts, seconds))
            run.freeze(frozen)
        else:
            frozen = draft
        learner.plan(frozen.max_steps)
        rows = within(rows, frozen.max_length)
        open_history(run, frozen, checkpoint)
        for check in driven(check_tokens(resident, learned, rows, frozen.max_length), pulse):
            run.append(check)
        if held_out:
            own = run.config.held_out is not None
            run.append(beside(lambda: check_held_out(learned, held_out, own), pulse))
        vocabulary = resident.model.get_input_embeddings().weight.shape[0]
        sampler = Sampler(run, resident, learned, held_out)
        tracker = Tracker(frozen.report_to, run, frozen, checkpoint.step if checkpoint else 0)
        reporter = Reporter(run, meter, frozen, pulse, vocabulary, sampler, tracker)
        parts = trainer_parts(run.checkpoints, resident, frozen, rows, within(measured, frozen.max_length), pulse)
        trainer = ResumableTrainer(reporter=reporter, **parts)
        try:
            trainer.begin(checkpoint)
        except Exception as error:
            full = if_memory(error, frozen, reporter.step)
            trainer.save_after(error)
            return full
        finally:
            tracker.close()
    if reporter.diverged:
        close_diverged(run, resident, reporter, pulse)
    elif reporter.asked in ("pause", "interrupt") and not reporter.complete:
        resident.detach(run.id)
        closing = RunPaused if reporter.asked == "pause" else RunInterrupted
        run.append(closing(step=reporter.step))
    else:
        kept = back_to_best(run, resident) if reporter.early == "overfit" else 0
        keep(run, resident, pulse)
        checks, pairs = check_after(resident, run.id, learned, before, pulse)
        for check in checks:
            run.append(check)
        if not held_out:
            for pair in pairs:
                run.append(pair.logged(reporter.step, held_out=False))
        close_well(run, reporter, kept)
    return None


def if_memory(error: Exception, resolved: ResolvedConfig, step: int) -> MemoryFull:
    """What an error says of memory; any other goes on its way. Nothing of it stays, for it holds tensors."""
    if not is_out_of_memory(error):
        raise error
    return MemoryFull(resolved, step)


def start_from(run: Run, learner: Learner) -> None:
    """Goes on from the adapter of an earlier run, as it was copied, if the run asks for one."""
    origin = run.config.origin
    if origin is None:
        return
    if not run.start.is_dir() or hash_files(run.start) != origin.adapter:
        raise TrainingError(
            f"the adapter that run {run.config.name} starts from is damaged in {run.start}; train again from the run "
            "that made it"
        )
    learner.start_from(run.start)


def dry_step(
    run: Run,
    resident: Resident,
    draft: ResolvedConfig,
    rows: Sequence[Encoded],
    meter: Meter,
    timed: bool,
    pulse: Callable[[], object],
) -> float | None:
    """Tries the longest batch. `timed`: the seconds of a step are wanted, to plan the steps by them."""
    run.append(DryStepBegun(kills=memory_kills()))
    found = rehearse(resident, draft, rows, meter, timed)
    estimated = driven(memory_of(resident, draft, rows), pulse).total
    run.append(DryStepPassed(estimated=estimated, measured=found.memory, seconds=found.seconds))
    return found.seconds if timed else None


@contextmanager
def threads(wanted: int) -> Iterator[None]:
    """As many threads as at the beginning of the run: sums over other parts round otherwise."""
    had = torch.get_num_threads()
    torch.set_num_threads(wanted)
    try:
        yield
    finally:
        torch.set_num_threads(had)


def check_held_out(learned: Sequence[Example], held_out: Sequence[Example], own: bool) -> Checked:
    """Before step 1: nothing that is held out is trained on. A split keeps near duplicates together; in the user's
    own held-out data they are looked for, among as many as in reading."""
    near = own and len(learned) + len(held_out) <= NEAR_LIMIT
    found = {index for index, _ in leaks(learned, held_out, near)}
    return Checked(name="held_out_is_new", ok=not found, detail=f"{len(held_out) - len(found)} / {len(held_out)}")


def trainer_parts(
    folder: Path,
    resident: Resident,
    resolved: ResolvedConfig,
    rows: Sequence[Encoded],
    held_out: Sequence[Encoded],
    pulse: Callable[[], object] = lambda: None,
) -> dict[str, Any]:
    """What a trainer of the resident learner is made of, beside whoever watches it."""
    learner = resident.learner
    assert learner is not None
    on_gpu = resolved.device == "cuda"
    arguments = SFTConfig(
        output_dir=str(folder),
        max_steps=resolved.max_steps,
        per_device_train_batch_size=resolved.per_device_train_batch_size,
        per_device_eval_batch_size=resolved.per_device_train_batch_size,
        gradient_accumulation_steps=resolved.gradient_accumulation_steps,
        learning_rate=resolved.learning_rate,
        lr_scheduler_type=resolved.lr_scheduler_type,
        warmup_steps=resolved.warmup_steps,
        weight_decay=resolved.weight_decay,
        max_grad_norm=resolved.max_grad_norm,
        router_aux_loss_coef=0.0,  # the loss is that of the answers
        neftune_noise_alpha=resolved.neftune_noise_alpha or None,
        gradient_checkpointing=resolved.gradient_checkpointing,
        bf16=on_gpu and half() == torch.bfloat16,
        fp16=on_gpu and half() == torch.float16,
        use_cpu=not on_gpu,
        train_sampling_strategy=resolved.train_sampling_strategy,
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
    arguments._n_gpu = min(1, arguments.n_gpu)  # of several GPUs one is used; TRL refuses to be given them all
    return {
        "learner": learner,
        "model": learner.model,
        "args": arguments,
        "data_collator": DataCollatorForLanguageModeling(pad_token_id=resident.template.end_id),
        "train_dataset": beside(lambda: _token_dataset(rows), pulse),
        "eval_dataset": beside(lambda: _token_dataset(held_out), pulse) if held_out else None,
        "processing_class": copy.deepcopy(resident.tokenizer),
        "smoothing": resolved.label_smoothing_factor,
        "packing": resolved.packing,
    }


def _token_dataset(rows: Sequence[Encoded]) -> TokenDataset:
    return TokenDataset.from_dict(
        {"input_ids": [list(row.ids) for row in rows], "labels": [row.labels for row in rows]}
    )
