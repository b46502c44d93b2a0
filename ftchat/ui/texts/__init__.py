"""Every sentence of the page, in English and Chinese. Knows nothing of components.

Static labels use `i18n("ft_key")`, which the browser resolves; HTML built on the server uses `t("ft_key", lang)`.
Where a text reads differently for one of a thing, `key_1` is used when `n` is 1.
"""

from __future__ import annotations

import re

import gradio as gr

from ftchat.ui.texts import common, compare, data, run, runs, search, train, words

_HAN = "[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]"
_PLACE = re.compile(f"((?<={_HAN}) )?({{\\w+[^{{}}]*}})( (?={_HAN}))?")

PARTS = (common, data, train, search, run, words, runs, compare)
TEXTS: dict[str, tuple[str, str]] = {key: pair for part in PARTS for key, pair in part.TEXTS.items()}

i18n = gr.I18n(en={key: en for key, (en, _) in TEXTS.items()}, zh={key: zh for key, (_, zh) in TEXTS.items()})


def t(key: str, lang: str, **values: object) -> str:
    """The text, plain: escape it like any other text before it becomes HTML."""
    if values.get("n") == 1 and f"{key}_1" in TEXTS:
        key = f"{key}_1"
    english, chinese = TEXTS[key]
    return _spaced(chinese, values) if lang == "zh" else english.format(**values)


def _spaced(text: str, values: dict[str, object]) -> str:
    """Chinese has spaces around a name in other letters, and none around one in its own."""

    def put(place: re.Match[str]) -> str:
        before, field, after = place.groups("")
        value = field.format(**values)
        return before * (not re.match(_HAN, value[:1])) + value + after * (not re.match(_HAN, value[-1:]))

    return _PLACE.sub(put, text)
