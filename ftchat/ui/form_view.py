"""What the form of the Train tab says, as HTML and as choices. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping

from ftchat.settings import METHODS, PRESETS, TRACKERS, held_out_share, uses
from ftchat.ui.icons import icon
from ftchat.ui.markup import esc
from ftchat.ui.texts import t

FIELDS: Mapping[str, str] = {  # setting: key of its label
    "learning_rate": "ft_learning_rate",
    "num_train_epochs": "ft_epochs",
    "r": "ft_rank",
    "max_length": "ft_max_length",
    "per_device_train_batch_size": "ft_batch",
    "gradient_accumulation_steps": "ft_accumulation",
    "max_steps": "ft_max_steps",
    "warmup_steps": "ft_warmup",
    "lr_scheduler_type": "ft_schedule",
    "weight_decay": "ft_weight_decay",
    "max_grad_norm": "ft_grad_norm",
    "lora_alpha": "ft_alpha",
    "lora_dropout": "ft_dropout",
    "num_virtual_tokens": "ft_virtual_tokens",
    "trainable_layers": "ft_layers",
    "neftune_noise_alpha": "ft_neftune",
    "label_smoothing_factor": "ft_smoothing",
    "gradient_checkpointing": "ft_checkpointing",
    "train_sampling_strategy": "ft_sampling",
    "packing": "ft_packing",
    "eval_steps": "ft_eval_steps",
    "early_stopping_patience": "ft_patience",
    "save_steps": "ft_save_steps",
    "seed": "ft_seed",
}


def meant(method: str, name: str) -> bool:
    """Whether the field of a setting is shown, and what is in it taken: `auto` is LoRA, on 4-bit weights or not."""
    return uses("lora" if method == "auto" else method, name)


def preset_radios(chosen: str, lang: str) -> str:
    cards = "".join(
        f'<button class="ft-preset" role="radio" data-value="{preset}" {_checked(preset == chosen)}>'
        f"<b>{esc(t(f'ft_{preset}', lang))}</b><small>{esc(t(f'ft_{preset}_is', lang))}</small></button>"
        for preset in PRESETS
    )
    title = esc(t("ft_how_long", lang))
    return f'<h2 class="ft-h2">{title}</h2><div class="ft-presets" role="radiogroup" aria-label="{title}">{cards}</div>'


def preset_note(preset: str, pairs: int, own: tuple[str, int], lang: str) -> str:
    """What the preset does with this many pairs; `own` are name and number of held-out pairs of the user's own."""
    if not pairs:
        said = t("ft_no_data_note", lang)
    elif own[1]:
        said = t("ft_own_held_note", lang, n=pairs, name=own[0], held=own[1])
    elif preset == "quick":
        said = t("ft_quick_note", lang, n=pairs)
    elif share := held_out_share(preset, pairs):
        said = t("ft_measured_note", lang, n=pairs, held=round(share * pairs))
    else:
        said = t("ft_unmeasured_note", lang, n=pairs)
    return f'<p class="ft-sub">{esc(said)}</p>'


def data_line(name: str, pairs: int, lang: str) -> str:
    """What will be trained on."""
    size = esc(t("ft_n_pairs", lang, n=pairs))
    return (
        f'<div class="ft-row ft-on"><span class="ft-mut">{esc(t("ft_trains_on", lang))}</span>'
        f'<b class="ft-cut">{esc(name)}</b><span class="ft-mut ft-sp">{size}</span></div>'
    )


def why_not(lang: str) -> str:
    """Why Start is disabled, with the way out."""
    link = f'<button class="ft-link" data-go="data">{esc(t("ft_add_data", lang))}</button>'
    return f'<p class="ft-why">{icon("note")}<span>{esc(t("ft_no_data", lang))} {link}</span></p>'


def methods(lang: str) -> list[tuple[str, str]]:
    return [(t(f"ft_method_{method}", lang), method) for method in METHODS]


def trackers(lang: str) -> list[tuple[str, str]]:
    none, *others = TRACKERS
    return [(t(f"ft_tracker_{none}", lang), ""), *((t(f"ft_tracker_{name}", lang), name) for name in others)]


def note_line(key: str, lang: str) -> str:
    return f'<p class="ft-sub">{esc(t(key, lang))}</p>'


def _checked(on: bool) -> str:
    return f'aria-checked="{"true" if on else "false"}" tabindex="{0 if on else -1}"'
