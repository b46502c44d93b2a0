"""The frozen values that everybody passes around. Knows nothing of files, models or pages."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

Role = Literal["system", "user", "assistant"]
Setting = int | float | str | bool
Badge = Literal["fits", "fits_qlora", "too_big"]

STARTER = "starter"  # the name of the embedded base model wherever a MODEL is asked for


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Example:
    """One conversation to learn from: it ends with an assistant message, and every assistant message is learned.

    `source`, `row` (from 1 within the source) and `line` (physical line, None where the format has none) say
    where it came from; `part` counts from 0 where one row gave several.
    """

    messages: tuple[Message, ...]
    source: str = ""
    row: int = 0
    line: int | None = None
    part: int = 0

    @property
    def place(self) -> tuple[str, int, int]:
        """What it is known by while a dataset is changed: no other example of the dataset has the same."""
        return self.source, self.row, self.part

    @property
    def prompt(self) -> str:
        """The last thing the user says."""
        return next((m.content for m in reversed(self.messages) if m.role == "user"), "")

    @property
    def completion(self) -> str:
        """The last answer."""
        return self.messages[-1].content

    @property
    def context(self) -> tuple[Message, ...]:
        """Everything before the last answer: what a chat would send."""
        return self.messages[:-1]


class Sides(NamedTuple):
    """What a run learns, and what it holds out. The last `replayed` of those learned are from an earlier run."""

    learned: tuple[Example, ...]
    held_out: tuple[Example, ...]
    replayed: int = 0

    @property
    def sizes(self) -> tuple[int, int, int]:
        """How many are learned, held out, and replayed of those learned."""
        return len(self.learned), len(self.held_out), self.replayed


@dataclass(frozen=True, slots=True)
class Origin:
    """The earlier run that a run goes on from: its id and its config as it was, which tell its data when it is gone.

    `replay` is the share of the examples learned that comes from what it learned; `adapter` the hash of the copy of its
    adapter, empty until there is one.
    """

    run: str
    config: RunConfig
    replay: float = 0.0
    adapter: str = ""


@dataclass(frozen=True, slots=True)
class RunConfig:
    """What the user asked for. `dataset` and `held_out` are hashes; without a held-out dataset of the user's own, a
    share of the data is held out. `settings` are the overrides, by their names in SFTConfig and LoraConfig. With
    `search_minutes` it is no run to keep but a search for the learning rate and the rank of one."""

    name: str
    dataset: str
    base: str = STARTER
    method: str = "auto"
    preset: str = "balanced"
    settings: Mapping[str, Setting] = field(default_factory=dict)
    held_out: str | None = None
    origin: Origin | None = None
    search_minutes: float = 0.0

    @property
    def datasets(self) -> tuple[str, ...]:
        """All that its examples come from."""
        earlier = self.origin.config.datasets if self.origin and self.origin.replay else ()
        return (self.dataset, *([self.held_out] if self.held_out else []), *earlier)


@dataclass(frozen=True, slots=True)
class ResolvedConfig:
    """A RunConfig with every `auto` turned into a number, frozen before step 1."""

    base: str
    method: str
    device: str
    precision: str  # of the base's weights: float32, bfloat16 or nf4
    seed: int
    threads: int
    examples: int
    held_out: int
    max_length: int
    per_device_train_batch_size: int
    gradient_accumulation_steps: int
    learning_rate: float
    lr_scheduler_type: str
    warmup_steps: int
    max_steps: int
    num_train_epochs: float
    weight_decay: float
    max_grad_norm: float
    gradient_checkpointing: bool
    r: int  # of LoRA and its kin, as the next two; 0 in other methods
    lora_alpha: int
    lora_dropout: float
    target_modules: tuple[str, ...]  # empty where no layer gets anything of its own
    eval_steps: int
    target_loss: float = 0.0  # training ends early once the mean loss of an epoch is below it
    time_limit: float = 0.0  # seconds of steps after which training ends early; 0: none
    versions: Mapping[str, str] = field(default_factory=dict)
    dataset: str = ""  # the hash of the version that is learned
    held_out_dataset: str | None = None  # of the user's own held-out data
    train_sampling_strategy: str = "random"  # or group_by_length
    save_steps: int = 0  # between checkpoints, beside those that time asks for; 0: those alone
    num_virtual_tokens: int = 0
    trainable_layers: int = 0  # of the first stage of layer freezing; the second trains twice as many
    neftune_noise_alpha: float = 0.0
    label_smoothing_factor: float = 0.0
    report_to: str = "none"  # the tracker that gets the numbers, too
    last_step: int = 0  # after which training ends, as that of the run which this one repeats did; 0: no such step
    early_stopping_patience: int = 0  # evaluations without a lower held-out loss after which training ends; 0: none
    replayed: int = 0  # of the examples, those from an earlier run
    packing: bool = False  # the examples of a batch side by side in few rows, without padding


@dataclass(frozen=True, slots=True)
class TokenView:
    """One token as the model sees it: `text` is exactly the characters that it stands for."""

    id: int
    text: str
    trained: bool
    special: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """The tokens of one example, from the function that training uses. `cut` counts tokens lost to the limit."""

    tokens: tuple[TokenView, ...]
    cut: int
    problem: str | None = None  # why the example cannot be trained on with this base, in a sentence

    @property
    def trained(self) -> int:
        return sum(token.trained for token in self.tokens)


@dataclass(frozen=True, slots=True)
class TokenStats:
    """Lengths in tokens over a dataset: `lengths` in the order of the examples, before any cut; 0 where the chat
    template refuses one. `lost` are the indices of examples of which the limit leaves an answer out whole."""

    total: int
    trained: int
    max: int
    p50: int
    p95: int
    over_limit: int
    answer_lost: int
    limit: int
    lengths: tuple[int, ...]
    lost: tuple[int, ...] = ()


# Of an example that is too long: its index, how many of its messages stay, and how many characters of the last of them.
Fit = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class BaseInfo:
    """A base model that is loaded and ready; `notes` are sentences on its chat template."""

    name: str
    parameters: int
    precision: str
    device: str
    context: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run will take, before it is begun, beside what there is. Bytes: `base` its weights, `adapter` what is
    trained with gradients and optimizer, `step` what a forward and backward pass keep, `process` what it takes beyond
    its tensors; `available` is what the machine has for them.

    `seconds` are None where the time cannot be told yet; `ends_early`: it may well take less.
    """

    resolved: ResolvedConfig
    base: int
    adapter: int
    step: int
    process: int
    available: int
    fit: Badge
    seconds: float | None
    ends_early: bool

    @property
    def total(self) -> int:
        return self.base + self.adapter + self.step + self.process


@dataclass(frozen=True, slots=True)
class WorkerState:
    """What the owner of the model holds: its base, the adapters that are ready, and how many requests are open."""

    base: str | None
    adapters: tuple[str, ...]
    replies: int


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a reply is drawn. Temperature 0 is greedy; else from the likeliest tokens that together have the
    probability `top_p`. The seed is shared by the panes of a request."""

    temperature: float = 0.7
    max_new_tokens: int = 256
    seed: int = 0
    top_p: float = 0.95


@dataclass(frozen=True, slots=True)
class Pane:
    """One column of the duet: `run` is the id of the run whose adapter answers, or of an adapter that was brought; None
    for the base alone. `strength`, from 0 to 1.5, multiplies what the adapter changes. `checkpoint` is the step at
    which a run's adapter is taken, or "now" for what a run has learned so far; None is what it learned in the end,
    which "now" is too once training is over."""

    run: str | None
    messages: tuple[Message, ...]
    strength: float = 1.0
    checkpoint: int | Literal["now"] | None = None


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """Panes that are answered together, from one set of weights."""

    id: str
    base: str
    panes: tuple[Pane, ...]
    sampling: Sampling = Sampling()


def to_json(record: Any) -> dict[str, Any]:
    """A record as plain JSON values, by field name."""
    return dataclasses.asdict(record)
