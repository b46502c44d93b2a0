"""Several runs side by side, as HTML: their curves in one plot, and what differs between them. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ftchat.records import to_json
from ftchat.runs import Run
from ftchat.ui import numbers
from ftchat.ui.fit_view import placeholder
from ftchat.ui.form_view import FIELDS
from ftchat.ui.header import clock
from ftchat.ui.markup import esc, heading
from ftchat.ui.plots import Curve, plot
from ftchat.ui.texts import TEXTS, t

MOST = 4  # that can be told apart in a plot
_KINDS: tuple[Literal["c0", "c1", "c2", "c3"], ...] = ("c0", "c1", "c2", "c3")
_LABELS: Mapping[str, str] = {  # of what is no field of the form
    "base": "ft_kv_base",
    "method": "ft_method",
    "preset": "ft_kv_preset",
    "device": "ft_kv_device",
    "precision": "ft_differs_precision",
    "threads": "ft_differs_threads",
    "examples": "ft_pairs_row",
    "replayed": "ft_replayed_row",
    "target_modules": "ft_differs_modules",
    "target_loss": "ft_differs_target",
    "time_limit": "ft_differs_limit",
    "last_step": "ft_differs_last",
    "report_to": "ft_tracker",
    "search_minutes": "ft_search_minutes",
    **FIELDS,
}
_SHOWN_APART = ("dataset", "held_out", "held_out_dataset", "name", "origin", "settings", "versions")


def side_by_side(runs: Sequence[Run], datasets: Mapping[str, str], lang: str) -> str:
    """`datasets`: a name for each dataset's hash."""
    return f'<div class="ft-side">{_plot(runs, lang)}{_differences(runs, datasets, lang)}</div>'


def _plot(runs: Sequence[Run], lang: str) -> str:
    """Held-out losses where every run has them: they are not to be mixed with train losses."""
    found = [run.status() for run in runs]
    held = all(len(status.eval_losses) > 1 for status in found)
    curves = [
        Curve(run.config.name, status.eval_losses if held else status.losses, kind)
        for run, status, kind in zip(runs, found, _KINDS, strict=False)
    ]
    curves = [curve for curve in curves if curve.points]
    if not curves:
        return ""
    end = max(int(curve.points[-1][0]) for curve in curves)
    names = ", ".join(f"{curve.name} {numbers.loss(curve.points[-1][1])}" for curve in curves)
    kind = t("ft_held_loss" if held else "ft_train_loss", lang)
    step = t("ft_step", lang)
    last = t("ft_last_step", lang, step=end)
    drawn = plot(curves, end, numbers.loss, f"{kind}: {names}", last_step=last, step=step)
    title = f'<div class="ft-row">{heading(t("ft_side", lang))}<span class="ft-mut">{esc(kind)}</span></div>'
    return f"{title}{drawn}"


def _differences(runs: Sequence[Run], datasets: Mapping[str, str], lang: str) -> str:
    """Results always; of settings, data and versions only what is not the same."""
    asked = [_asked(run, datasets, lang) for run in runs]
    keys = list(dict.fromkeys(key for one in asked for key in one))
    differing = [key for key in keys if len({one.get(key, "–") for one in asked}) > 1]
    rows = [(key, [one.get(key, "–") for one in asked]) for key in differing]
    heads = "".join(
        f'<th><svg class="ft-dash" viewBox="0 0 36 8" aria-hidden="true"><path class="{kind}" d="M0 4H36"/></svg>'
        f"{esc(run.config.name)}</th>"
        for run, kind in zip(runs, _KINDS, strict=False)
    )
    body = "".join(
        f"<tr><th>{_named(key, lang)}</th>{''.join(f'<td>{esc(cell)}</td>' for cell in cells)}</tr>"
        for key, cells in [*rows, *_results(runs, lang)]
    )
    same = "" if differing else f'<p class="ft-sub">{esc(t("ft_differs_not", lang))}</p>'
    table = f'<table class="ft-differs"><thead><tr><td></td>{heads}</tr></thead><tbody>{body}</tbody></table>'
    return f'{heading(t("ft_differs", lang))}{same}<div class="ft-differing">{table}</div>'


def _named(key: str, lang: str) -> str:
    """What a user calls it, and the name that `--set` and the run's folder have for it."""
    if key not in _LABELS:
        return esc(key)
    return f'{esc(t(_LABELS[key], lang))} <small class="ft-mut">{esc(key)}</small>'


def _asked(run: Run, datasets: Mapping[str, str], lang: str) -> dict[str, str]:
    """All that a run was made from, by the names that --set has for it."""
    config, resolved = run.config, run.resolved
    fields: dict[str, Any] = {key: value for key, value in to_json(config).items() if key not in _SHOWN_APART}
    fields |= dict(config.settings)
    versions: Mapping[str, str] = {}
    if resolved:
        fields |= {key: value for key, value in to_json(resolved).items() if key not in _SHOWN_APART}
        versions = resolved.versions
    if (preset := f"ft_{config.preset}") in TEXTS:
        fields["preset"] = t(preset, lang)
    data = {t("ft_kv_data", lang): _data(config.dataset, datasets)}
    if config.held_out:
        data[t("ft_curve_held", lang)] = _data(config.held_out, datasets)
    if config.origin:
        data[t("ft_kv_origin", lang)] = f"{config.origin.config.name} ({config.origin.adapter[:8]})"
        data[t("ft_replay", lang)] = _cell(config.origin.replay)
    return data | {key: _cell(value) for key, value in fields.items()} | dict(versions)


def _data(key: str, datasets: Mapping[str, str]) -> str:
    return f"{datasets.get(key) or '–'} ({key[:8]})"


def _cell(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else placeholder(value)


def _results(runs: Sequence[Run], lang: str) -> list[tuple[str, list[str]]]:
    found = [run.status() for run in runs]
    lowest = [min((loss for step, loss in status.eval_losses if step), default=None) for status in found]
    rows = [
        (t("ft_step", lang), [f"{status.step} / {status.total_steps}" for status in found]),
        (t("ft_took", lang), [clock(status.seconds or status.busy_seconds) for status in found]),
        (t("ft_train_loss", lang), [numbers.loss(status.losses[-1][1]) if status.losses else "–" for status in found]),
    ]
    if any(loss is not None for loss in lowest):
        rows.append((t("ft_lowest_held", lang), ["–" if loss is None else numbers.loss(loss) for loss in lowest]))
    return rows
