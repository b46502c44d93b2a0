"""Every sentence of the page, in English and Chinese. Knows nothing of components.

Static labels use `i18n("ft_key")`, which the browser resolves; HTML built on the server uses `t("ft_key", lang)`.
Where a text reads differently for one of a thing, `key_1` is used when `n` is 1.
"""

from __future__ import annotations

import gradio as gr

from ftchat.ui.texts import common, compare, data, run, runs, search, train, words

PARTS = (common, data, train, search, run, words, runs, compare)
TEXTS: dict[str, tuple[str, str]] = {key: pair for part in PARTS for key, pair in part.TEXTS.items()}

i18n = gr.I18n(en={key: en for key, (en, _) in TEXTS.items()}, zh={key: zh for key, (_, zh) in TEXTS.items()})


def t(key: str, lang: str, **values: object) -> str:
    """The text, plain: escape it like any other text before it becomes HTML."""
    if values.get("n") == 1 and f"{key}_1" in TEXTS:
        key = f"{key}_1"
    return TEXTS[key][lang == "zh"].format(**values)
