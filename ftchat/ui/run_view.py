"""A run as HTML: pure functions from what is on disk about it and a language. Knows nothing of components or stores."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ftchat.errors import FtchatError
from ftchat.events import Checked, RunStatus
from ftchat.records import ResolvedConfig, RunConfig
from ftchat.ui import numbers
from ftchat.ui.header import clock, model_name
from ftchat.ui.icons import icon
from ftchat.ui.markup import esc
from ftchat.ui.messages import sentence
from ftchat.ui.plots import Curve, Point, plot
from ftchat.ui.texts import TEXTS, t
from ftchat.ui.verdict import Verdict, verdict
from ftchat.ui.watch import watch

_CHIPS = {"running": "tuned", "finished": "tuned", "failed": "err", "interrupted": "warn", "paused": "warn"}
_PICTURES = {"calm": "curve", "warn": "warning", "err": "error"}
_METHODS = {
    "lora": "LoRA",
    "qlora": "QLoRA",
    "dora": "DoRA",
    "rslora": "rsLoRA",
    "pissa": "PiSSA",
    "adalora": "AdaLoRA",
    "ia3": "IA³",
    "ptuning": "P-tuning",
}


def state_word(status: RunStatus, lang: str) -> str:
    if status.state == "queued" and status.download:
        return t("ft_state_downloading", lang)
    return t(
        "ft_state_dropped" if status.state == "stopped" and not status.usable else f"ft_state_{status.state}", lang
    )


def state_chip(status: RunStatus, lang: str) -> str:
    tick = "✓ " if status.state == "finished" else ""
    word = esc(state_word(status, lang))
    return f'<span class="ft-chip {_CHIPS.get(status.state, "")}">{tick}{word}</span>'


def nothing(pairs: int, lang: str) -> str:
    """What stands where the run will be."""
    head, text = ("ft_ready_head", "ft_ready_text") if pairs else ("ft_empty_head", "ft_empty_text")
    ghost = (
        '<svg class="ft-ghost" viewBox="0 0 320 90" aria-hidden="true"><path d="M0 8 C50 50 90 70 320 76"/>'
        '<path class="ref" d="M0 10H320"/><path class="axis" d="M0 89H320"/></svg>'
    )
    return f'<div class="ft-empty ft-fill">{ghost}<b>{esc(t(head, lang))}</b><span>{esc(t(text, lang))}</span></div>'


def stage(config: RunConfig, resolved: ResolvedConfig | None, status: RunStatus, lang: str, ahead: int = 0) -> str:
    """The run itself: all that changes while it trains. `ahead`: how many runs go before one that waits."""
    curves = loss_plot(status, lang) + words(status, lang, ahead) + small_plots(status, lang)
    shown = head(config, resolved, status, lang)
    asked = watch(status.samples, lang)
    learnt = f'<div class="ft-card" id="ft-watch">{asked}</div>' if asked else ""
    return f'<div class="ft-card">{shown}</div><div class="ft-card ft-curves">{curves}</div>{learnt}'


def damaged(found: Sequence[FtchatError], lang: str) -> str:
    """What is wrong with the files of runs; nothing where nothing is."""
    said = "".join(f"<p>{esc(sentence(damage, lang))}</p>" for damage in found)
    return f'<div class="ft-words warn ft-damaged">{icon("warning")}<div>{said}</div></div>' if said else ""


def aside(
    config: RunConfig, resolved: ResolvedConfig | None, status: RunStatus, data: str, ending: str, lang: str
) -> str:
    """What stands fixed beside the run, with the ways to stop it, to pause it or to begin another. `ending` is the way
    that was chosen already, "stop" or "pause"."""
    off = " disabled" if ending else ""
    word = t("ft_stopping" if ending == "stop" else "ft_stop_run", lang)
    if status.state == "queued" and not status.download:
        word = t("ft_take_back", lang)
    pause = t("ft_pausing" if ending == "pause" else "ft_pause_run", lang)
    stop = (
        f'<div class="ft-stopbar"><button class="ft-btn stop" id="ft-stop-run" data-stop="1"{off}>{esc(word)}</button>'
        f'<button class="ft-btn" id="ft-pause-run" data-pause="1"{off}>{esc(pause)}</button></div>'
    )
    new = f'<button class="ft-btn" id="ft-new-run" data-new="1">{esc(t("ft_new_run", lang))}</button>'
    if status.usable:
        onward = f'<button class="ft-btn" id="ft-onward" data-onward="1">{esc(t("ft_onward", lang))}</button>'
        new = f'<div class="ft-stopbar">{onward}{new}</div>'
    settings = summary(config, resolved, status, data, lang)
    checked = checks(status, lang)
    return (
        f'<div class="ft-card" id="ft-live">{settings}{"" if status.over else stop}{new}</div>'
        f'{f"""<div class="ft-card" id="ft-checked">{checked}</div>""" if checked else ""}'
    )


def _method(resolved: ResolvedConfig) -> str:
    """Its name as in papers, and the number that says how much it trains, where there is one."""
    name = _METHODS.get(resolved.method, resolved.method)
    if resolved.r:
        return f"{name} r{resolved.r}"
    return f"{name} ×{resolved.num_virtual_tokens}" if resolved.num_virtual_tokens else name


def head(
    config: RunConfig,
    resolved: ResolvedConfig | None,
    status: RunStatus,
    lang: str,
    figures: Sequence[tuple[str, str]] = (),
) -> str:
    """Name, state, progress and the four numbers that matter now; `figures` in their place."""
    share = 100 * status.share
    facts = [model_name(config.base, lang)]
    if resolved:
        facts += [_method(resolved)]
        facts += [t("ft_n_pairs", lang, n=resolved.examples)]
    shown = "".join(
        f"<div><b>{esc(value)}</b><span>{esc(word)}</span></div>" for value, word in figures or _figures(status, lang)
    )
    compare = ""
    if status.usable:
        word = esc(t("ft_open_compare", lang))
        compare = f'<button class="ft-btn primary" id="ft-open-compare" data-go="compare">{word}</button>'
    return (
        f'<div id="ft-run" data-state="{status.state}"><div class="ft-row ft-runtitle">'
        f'<h2 class="ft-h2 ft-cut">{esc(config.name)}</h2>{state_chip(status, lang)}'
        f'<span class="ft-mut ft-sp">{esc(" · ".join(facts))}</span></div>'
        f'<div class="ft-prog" role="progressbar" aria-label="{esc(t("ft_progress", lang))}" aria-valuemin="0"'
        f' aria-valuemax="100" aria-valuenow="{math.floor(share)}"><i style="width:{share:.1f}%"></i></div>'
        f'<div class="ft-kv">{shown}</div>{compare}</div>'
    )


def _figures(status: RunStatus, lang: str) -> list[tuple[str, str]]:
    """Number and word; what is not known yet is left out."""
    figures = []
    if status.total_steps:
        figures.append((f"{status.step} / {status.total_steps}", t("ft_step", lang)))
    if status.seconds_left is not None:
        figures.append((clock(status.seconds_left), t("ft_time_left", lang)))
    if status.usable:
        figures.append((clock(status.seconds), t("ft_took", lang)))
    if status.tokens_per_second:
        figures.append((numbers.grouped(status.tokens_per_second), t("ft_speed", lang)))
    if status.held_loss is not None:
        figures.append((numbers.loss(status.held_loss), t("ft_held_loss", lang)))
    elif status.losses:
        figures.append((numbers.loss(status.losses[-1][1]), t("ft_train_loss", lang)))
    if status.peak_memory:
        figures.append((numbers.gigabytes(status.peak_memory), t("ft_peak", lang)))
    return figures


def loss_plot(status: RunStatus, lang: str) -> str:
    """Train and held-out loss; the held-out loss before step 1, of the base or of what the run went on from, is the
    dashed line."""
    train = Curve(t("ft_curve_train", lang), status.losses, "train")
    held = Curve(t("ft_curve_held", lang), () if status.held_loss is None else status.eval_losses, "held")
    curves = [curve for curve in (train, held) if curve.points]
    if not curves:
        return ""
    first = next(iter(status.eval_losses), None)
    was = t("ft_curve_origin" if status.origin else "ft_curve_base", lang)
    base = (was, first[1]) if first and first[0] == 0 else None
    drawn = plot(
        curves,
        status.total_steps,
        numbers.loss,
        "; ".join(_in_words(curve, lang) for curve in curves),
        last_step=t("ft_last_step", lang, step=status.total_steps),
        step=t("ft_step", lang),
        best=t("ft_best", lang),
        reference=base,
    )
    return (
        f'<div id="ft-loss"><div class="ft-row"><h2 class="ft-h2">{esc(t("ft_loss", lang))}</h2>'
        f'<span class="ft-mut">{esc(t("ft_lower", lang))}</span></div>{drawn}</div>'
    )


def small_plots(status: RunStatus, lang: str) -> str:
    """Speed, learning rate and memory."""
    if not status.losses:
        return ""
    memories = [(step, size / 1e9) for step, size in status.memories]
    return (
        '<div class="ft-minis">'
        + _small("ft_speed_title", status.speeds, numbers.grouped, status, lang)
        + _small("ft_rate_title", status.learning_rates, numbers.small, status, lang)
        + _small("ft_memory_title", memories, numbers.small, status, lang)
        + "</div>"
    )


def _small(title: str, points: Sequence[Point], show: Callable[[float], str], status: RunStatus, lang: str) -> str:
    curve = Curve(t(title, lang), points)
    return (
        f"<div><h3><span>{esc(curve.name)}</span><b>{esc(show(points[-1][1]))}</b></h3>"
        f"{plot([curve], status.total_steps, show, _in_words(curve, lang))}</div>"
    )


def _in_words(curve: Curve, lang: str) -> str:
    (_, first), (step, last) = curve.points[0], curve.points[-1]
    show = numbers.loss if curve.kind != "quiet" else numbers.small
    return t("ft_curve_words", lang, name=curve.name, first=show(first), last=show(last), step=step)


def words(status: RunStatus, lang: str, ahead: int = 0) -> str:
    """What the numbers say."""
    return say(verdict(status, lang, ahead), status, lang)


def say(said: Verdict, status: RunStatus, lang: str, button: str = "") -> str:
    """Words with `button`; else with one to go on, or where that cannot be and nothing was kept, to train again. Read
    aloud once it is the last word, not with every step."""
    again = button
    if status.resumable:
        again = f'<button class="ft-btn primary" id="ft-resume" data-resume="1">{esc(t("ft_resume", lang))}</button>'
    elif status.over and not status.usable and not button:
        again = f'<button class="ft-btn" data-again="1">{esc(t("ft_again", lang))}</button>'
    role = ' role="status"' if status.over else ""
    gap = "" if lang == "zh" else " "
    return (
        f'<div class="ft-words {said.tone}" id="ft-say"{role}>{icon(_PICTURES[said.tone])}'
        f"<p><b>{esc(said.head)}</b>{gap}{esc(said.text)}</p>{again}</div>"
    )


def summary(config: RunConfig, resolved: ResolvedConfig | None, status: RunStatus, data: str, lang: str) -> str:
    """The run's settings: what was asked for, and what `auto` became."""
    rows = [("ft_kv_base", model_name(config.base, lang), config.base), ("ft_kv_data", data, "")]
    if config.origin:
        rows.append(("ft_kv_origin", config.origin.config.name, config.origin.run))
    rows.append(("ft_kv_preset", t(f"ft_{config.preset}", lang), ""))
    if resolved:
        held = t("ft_kv_held", lang, train=resolved.examples, held=resolved.held_out)
        method = _method(resolved) + (f", α {resolved.lora_alpha}" if resolved.r else "")
        batch = f"{resolved.per_device_train_batch_size} × {resolved.gradient_accumulation_steps}"
        batch = t("ft_packed", lang, batch=batch) if resolved.packing else batch
        replayed = {"again": resolved.replayed, "all": resolved.examples}
        epochs = f"{resolved.num_train_epochs:.1f}".removesuffix(".0")
        rows += [
            ("ft_pairs_row", held if resolved.held_out else f"{resolved.examples:,}", ""),
            *([("ft_replayed_row", t("ft_replayed", lang, **replayed), "")] if config.origin else []),
            ("ft_method", method, ", ".join(resolved.target_modules)),
            ("ft_kv_steps", t("ft_kv_steps_text", lang, steps=resolved.max_steps, epochs=epochs), ""),
            ("ft_learning_rate", f"{numbers.small(resolved.learning_rate)}, {resolved.lr_scheduler_type}", ""),
            ("ft_kv_batch", batch, ""),
            ("ft_kv_length", f"{resolved.max_length:,}", ""),
            ("ft_seed", str(resolved.seed), ""),
            ("ft_kv_device", f"{resolved.device.upper()}, {resolved.precision}", ""),
        ]
    if status.tried:
        sizes = {name: numbers.gigabytes(getattr(status.tried, name)) for name in ("estimated", "measured")}
        rows.append(("ft_kv_memory", t("ft_kv_memory_text", lang, **sizes), ""))
    cells = "".join(
        f'<dt>{esc(t(key, lang))}</dt><dd{f""" title="{esc(title)}" """ if title else ""}>{esc(value)}</dd>'
        for key, value, title in rows
    )
    kept = "ft_search_kept" if config.search_minutes else "ft_kept_note"
    note = "" if status.over else f'<p class="ft-sub">{esc(t(kept, lang))}</p>'
    if healed := status.healed:
        changed = {"step": healed.step, "batch": healed.batch, "accumulation": healed.accumulation}
        note = f'<p class="ft-sub" id="ft-healed">{esc(t("ft_healed", lang, **changed))}</p>{note}'
    return f'<h2 class="ft-h2">{esc(t("ft_this_run", lang))}</h2><dl class="ft-settings">{cells}</dl>{note}'


def checks(status: RunStatus, lang: str) -> str:
    """What was checked, with its outcome; nothing where nothing was."""
    rows = "".join(
        f'<li class="{"" if check.ok else "bad"}">'
        f"{icon('ok' if check.ok else 'error', '', t('ft_check_ok' if check.ok else 'ft_check_bad', lang))}"
        f"<span>{esc(_check_words(check, lang))}</span></li>"
        for check in status.checks
    )
    return f'<h2 class="ft-h2">{esc(t("ft_checked", lang))}</h2><ul class="ft-proof">{rows}</ul>' if rows else ""


def _check_words(check: Checked, lang: str) -> str:
    """A check that the page has no words for yet goes by its name."""
    key = f"ft_check_{check.name}"
    return t(key, lang, detail=check.detail) if key in TEXTS else f"{check.name} {check.detail}"
