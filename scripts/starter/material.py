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
    known = {w for table, column in (("tools", "tool"), ("jobs", "job"), ("animals", "animal")) for w in lib.column(table, column)}
    known |= {w for term in lib.column("things", "term") for w in term.split()}
    common = [w for w in common if w not in known]
    lib.rows["odd"] = [{"odd": w} for w in (*made, *common, *common)]
    lib.rows["strange"] = [{"strange": capital(w)} for w in made if len(w) > 4]
    lib.rows["country"] = [{"country": c} for c in lib.column("countries", "country")]
    lib.rows["hanzi"] = [{"hanzi": c} for c in dict.fromkeys("".join(lib.words("hanziline")))]
    return lib


library = _load()
