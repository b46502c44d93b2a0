"""The starter datasets of data_templates/: what they are, their cards, their bytes. Knows nothing of datasets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ftchat.errors import ConfigError
from ftchat.ui.icons import icon
from ftchat.ui.markup import esc, heading
from ftchat.ui.texts import t

FOLDER = Path(__file__).parents[2] / "data_templates"

_PICTURES = {
    "support_en": "headset",
    "support_zh": "bubble",
    "persona": "persona",
    "extract_json": "braces",
    "classify": "label",
    "rewrite": "pencil",
    "poet": "quill",
}


@dataclass(frozen=True, slots=True)
class Template:
    """One entry of the index; texts by language, `pairs` counted from its file."""

    id: str
    file: str
    language: str
    title: Mapping[str, str]
    description: Mapping[str, str]
    sample: Mapping[str, str]
    pairs: int

    @property
    def path(self) -> Path:
        return FOLDER / self.file


@cache
def templates() -> tuple[Template, ...]:
    """Those of the index, in its order; none where the folder is not there."""
    index = FOLDER / "index.json"
    entries = json.loads(index.read_text("utf-8")) if index.exists() else []
    return tuple(Template(**entry, pairs=_lines(FOLDER / entry["file"])) for entry in entries)


def template(wanted: str) -> Template:
    for known in templates():
        if known.id == wanted:
            return known
    raise ConfigError(f"there is no template '{wanted}'; reload the page to see those there are")


def cards(lang: str) -> str:
    """Those in the reader's language come first."""
    ordered = sorted(templates(), key=lambda one: one.language != lang)
    drawn = "".join(_card(one, lang) for one in ordered)
    return f'{heading(t("ft_templates", lang))}<div class="ft-tpls">{drawn}</div>'


def _card(one: Template, lang: str) -> str:
    about = t("ft_template_about", lang, pairs=one.pairs, language=t(f"ft_in_{one.language}", lang))
    return (
        f'<button class="ft-tpl" data-template="{esc(one.id)}">{icon(_PICTURES.get(one.id, "bubble"))}'
        f'<b>{esc(one.title[lang])}</b><span class="l">{esc(one.description[lang])}</span>'
        f'<span class="x"><u>{esc(one.sample["prompt"])}</u><i>{esc(one.sample["completion"])}</i></span>'
        f'<span class="m">{esc(about)}</span></button>'
    )


def _lines(path: Path) -> int:
    return sum(1 for line in path.read_bytes().splitlines() if line.strip())
