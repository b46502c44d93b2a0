"""What the Data tab shows of a dataset, as HTML: the way in, and its numbers.

Knows datasets and words; knows nothing of components, files or models.
"""

from __future__ import annotations

from ftchat.data import DatasetInfo
from ftchat.data.summary import Summary
from ftchat.events import Downloading
from ftchat.records import TokenStats
from ftchat.ui.header import model_name
from ftchat.ui.icons import icon
from ftchat.ui.markup import esc
from ftchat.ui.numbers import gigabytes, megabytes
from ftchat.ui.reader import NOTHING_YET, Progress
from ftchat.ui.texts import TEXTS, t

_FORMATS = {"jsonl": "JSON Lines", "json": "JSON", "csv": "CSV", "tsv": "TSV", "xlsx": "XLSX", "parquet": "Parquet"}
_FORMATS |= {"yaml": "YAML", "markdown": "Markdown", "text": "text"}


OLD = ' class="ft-old" aria-busy="true"'  # numbers that are being counted anew


def intro(lang: str) -> str:
    return f'<h1 class="ft-h1">{esc(t("ft_teach", lang))}</h1><p class="ft-lead">{esc(t("ft_teach_how", lang))}</p>'


def formats(lang: str) -> str:
    return f'<p class="ft-sub">{esc(t("ft_formats", lang))}</p>'


def reading(step: Progress, lang: str) -> str:
    """How far a reading is: in bytes once it has said so, and in rows while they are compared. What comes from the Hub
    tells that first."""
    if isinstance(step, Downloading):
        if step.done >= step.total:  # it is being looked at
            return reading(NOTHING_YET, lang)
        sizes = {name: gigabytes(size) for name, size in (("done", step.done), ("total", step.total))}
        words = t("ft_hub_coming", lang, name=step.base, rate=megabytes(step.rate), **sizes)
        return _at_work(words, step.done, step.total)
    done, total, unit = step
    if unit == "hub":
        return _at_work(t("ft_hub_asking", lang))
    if unit == "rows":
        return _at_work(t("ft_comparing", lang, done=f"{done:,}", total=f"{total:,}"), done, total)
    words = t("ft_reading_of", lang, done=megabytes(done), total=megabytes(total)) if total else t("ft_reading", lang)
    return _at_work(words, done, total)


def stopped(words: str) -> str:
    return f'<p class="ft-why" role="status">{icon("note")}<span>{esc(words)}</span></p>'


def working(step: Progress, lang: str) -> str:
    """That a change is being made, and how far it is once that is known."""
    done, total = (step.done, step.total) if isinstance(step, Downloading) else step[:2]
    words = t("ft_working_of", lang, done=f"{done:,}", total=f"{total:,}") if total else t("ft_working", lang)
    return _at_work(words, done, total)


def _at_work(words: str, done: int = 0, total: int = 0) -> str:
    role = "" if total else ' role="status"'  # numbers that change all the time are not read out
    far = f' max="{total}" value="{done}"' if total else ""
    bar = f'<progress{far} aria-label="{esc(words)}"></progress>'
    return f'<p class="ft-why"{role}>{icon("note")}<span>{esc(words)}{bar}</span></p>'


def refusal(sentence: str) -> str:
    return f'<p class="ft-why err" role="alert">{icon("error")}<span>{esc(sentence)}</span></p>'


def promises(lang: str) -> str:
    """Three reasons to trust this page, under the way in."""
    reasons = (("warning", "checked"), ("label", "shown"), ("ok", "local"))
    drawn = (
        f"<div>{icon(shape)}<span><b>{esc(t(f'ft_promise_{name}', lang))}</b><br>"
        f"{esc(t(f'ft_promise_{name}_why', lang))}</span></div>"
        for shape, name in reasons
    )
    return f'<div class="ft-prom">{"".join(drawn)}</div>'


def stats(dataset: DatasetInfo, report: Summary, tokens: TokenStats | None, lang: str, old: bool = False) -> str:
    """The numbers of a dataset; those that need the model are dashes until it has counted, or `old` ones."""
    trained = f"{round(100 * tokens.trained / tokens.total)} %" if tokens and tokens.total else "–"
    numbers = (
        (f"{report.rows:,}", "ft_rows_read", False),
        (f"{dataset.count:,}", "ft_usable", False),
        (trained, "ft_share", old),
        (f"{tokens.max:,}" if tokens else "–", "ft_longest", old),
    )
    kind = t(f"ft_kind_of_{dataset.kind}", lang) if f"ft_kind_of_{dataset.kind}" in TEXTS else dataset.kind
    formats = ", ".join(_FORMATS.get(name, name) for name in report.format.split(", "))
    about = f"{formats} · {report.encoding.upper()}"
    drawn = "".join(
        f"<div{OLD * past}><b>{value}</b><span>{esc(t(words, lang))}</span></div>" for value, words, past in numbers
    )
    return (
        f'<div class="ft-row ft-name"><h1 class="ft-title">{esc(dataset.name)}</h1>'
        f'<span class="ft-chip line">{esc(kind)}</span><span class="ft-chip">{esc(about)}</span>'
        f'<span class="ft-mut">{esc(t("ft_version", lang, version=dataset.hash[:6]))}</span></div>'
        f'<div class="ft-stats">{drawn}</div>'
    )


def ready(dataset: DatasetInfo, base: str, lang: str) -> str:
    """What the bar at the foot says beside its buttons."""
    return (
        f'<div class="ft-row"><b>{esc(t("ft_ready", lang, n=dataset.count))}</b>'
        f'<span class="ft-mut">{esc(t("ft_quick_on", lang, base=model_name(base, lang)))}</span></div>'
    )
