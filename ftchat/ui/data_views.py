"""What the Data tab shows of a dataset, as HTML: its numbers, what was found wrong, its pairs.

Knows datasets and words; knows nothing of components, files or models.
"""

from __future__ import annotations

from collections.abc import Sequence

from ftchat.data import Dataset, Problem, Report
from ftchat.records import Example, TokenStats
from ftchat.ui.header import model_name
from ftchat.ui.icons import icon
from ftchat.ui.markup import esc, heading
from ftchat.ui.texts import TEXTS, t
from ftchat.ui.tokens import pager

PAGE_ROWS = 50
_LINES = 12  # line numbers named for one kind of problem
_REASONS = 3  # reasons named for one kind of problem
_CUT = 600  # characters of a text shown in the table

_FORMATS = {"jsonl": "JSON Lines", "json": "JSON", "csv": "CSV", "tsv": "TSV", "markdown": "Markdown", "text": "text"}

_SEVERITIES = {"error": ("error", "e", "err"), "warning": ("warning", "w", "warn"), "info": ("note", "n", "")}


def intro(lang: str) -> str:
    return f'<h1 class="ft-h1">{esc(t("ft_teach", lang))}</h1><p class="ft-lead">{esc(t("ft_teach_how", lang))}</p>'


def formats(lang: str) -> str:
    return f'<p class="ft-sub">{esc(t("ft_formats", lang))}</p>'


def reading(lang: str) -> str:
    return f'<p class="ft-why" role="status">{icon("note")}<span>{esc(t("ft_reading", lang))}</span></p>'


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


def stats(dataset: Dataset, tokens: TokenStats | None, lang: str) -> str:
    """The numbers of a dataset; those that need the model are dashes until it has counted."""
    report = dataset.report
    trained = f"{round(100 * tokens.trained / tokens.total)} %" if tokens and tokens.total else "–"
    numbers = (
        (f"{report.rows:,}", "ft_rows_read"),
        (f"{report.examples:,}", "ft_usable"),
        (trained, "ft_share"),
        (f"{tokens.max:,}" if tokens else "–", "ft_longest"),
    )
    kind = t(f"ft_kind_of_{dataset.kind}", lang) if f"ft_kind_of_{dataset.kind}" in TEXTS else dataset.kind
    formats = ", ".join(_FORMATS.get(name, name) for name in report.format.split(", "))
    about = f"{formats} · {report.encoding.upper()}"
    drawn = "".join(f"<div><b>{value}</b><span>{esc(t(words, lang))}</span></div>" for value, words in numbers)
    return (
        f'<div class="ft-row ft-name"><h1 class="ft-title">{esc(dataset.name)}</h1>'
        f'<span class="ft-chip line">{esc(kind)}</span><span class="ft-chip">{esc(about)}</span>'
        f'<span class="ft-mut">{esc(t("ft_version", lang, version=dataset.hash[:6]))}</span></div>'
        f'<div class="ft-stats">{drawn}</div>'
    )


def report(found: Report, lang: str) -> str:
    """Problems by kind, errors first, each with how many, why and where."""
    groups: dict[tuple[str, str], list[Problem]] = {}
    for problem in found.problems:
        groups.setdefault((problem.severity, problem.kind), []).append(problem)
    ordered = sorted(groups.items(), key=lambda group: list(_SEVERITIES).index(group[0][0]))
    rows = dict.fromkeys(_SEVERITIES, 0)
    for (severity, _), problems in ordered:
        rows[severity] += _rows(problems)
    chips = "".join(
        f'<span class="ft-chip {_SEVERITIES[severity][2]}">{esc(t(f"ft_{severity}s", lang, n=n))}</span>'
        for severity, n in rows.items()
        if n
    )
    title = f'<div class="ft-row">{heading(t("ft_found", lang))}{chips}</div>'
    if not rows["error"] and not rows["warning"]:
        title += f'<p class="ft-why">{icon("ok")}<span>{esc(t("ft_all_clear", lang))}</span></p>'
    elif rows["error"]:
        title += f'<p class="ft-sub">{esc(t("ft_found_rule", lang))}</p>'
    many = len({problem.source for problem in found.problems}) > 1
    drawn = "".join(_group(severity, kind, problems, many, lang) for (severity, kind), problems in ordered)
    return f'{title}<ul class="ft-rep">{drawn}</ul>'


def ready(dataset: Dataset, base: str, lang: str) -> str:
    """What the bar at the foot says beside its buttons."""
    return (
        f'<div class="ft-row"><b>{esc(t("ft_ready", lang, n=len(dataset.examples)))}</b>'
        f'<span class="ft-mut">{esc(t("ft_quick_on", lang, base=model_name(base, lang)))}</span></div>'
    )


def pairs_head(first: int, shown: int, total: int, page: int, lang: str) -> str:
    """The title of the table and its pager."""
    pages = max(1, -(-total // PAGE_ROWS))
    words = t("ft_rows_of", lang, first=first + 1, last=first + shown, n=total)
    turn = pager("page", page, pages, lang, words) if shown else ""
    return f'<div class="ft-row">{heading(t("ft_pairs", lang))}{turn}</div>'


def pairs_table(rows: Sequence[tuple[int, Example]], lang: str) -> str:
    """One page of examples with their indices; the number of each opens it as the model sees it."""
    if not rows:
        return f'<p class="ft-sub">{esc(t("ft_none_found", lang))}</p>'
    names = (t(name, lang) for name in ("ft_instruction", "ft_response", "ft_where"))
    head = "".join(f'<th scope="col">{esc(name)}</th>' for name in ("#", *names))
    body = "".join(_row(index, example, lang) for index, example in rows)
    table = f'<table class="ft-table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return f'<div class="ft-scroll" tabindex="0" role="group" aria-label="{esc(t("ft_pairs", lang))}">{table}</div>'


def _row(index: int, example: Example, lang: str) -> str:
    more = len(example.messages) - 2
    turns = f' <span class="ft-chip">{esc(t("ft_more_messages", lang, n=more))}</span>' if more > 0 else ""
    where = t("ft_line", lang, n=example.line) if example.line else t("ft_row", lang, n=example.row)
    show = esc(t("ft_show_pair", lang, k=index + 1))
    return (
        f'<tr><td><button class="ft-btn ghost" data-pair="{index}" aria-label="{show}">{index + 1}</button></td>'
        f"<td>{_text(example.prompt)}{turns}</td><td>{_text(example.completion)}</td>"
        f'<td class="ft-mut ft-num" title="{esc(example.source)}">{esc(where)}</td></tr>'
    )


def _text(text: str) -> str:
    return f"<span>{esc(text[:_CUT])}{'…' if len(text) > _CUT else ''}</span>"


def _group(severity: str, kind: str, problems: Sequence[Problem], many: bool, lang: str) -> str:
    """One kind of problem: its reasons with their lines, the commonest first."""
    shape, css_class, _ = _SEVERITIES[severity]
    reasons: dict[str, list[Problem]] = {}
    for problem in problems:
        reasons.setdefault(_reason(problem), []).append(problem)
    common = sorted(reasons.items(), key=lambda item: -len(item[1]))
    details = [f"{esc(reason)}{esc(_places(where, many, lang))}" for reason, where in common[:_REASONS]]
    if len(common) > _REASONS:
        left = sum(len(where) for _, where in common[_REASONS:])
        details.append(esc(t("ft_other_reasons", lang, n=left)))
    count = _rows(problems)
    known = f"ft_problem_{kind}"
    name = t(known, lang, n=count) if known in TEXTS else kind.replace("_", " ")
    drawn = "".join(f'<span class="d">{detail}</span>' for detail in details)
    label = esc(t(f"ft_{severity}", lang))
    return f'<li class="{css_class}">{icon(shape, "s", label)}<div><b>{esc(name)}</b>{drawn}</div></li>'


def _rows(problems: Sequence[Problem]) -> int:
    return len({(problem.source, problem.row) for problem in problems})


def _reason(problem: Problem) -> str:
    """Its message without the place, which is said once for all that share it."""
    for place in (f" line {problem.line}", f" row {problem.row}", ""):
        start = f"{problem.source}{place}: "
        if problem.message.startswith(start):
            return problem.message[len(start) :]
    return problem.message


def _places(problems: Sequence[Problem], many: bool, lang: str) -> str:
    named = [problem for problem in problems if problem.row is not None]
    if not named:
        return f" ({problems[0].source})" if many else ""
    numbers: dict[str, list[str]] = {}
    for problem in named[:_LINES]:
        numbers.setdefault(problem.source, []).append(str(problem.line or problem.row))
    key = "ft_lines" if named[0].line else "ft_rows"
    places = [
        f"{source} " * many + t(key, lang, n=len(found), numbers=", ".join(found)) for source, found in numbers.items()
    ]
    more = t("ft_and_more", lang, n=len(named) - _LINES) if len(named) > _LINES else ""
    return f": {'; '.join(places)}{more}"
