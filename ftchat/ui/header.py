"""The fixed bar above the tabs: logo, run in progress, base and adapter, language and theme.

Knows the runs on disk; never asks the worker, so that it answers at once whatever the model is doing.
"""

from __future__ import annotations

import math
from itertools import islice
from pathlib import PurePath

import gradio as gr

from ftchat.events import RunStatus
from ftchat.records import STARTER
from ftchat.runs import Run, RunStore
from ftchat.ui.icons import LOGO, icon
from ftchat.ui.markup import QUEUED, esc, html
from ftchat.ui.studio import Shell, Studio
from ftchat.ui.texts import t

_RECENT = 20  # a run in progress is among the newest; older ones are not looked at every second


def build() -> tuple[gr.HTML, gr.HTML]:
    """The part that follows the runs, and the part with the two switches."""
    with gr.Row(elem_id="ft-head"):
        html(f'<span class="ft-logo">{LOGO}<span>ftchat</span></span>')
        live = html(clicks=True, elem_id="ft-live-head")
        switches = html(_switches(), clicks=True, elem_id="ft-switches")
    return live, switches


def wire(live: gr.HTML, switches: gr.HTML, studio: Studio, shell: Shell) -> None:
    def follow(lang: str, selected: str | None) -> tuple[str, str]:
        running = active_run(studio.runs)
        return _live(studio.runs, running, selected, lang), running.id if running else ""

    shell.pulse.follow(follow, [shell.lang, shell.run], [live, shell.training])

    def select(event: gr.EventData) -> str:
        return event._data["run"]

    live.pick(select, None, shell.run, **QUEUED)

    switches.pick(None, None, shell.lang, js="() => ft.speak()", api_visibility="private")


def active_run(runs: RunStore) -> Run | None:
    """The run that trains, else the one that waits to."""
    waiting = [run for run in islice(runs.list(), _RECENT) if not run.status().over]
    return next((run for run in waiting if run.status().state == "running"), waiting[-1] if waiting else None)


def clock(seconds: float) -> str:
    """m:ss, or h:mm:ss."""
    minutes, rest = divmod(max(0, math.ceil(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def model_name(base: str, lang: str) -> str:
    """What a base model is called in a chip: the last part of its Hub name or folder."""
    return t("ft_starter", lang) if base == STARTER else PurePath(base).name


def _live(runs: RunStore, running: Run | None, selected: str | None, lang: str) -> str:
    chosen = next((run for run in runs.list() if run.id == selected), None)
    base = model_name(chosen.config.base if chosen else STARTER, lang)
    pill = _pill(running, running.status(), lang) if running else ""
    adapter = _chip("tuned", "ft_adapter_chip", chosen.config.name, lang) if chosen and chosen.status().usable else ""
    return f'<div class="ft-row">{pill}{_chip("base", "ft_base_chip", base, lang)}{adapter}</div>'


def _pill(run: Run, status: RunStatus, lang: str) -> str:
    left = status.seconds_left
    done = status.share
    if left is not None and status.total_steps and status.step == status.total_steps:
        words = esc(t("ft_run_finishing", lang))
    elif left is not None:
        after = f" · {t('ft_left', lang, time=clock(left))}"
        words = f'{math.floor(done * 100)} %<span class="ft-hide-s">{esc(after)}</span>'
    elif status.state == "queued" and status.download:
        done = status.download.done / max(1, status.download.total)
        words = esc(t("ft_run_downloading", lang, share=math.floor(done * 100)))
    else:
        words = esc(t("ft_run_queued" if status.state == "queued" else "ft_run_starting", lang))
    around = 2 * math.pi * 8
    return (
        f'<button class="ft-runpill" data-go="train" data-run="{run.id}" title="{esc(t("ft_go_to_run", lang))}">'
        '<svg class="ft-ring" viewBox="0 0 20 20" aria-hidden="true">'
        '<circle cx="10" cy="10" r="8" stroke="var(--ft-tuned-line)" opacity=".45"/>'
        '<circle cx="10" cy="10" r="8" stroke="var(--ft-tuned)" stroke-linecap="round"'
        f' stroke-dasharray="{around * done:.1f} {around:.1f}"/></svg><span>{words}</span></button>'
    )


def _chip(kind: str, title: str, name: str, lang: str) -> str:
    dot = "ft-dot tuned" if kind == "tuned" else "ft-dot ring"
    return (
        f'<span class="ft-chip {kind} ft-hide-s" title="{esc(t(title, lang, name=name))}">'
        f'<span class="{dot}"></span><span class="ft-cut">{esc(name)}</span></span>'
    )


def _switches() -> str:
    """In both languages: the style sheet shows at once what the one that the page speaks needs, and the keyboard stays
    where it is."""
    ways = (("zh", "zh-CN", "en"), ("en", "en", "zh"))
    speak = "".join(
        f'<button class="ft-ib ft-to-{to}" data-lang="{to}" aria-label="{esc(t("ft_switch_lang", of))}" lang="{tag}">'
        f"{esc(t('ft_other_lang', of))}</button>"
        for to, tag, of in ways
    )
    named = "".join(
        f'<span class="ft-vh ft-in-{lang}">{esc(t("ft_switch_theme", lang))}</span>' for lang in ("en", "zh")
    )
    theme = f"{named}{icon('moon', 'ft-moon')}{icon('sun', 'ft-sun')}"
    return f'{speak}<button class="ft-ib" data-act="theme">{theme}</button>'
