"""Reads `text/*.txt`: tables of facts, and blocks of ways to ask and to answer.

    @countries country|capital            a table; its rows follow, one a line
    # capital 3 table=countries held      a block: name, weight, its table, `held` = never used for training
    ? What is the capital of {country}?   a way to ask
    ! Name the capital of {country}.      a way to ask that is never used for training (the figures use it)
    > And of {country}?                   the same question asked as a follow-up
    s Answer in Chinese.                  a system prompt that the block needs
    = It is {capital}.                    an answer
    & capital                             goes on with a block of another file
    k {capital}                           what a right answer contains (`a/b`: either)

A table whose only column ends in `*` holds one value a line, else several with commas between. A block with no table draws its slots from one-column tables. `--` in a cell means: not known, skip the row.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .grammar import say, sloppy, slots

TEXT = Path(__file__).parent / "text"


@dataclass(frozen=True)
class Talk:
    """One conversation: its turns, and what a right last answer must contain (empty: anything that stops)."""

    turns: tuple[tuple[str, str], ...]
    keys: tuple[str, ...] = ()

    @property
    def chinese(self) -> bool:
        return any("\u4e00" <= c <= "\u9fff" for _, text in self.turns for c in text[:40])


@dataclass
class Block:
    """A kind of exchange, as written in the text files."""

    name: str
    weight: float
    table: str | None
    held: bool
    lines: dict[str, list[str]] = field(default_factory=lambda: {c: [] for c in "?!>s=k"})


class Library:
    """All tables and blocks of the text files."""

    def __init__(self, folder: Path = TEXT) -> None:
        self.columns: dict[str, list[str]] = {}
        self.rows: dict[str, list[dict[str, str]]] = {}
        self.blocks: dict[str, Block] = {}
        more: list[tuple[str, Block]] = []
        for path in sorted(folder.glob("*.txt")):
            self._read(path, more)
        for name, addition in more:
            for mark, lines in addition.lines.items():
                self.blocks[name].lines[mark] += lines

    def _read(self, path: Path, more: list[tuple[str, Block]]) -> None:
        table: str | None = None
        block: Block | None = None
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if not line.strip() or line.startswith("//"):
                continue
            where = f"{path.name} line {number}"
            if line.startswith("@"):
                head, *rest = line[1:].split(" ", 1)
                table, block = head, None
                self.columns[table] = rest[0].split("|") if rest else [table]
                self.rows.setdefault(table, [])
            elif line.startswith("# "):
                words = line[2:].split()
                weight = next((float(w) for w in words[1:] if re.fullmatch(r"[\d.]+", w)), 1.0)
                source = next((w[6:] for w in words if w.startswith("table=")), None)
                if words[0] in self.blocks:
                    raise ValueError(f"{where}: block {words[0]} is there twice")
                block, table = Block(words[0], weight, source, "held" in words), None
                self.blocks[block.name] = block
            elif line.startswith("& "):
                block, table = Block(line[2:].strip(), 0, None, False), None
                more.append((block.name, block))
            elif block is not None:
                if line[0] not in block.lines or line[1:2] != " ":
                    raise ValueError(f"{where}: not a line of a block: {line!r}")
                block.lines[line[0]].append(line[2:])
            elif table is not None:
                columns = self.columns[table]
                if columns[0].endswith("*"):
                    self.rows[table].append({table: line.replace("\\n", "\n")})
                elif len(columns) == 1:
                    self.rows[table] += [{columns[0]: cell.strip()} for cell in line.split(",") if cell.strip()]
                else:
                    cells = line.replace("\\n", "\n").split("|")
                    if len(cells) != len(columns):
                        raise ValueError(f"{where}: {len(cells)} cells, {len(columns)} columns")
                    self.rows[table].append(dict(zip(columns, cells, strict=True)))
            else:
                raise ValueError(f"{where}: outside of any table or block")

    def words(self, table: str) -> list[str]:
        """The values of a one-column table."""
        return [row[table] for row in self.rows[table]]

    def column(self, table: str, name: str) -> list[str]:
        """One column of a table, without its unknown cells."""
        return [row[name] for row in self.rows[table] if row[name] != "--"]

    def _filler(self, rng: random.Random, row: dict[str, str], said: set[str]) -> Callable[[str], str]:
        """Fills slots from the row or from one-column tables; what was `said` before in this talk is not chosen again."""
        chosen = dict(row)

        def fill(name: str) -> str:
            if name not in chosen:
                base = name.rstrip("0123456789")
                taken = {v for k, v in chosen.items() if k.rstrip("0123456789") == base}
                chosen[name] = rng.choice([w for w in self.words(base) if w not in taken and w not in said])
                said.add(chosen[name])
            return chosen[name]

        return fill

    def _row(self, rng: random.Random, block: Block, needed: set[str]) -> dict[str, str]:
        if block.table is None:
            return {}
        while True:
            row = rng.choice(self.rows[block.table])
            if all(row.get(name) != "--" for name in needed):
                return row

    def talk(self, rng: random.Random, block: Block, held: bool = False) -> Talk:
        """One exchange of a kind; `held`: asked in a way that training never uses, where the block has one."""
        lines = block.lines
        asks = lines["!"] if held and lines["!"] else lines["?"]
        turns: list[tuple[str, str]] = []
        follow = bool(lines[">"]) and not held and rng.random() < 0.3
        seen: list[dict[str, str]] = []
        said: set[str] = set()
        keys: tuple[str, ...] = ()
        for place in range(1 + follow + (follow and rng.random() < 0.3)):
            ask = rng.choice(asks if place == 0 else lines[">"])
            answer = rng.choice(lines["="])
            needed = slots(ask) | slots(answer)
            row = self._row(rng, block, needed)
            for _ in range(20):
                if row not in seen:
                    break
                row = self._row(rng, block, needed)
            seen.append(row)
            fill = self._filler(rng, row, said)
            if place == 0 and lines["s"]:
                turns.append(("system", say(rng, rng.choice(lines["s"]), fill)))
            asked = say(rng, ask, fill)
            turns.append(("user", asked if held else sloppy(rng, asked)))
            turns.append(("assistant", say(rng, answer, fill).strip()))
            keys = tuple(say(rng, key, fill) for key in lines["k"])
        return Talk(tuple(turns), keys)
