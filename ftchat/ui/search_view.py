"""A search as HTML: pure functions from its status and a language. Knows nothing of components or stores."""

from __future__ import annotations

from typing import Literal

from ftchat.events import Recommendation, RunStatus, Trial
from ftchat.events.search import best_of, ended, first_seed
from ftchat.records import ResolvedConfig, RunConfig
from ftchat.ui import numbers
from ftchat.ui.header import clock
from ftchat.ui.markup import esc, heading
from ftchat.ui.rate_plot import Mark, rate_plot
from ftchat.ui.run_view import head, say
from ftchat.ui.texts import t
from ftchat.ui.verdict import Verdict, verdict


def stage(config: RunConfig, resolved: ResolvedConfig | None, status: RunStatus, lang: str, ahead: int = 0) -> str:
    """All that changes while it searches, and in the end what it recommends."""
    found = status.recommended
    shown = head(config, resolved, status, lang, _figures(status, lang))
    use = ""
    if status.closed and found:
        use = f'<button class="ft-btn primary" id="ft-use" data-use="1">{esc(t("ft_search_use", lang))}</button>'
    said = say(_verdict(status, found, lang, ahead), status, lang, use)
    return f'<div class="ft-card">{shown}</div><div class="ft-card ft-curves">{_plot(status, found, lang)}{said}</div>'


def choice(trial: Trial, lang: str) -> str:
    """Its learning rate, and its rank where the method has one."""
    key = "ft_search_rate_rank" if trial.r else "ft_search_rate"
    return t(key, lang, rate=f"{trial.learning_rate:g}", r=trial.r)


def _figures(status: RunStatus, lang: str) -> list[tuple[str, str]]:
    figures = [(str(len(ended(status.trials))), t("ft_search_trials", lang))]
    if status.plan:
        figures.append((str(status.plan.steps), t("ft_search_steps", lang)))
    if status.seconds_left is not None:
        figures.append((clock(status.seconds_left), t("ft_time_left", lang)))
    elif status.closed:
        figures.append((clock(status.seconds), t("ft_took", lang)))
    best = best_of(status.trials)
    if best is not None and best.loss is not None:
        figures.append((f"{best.loss:.3f}", t("ft_search_best", lang)))
    return figures


def _plot(status: RunStatus, found: Recommendation | None, lang: str) -> str:
    """A mark for each trial that searched; those with another seed are of the words alone."""
    tried = (
        [trial for trial in first_seed(status.trials) if trial.curve and trial.curve[-1][0]] if status.trials else []
    )
    if not tried:
        return ""
    marks = [
        Mark(
            rate=trial.learning_rate,
            loss=trial.curve[-1][1],
            rank=trial.r,
            whole=trial.state == "complete",
            words=_mark(trial, lang),
            best=found is not None and trial.number == found.choice.number,
            label=t("ft_search_auto", lang) if trial is status.trials[0] else "",
        )
        for trial in tried
    ]
    drawn = rate_plot(
        marks,
        lambda rank: t("ft_search_rank", lang, r=rank) if rank else t("ft_search_all", lang),
        numbers.small,
        "; ".join(mark.words for mark in marks),
    )
    title = f'<div class="ft-row">{heading(t("ft_search_title", lang))}'
    return f'{title}<span class="ft-mut">{esc(t("ft_lower", lang))}</span></div>{drawn}'


def _mark(trial: Trial, lang: str) -> str:
    said = t("ft_search_mark", lang, choice=choice(trial, lang), loss=f"{trial.curve[-1][1]:.3f}")
    return said if trial.state == "complete" else f"{said}, {t('ft_search_pruned', lang, step=trial.steps)}"


def _verdict(status: RunStatus, found: Recommendation | None, lang: str, ahead: int) -> Verdict:
    """What there is to say, and what it rests on."""
    if status.state == "running" and status.trials:
        best = best_of(status.trials)
        text = t("ft_search_first", lang)
        if best is not None and best.loss is not None:
            text = t("ft_search_so_far", lang, choice=choice(best, lang), loss=f"{best.loss:.3f}")
        last = status.trials[-1]
        return Verdict("calm", t("ft_search_now", lang, number=last.number, choice=choice(last, lang)), text)
    if status.resumable:
        tone: Literal["calm", "warn"] = "calm" if status.state == "paused" else "warn"
        broken = t(f"ft_search_{status.state}", lang, n=len(ended(status.trials)))
        return Verdict(tone, broken, status.error or t("ft_search_resume", lang))
    if status.state not in ("finished", "stopped") or not status.trials:
        return verdict(status, lang, ahead)
    if found is None:
        return Verdict("warn", t("ft_search_short", lang), "")
    return _recommended(found, len(status.plan.tokens) if status.plan else 0, lang)


def _recommended(found: Recommendation, judges: int, lang: str) -> Verdict:
    named, best = choice(found.choice, lang), choice(found.best, lang)
    if found.auto.loss is None:
        return Verdict("warn", t("ft_search_sure", lang, choice=named), t("ft_search_auto_fails", lang))
    if found.gain is None or found.error is None or found.best.loss is None:
        text = t("ft_search_none_better", lang, loss=f"{found.auto.loss:.3f}")
        return Verdict("calm", t("ft_search_auto_is_best", lang, choice=named), text)
    again = t("ft_search_not_again", lang)
    if found.again:
        again = t("ft_search_again", lang, gain=f"{found.again[0]:.3f}")
    values = {"gain": f"{found.gain:.3f}", "error": f"{found.error:.3f}", "n": judges, "again": again}
    if found.sure:
        losses = {"loss": f"{found.best.loss:.3f}", "auto": f"{found.auto.loss:.3f}"}
        return Verdict("calm", t("ft_search_sure", lang, choice=named), t("ft_search_gain", lang, **losses, **values))
    text = t("ft_search_noise", lang, choice=best, **values)
    return Verdict("calm", t("ft_search_auto_is_best", lang, choice=named), text)
