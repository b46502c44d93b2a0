"""The part of the Train tab's form that starts from what an earlier run learned. Knows the runs.

It shows once there is a run to go on from; a run that is chosen brings its base with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ftchat.continuing import check_usable
from ftchat.errors import ConfigError
from ftchat.records import Estimate
from ftchat.runs import Run
from ftchat.ui.header import model_name
from ftchat.ui.markup import OFF, ON, QUEUED, QUIETLY, esc, html
from ftchat.ui.messages import told
from ftchat.ui.studio import Shell, Studio
from ftchat.ui.texts import i18n, t

NONE = ""  # what the dropdown holds where training starts from the base
_SHARE, _MOST = 0.25, 0.9  # of earlier data


@dataclass(frozen=True)
class OriginPart:
    """`run` holds the id of the run that is gone on from, or NONE."""

    run: gr.Dropdown
    replay: gr.Slider
    note: gr.HTML


def build() -> OriginPart:
    run = gr.Dropdown(
        [("", NONE)],
        value=NONE,
        label=i18n("ft_origin"),
        filterable=False,
        interactive=True,
        elem_classes=OFF,
        elem_id="ft-origin",
    )
    replay = gr.Slider(
        0.0,
        _MOST,
        _SHARE,
        step=0.05,
        label=i18n("ft_replay"),
        info=i18n("ft_replay_info"),
        buttons=[],
        elem_classes=OFF,
        elem_id="ft-replay",
    )
    return OriginPart(run, replay, html())


def wire(studio: Studio, shell: Shell, part: OriginPart, bases: Sequence[gr.components.Component]) -> None:
    """`bases`: what chooses the base model, which is not asked for where a run brings its own."""

    def offer_origins(chosen: str, lang: str) -> Any:
        return offered(studio.runs.list(), chosen, lang)

    shell.pulse.speak(lambda lang: [gr.Dropdown(_choices(studio.runs.list(), lang))], [shell.lang], [part.run])
    opened = [shell.tabs.change, shell.choosing.change]
    gr.on(opened, offer_origins, [part.run, shell.lang], part.run, trigger_mode="always_last", **QUIETLY)
    shell.run.change(lambda lang: offered(studio.runs.list(), NONE, lang), shell.lang, part.run, **QUIETLY)

    def choose_origin(chosen: str, lang: str) -> list[Any]:
        run = studio.run(chosen)
        if run is not None:
            studio.bases.check(run.config.base)
        asked, brought = (OFF, ON) if run else (ON, OFF)
        return [
            run.config.base if run else gr.skip(),
            gr.Slider(elem_classes=brought),
            *(type(component)(elem_classes=asked) for component in bases),
        ]

    part.run.change(told(choose_origin), [part.run, shell.lang], [shell.base, part.replay, *bases], **QUEUED)


def offered(runs: Sequence[Run], chosen: str, lang: str) -> Any:
    """The dropdown with every run that can be gone on from; hidden where there is none."""
    choices = _choices(runs, lang)
    value = chosen if chosen in (run for _, run in choices) else NONE
    return gr.Dropdown(choices, value=value, elem_classes=ON if choices[1:] else OFF)


def _choices(runs: Sequence[Run], lang: str) -> list[tuple[str, str]]:
    """Nothing, or one of these runs."""
    found = [(t("ft_origin_none", lang), NONE)]
    for run in runs:
        with suppress(ConfigError):
            check_usable(run)
            found.append((f"{run.config.name} · {model_name(run.config.base, lang)}", run.id))
    return found


def note(run: Run, found: Estimate | None, lang: str) -> str:
    """What a run would take over, and how much of what was learned there it would learn again."""
    method = t(f"ft_method_{run.resolved.method}", lang) if run.resolved else ""
    said = t("ft_origin_note", lang, name=run.config.name, method=method)
    if found is not None:
        again, all_ = found.resolved.replayed, found.resolved.examples
        mixed = t("ft_replay_note", lang, again=again, all=all_) if again else t("ft_replay_none", lang)
        said = f"{said}{'' if lang == 'zh' else ' '}{mixed}"
    return f'<p class="ft-sub">{esc(said)}</p>'
