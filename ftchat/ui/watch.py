"""Watch it learn: what base and adapter answered to a few questions while a run trained, as HTML. Pure functions.

How much of a reply is in the right answer is shown by a bar: the F1 of their words, or characters where a script has
no spaces. It says how alike they are, not which is better.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from ftchat.events import SampleLogged
from ftchat.ui.markup import esc
from ftchat.ui.texts import t

_MOST_STEPS = 6  # rows of a question; of more, some from all over and the last
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\w+")

# One question at a time, turned over in the browser; a redraw leaves it where it was.
TURNING = """
let asked = 0;
const turn = by => {
  const all = element.querySelectorAll('.ft-asked');
  if (!all.length) return;
  asked = (asked + by + all.length) % all.length;
  all.forEach((one, at) => { one.hidden = at !== asked }) };
element.addEventListener('click', event => {
  const hit = event.target.closest('.ft-turn');
  if (hit) turn(hit.classList.contains('back') ? -1 : 1) });
watch('value', () => turn(0));
"""


def watch(samples: Sequence[SampleLogged], lang: str) -> str:
    """Every question with the base's answer, those of some steps, and the right one. Nothing where none was asked."""
    prompts = list(dict.fromkeys(sample.prompt for sample in samples))
    return "".join(
        _asked([sample for sample in samples if sample.prompt == prompt], number, len(prompts), lang)
        for number, prompt in enumerate(prompts)
    )


def alike(reply: str, reference: str) -> float:
    """F1 of the words of two texts, from 0 to 1."""
    one, other = (Counter(word.casefold() for word in _WORD.findall(text)) for text in (reply, reference))
    both = (one & other).total()
    return 2 * both / (one.total() + other.total()) if both else 0.0


def _asked(samples: Sequence[SampleLogged], number: int, count: int, lang: str) -> str:
    last = samples[-1]
    kind = t("ft_watch_held" if last.held_out else "ft_watch_learned", lang)
    turns = ""
    if count > 1:
        back, on = esc(t("ft_watch_back", lang)), esc(t("ft_watch_on", lang))
        turns = (
            f'<span class="ft-row ft-sp"><button class="ft-btn ghost ft-turn back" aria-label="{back}">‹</button>'
            f'<span class="ft-mut">{number + 1} / {count}</span>'
            f'<button class="ft-btn ghost ft-turn" aria-label="{on}">›</button></span>'
        )
    rows = [_row(t("ft_base", lang), "ring", last.base, last.reference)]
    for sample in _some(samples):
        text = sample.tuned if sample.whole else f"{sample.tuned} …"
        rows.append(_row(t("ft_last_step", lang, step=sample.step), "tuned", text, last.reference))
    reference = f'<span class="k">{esc(t("ft_watch_reference", lang))}</span><span>{esc(last.reference)}</span>'
    return (
        f'<div class="ft-asked"{" hidden" if number else ""}><div class="ft-row"><h2 class="ft-h2">'
        f'{esc(t("ft_watch", lang))}</h2><span class="ft-mut">{esc(kind)}</span>{turns}</div>'
        f'<p class="ft-asking">{esc(last.prompt)}</p><div class="ft-learn">{"".join(rows)}'
        f'<div class="ref">{reference}<span></span></div></div></div>'
    )


def _some(samples: Sequence[SampleLogged]) -> list[SampleLogged]:
    most = min(_MOST_STEPS, len(samples))
    return [samples[(number + 1) * len(samples) // most - 1] for number in range(most)]


def _row(name: str, dot: str, text: str, reference: str) -> str:
    share = round(alike(text, reference) * 100)
    return (
        f'<div><span class="k"><span class="ft-dot {dot}"></span>{esc(name)}</span><span>{_marked(text, reference)}'
        f'</span><span class="sc"><i class="{dot}"><b style="width:{share}%"></b></i>{share} %</span></div>'
    )


def _marked(text: str, reference: str) -> str:
    """With the words underlined that are in the right answer."""
    right = {word.casefold() for word in _WORD.findall(reference)}
    parts, at = [], 0
    for word in _WORD.finditer(text):
        if word[0].casefold() in right:
            parts += [esc(text[at : word.start()]), f"<mark>{esc(word[0])}</mark>"]
            at = word.end()
    return "".join([*parts, esc(text[at:])])
