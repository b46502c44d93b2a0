"""The Runs tab: every run that is kept, newest first, and the way to its curve or its chat. Knows the stores."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import gradio as gr

from ftchat.runs import Run
from ftchat.ui import numbers, runs_keeping
from ftchat.ui.header import clock, model_name
from ftchat.ui.markup import DRAWING, QUEUED, esc, html
from ftchat.ui.messages import told
from ftchat.ui.plots import CROSSHAIR, spark
from ftchat.ui.run_view import damaged, state_chip, state_word
from ftchat.ui.runs_side import MOST, side_by_side
from ftchat.ui.studio import Shell, Studio
from ftchat.ui.texts import i18n, t

_COLUMNS = ("run", "state", "curve", "data", "base", "steps", "time", "when")
_FRESH = 10.0  # seconds between two looks at runs of which none moves
# A tick shows at once, however long the server takes.
_ROW_CLICK = """
element.addEventListener('click', event => {
  const tick = event.target.closest('.ft-tick');
  if (tick) tick.setAttribute('aria-checked', tick.getAttribute('aria-checked') !== 'true');
  const row = event.target.closest('tr[data-open]');
  if (row && !event.target.closest('button')) trigger('pick', {open: row.dataset.open}) });
"""


class _Drawn(NamedTuple):
    """What a list was drawn for, whether some run in it may still change, and when."""

    asked: tuple[Any, ...]
    moving: bool
    at: float


def build(studio: Studio, shell: Shell) -> None:
    title = html(elem_classes="ft-zero")
    with gr.Column(elem_classes="ft-card"):
        find = gr.Textbox(
            "",
            label=i18n("ft_runs_search"),
            placeholder=i18n("ft_runs_search"),
            container=False,
            lines=1,
            max_lines=1,
            elem_id="ft-find-run",
        )
        rows = html(clicks=True, script=_ROW_CLICK, elem_id="ft-run-list")
    drawn = gr.State(None)
    marked = gr.State(())  # ids of the runs that are chosen, in the order of choosing
    changes = runs_keeping.build(studio, shell, marked)
    side = html(script=CROSSHAIR, elem_id="ft-side-by-side")

    def list_runs(before: _Drawn | None, *asked: Any) -> tuple[Any, Any, Any]:
        """Every second only while something moves, else when something else is asked for, and now and then: a run may
        have been begun from elsewhere. Nothing but the pulse draws it, so that no older list comes after a newer one.
        """
        now = time.monotonic()
        if before and before.asked == asked and not before.moving and now - before.at < _FRESH:
            return (gr.skip(),) * 3
        query, selected, lang, marks, _ = asked
        runs = studio.runs.list()
        names = {run.config.dataset: studio.data(run.config.dataset)[0] or "–" for run in runs}
        rows = table(runs, names, query.strip(), selected, lang, marks) + damaged(studio.runs.damages(), lang)
        moving = any(not run.status().over for run in runs)
        return f'<h1 class="ft-vh">{esc(t("ft_runs", lang))}</h1>', rows, _Drawn(asked, moving, now)

    def compare(marks: tuple[str, ...], lang: str) -> str:
        runs = [run for one in marks if (run := studio.run(one))]
        if len(runs) < 2:
            return ""
        keys = {key for run in runs for key in (run.config.dataset, run.config.held_out) if key}
        drawn = side_by_side(runs, {key: studio.data(key)[0] for key in keys}, lang)
        return f'<div class="ft-card">{drawn}</div>'

    marked.change(compare, [marked, shell.lang], side, **DRAWING)
    shell.pulse.speak(lambda *asked: [compare(*asked)], [marked, shell.lang], [side])

    asked = [find, shell.run, shell.lang, marked, changes]
    shell.pulse.follow(list_runs, [drawn, *asked], [title, rows, drawn], [find.change, marked.change, changes.change])

    def go(marks: tuple[str, ...], lang: str, event: gr.EventData) -> tuple[Any, Any, Any, Any]:
        clicked = event._data
        if "mark" in clicked:
            others = tuple(one for one in marks if one != clicked["mark"])
            now = others if clicked["mark"] in marks else (*others, clicked["mark"])[-MOST:]
            return gr.skip(), gr.skip(), gr.skip(), now
        if "compare" in clicked:
            run = clicked["compare"]
            return run, gr.Tabs(selected="compare"), f"{run} {time.time_ns()}", gr.skip()
        if "resume" in clicked:
            studio.worker.start_run(clicked["resume"])
        return clicked.get("resume") or clicked["open"], gr.Tabs(selected="train"), gr.skip(), gr.skip()

    # Of two quick clicks none may be lost: they are done one after the other.
    outcome = [shell.run, shell.tabs, shell.chosen, marked]
    rows.pick(told(go), [marked, shell.lang], outcome, trigger_mode="multiple", **QUEUED)


def table(
    runs: list[Run],
    datasets: dict[str, str],
    query: str,
    selected: str | None,
    lang: str,
    marks: tuple[str, ...] = (),
) -> str:
    if not runs:
        head, text = esc(t("ft_runs_none", lang)), esc(t("ft_runs_none_text", lang))
        way = f'<button class="ft-btn" data-go="data">{esc(t("ft_cmp_go_data", lang))}</button>'
        return f'<div class="ft-empty"><b>{head}</b><span>{text}</span>{way}</div>'
    rows = [
        _row(run, datasets.get(run.config.dataset, "–"), run.id == selected, run.id in marks, lang)
        for run in runs
        if _matches(run, datasets.get(run.config.dataset, ""), query, lang)
    ]
    if not rows:
        return f'<p class="ft-sub">{esc(t("ft_runs_nothing", lang, query=query))}</p>'
    heads = "".join(f"<th>{esc(t(f'ft_runs_{column}', lang))}</th>" for column in _COLUMNS)
    drawn = f'<table class="ft-runs"><thead><tr>{heads}<td></td></tr></thead><tbody>{"".join(rows)}</tbody></table>'
    return f'{drawn}<p class="ft-sub">{esc(t("ft_runs_hint", lang))}</p>'


def _matches(run: Run, dataset: str, query: str, lang: str) -> bool:
    state = state_word(run.status(), lang)
    return all(
        word in f"{run.config.name} {run.config.base} {dataset} {state} {_origin(run, lang)} {run.notes}".casefold()
        for word in query.casefold().split()
    )


def _row(run: Run, dataset: str, selected: bool, marked: bool, lang: str) -> str:
    config, status = run.config, run.status()
    held = status.held_loss
    curve = status.losses if held is None else status.eval_losses
    said = ""
    if curve:
        said = t("ft_loss_from_to", lang, first=numbers.loss(curve[0][1]), last=numbers.loss(curve[-1][1]))
    steps = f"{status.step} / {status.total_steps}" if status.total_steps else "–"
    seconds = status.seconds or status.busy_seconds
    name, base = esc(config.name), esc(model_name(config.base, lang))
    title = esc("\n".join(filter(None, (config.name, _origin(run, lang), run.notes))))
    go = ""
    if status.usable or status.resumable:
        way, named = ("compare", "ft_runs_compare_name") if status.usable else ("resume", "ft_resume_name")
        words, word = esc(t(named, lang, name=config.name)), esc(t(f"ft_{way}", lang))
        go = f'<button class="ft-btn" data-{way}="{run.id}" aria-label="{words}">{word}</button>'
    drawn = ""
    if curve:  # a train loss and a held-out loss are not to be compared, so each says which it is
        kind = esc(t("ft_curve_train" if held is None else "ft_curve_held", lang))
        loss = numbers.loss(curve[-1][1] if held is None else held)
        last = f'<span>{loss} <span class="ft-mut">{kind}</span></span>'
        drawn = f'<span class="ft-curve">{spark(curve, said)}{last}</span>'
    cells = {
        "run": f'<span class="ft-named">{_tick(run, marked, lang)}<button class="ft-name ft-cut"'
        f' data-open="{run.id}" title="{title}">{name}</button></span>',
        "state": state_chip(status, lang),
        "curve": drawn,
        "data": f'<span class="ft-cut" title="{esc(dataset)}">{esc(dataset)}</span>{_beside(_origin(run, lang))}',
        "base": f'<span class="ft-cut" title="{esc(config.base)}">{base}</span>',
        "steps": steps,
        "time": clock(seconds) if seconds else "–",
        "when": f'<span class="ft-mut">{esc(_ago(status.queued_at or status.started_at, lang))}</span>',
        "go": go,
    }
    current = ' aria-current="true"' if selected else ""
    columns = "".join(f'<td class="{column}">{cell}</td>' for column, cell in cells.items())
    return f'<tr data-open="{run.id}"{current}>{columns}</tr>'


def _origin(run: Run, lang: str) -> str:
    """Which run it went on from, and how many of its examples are from there; nothing of one that began anew."""
    origin, resolved = run.config.origin, run.resolved
    if origin is None:
        return ""
    if not origin.replay or resolved is None:
        return t("ft_runs_from", lang, name=origin.config.name)
    return t("ft_runs_from_replayed", lang, name=origin.config.name, again=resolved.replayed, all=resolved.examples)


def _beside(text: str) -> str:
    return f'<small class="ft-mut ft-cut" title="{esc(text)}">{esc(text)}</small>' if text else ""


def _tick(run: Run, marked: bool, lang: str) -> str:
    words = esc(t("ft_runs_mark", lang, name=run.config.name))
    state = "true" if marked else "false"
    return (
        f'<button class="ft-tick" role="checkbox" aria-checked="{state}" data-mark="{run.id}" aria-label="{words}">'
        "✓</button>"
    )


def _ago(moment: float, lang: str) -> str:
    if not moment:
        return "–"
    minutes = (time.time() - moment) / 60
    if minutes < 1:
        return t("ft_ago_now", lang)
    if minutes < 60:
        return t("ft_ago_minutes", lang, n=int(minutes))
    if minutes < 24 * 60:
        return t("ft_ago_hours", lang, n=int(minutes / 60))
    if minutes < 30 * 24 * 60:
        return t("ft_ago_days", lang, n=int(minutes / 60 / 24))
    return time.strftime("%Y-%m-%d", time.localtime(moment))
