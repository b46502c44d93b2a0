"""The text files, read once, with the made-up words and names that odd requests use."""

from __future__ import annotations

import random

from .blocks import Library
from .grammar import capital

SYLLABLES = "ba be bo da do fi fo ga ge ka ko la li lo ma mi mo na ni no pa pe ra ri ro sa se so ta ti to va ve vi za zo".split()
ENDS = ("n", "r", "x", "l", "s", "th", "nk", "st", "", "", "ck", "m")


def _load() -> Library:
    lib = Library()
    rng = random.Random(7)
    made = sorted({"".join(rng.choices(SYLLABLES, k=rng.randint(1, 3))) + rng.choice(ENDS) for _ in range(2500)})
    common = lib.words("common")
    known = {
        w
        for table, column in (("tools", "tool"), ("jobs", "job"), ("animals", "animal"))
        for w in lib.column(table, column)
    }
    known |= {w for term in lib.column("things", "term") for w in term.split()}
    common = [w for w in common if w not in known]
    lib.rows["odd"] = [{"odd": w} for w in (*made, *common, *common)]
    lib.rows["strange"] = [{"strange": capital(w)} for w in made if len(w) > 4]
    # Names that are rare or made up keep a reply from choosing a well-known name instead of copying.
    lib.rows["name"] += (
        [{"name": n} for n in lib.words("rarename")]
        + lib.rows["name"]
        + [{"name": capital(w)} for w in made[::9] if len(w) > 3]
    )
    first, second = "王李张刘陈杨赵黄周吴徐孙马朱胡郭何林高罗", "明红华丽刚芳伟强静敏雪婷娜杰涛平宇文欣然子佳晨雨思浩"
    lib.rows["zhname"] += [
        {"zhname": rng.choice(first) + "".join(rng.choices(second, k=rng.choice((1, 2))))} for _ in range(150)
    ]
    lib.rows["country"] = [{"country": c} for c in lib.column("countries", "country")]
    lib.rows["hanzi"] = [{"hanzi": c} for c in dict.fromkeys("".join(lib.words("hanziline")))]
    return lib


library = _load()
