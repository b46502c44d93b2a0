"""Where the rows lie in a value that holds them all, as in JSON and YAML. Knows nothing of how it was read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

from ftchat.data.names import LABELS, by_normal_name, is_header, is_known, is_turn, normal, pick
from ftchat.data.rows import Number, Remark, Row, shown

ROWS_TOLD_BY: Final = 20  # the first rows of a list show that it is one of rows

# Under these a single object holds its own turns, and no rows.
_OWN_TURNS = frozenset("messages conversation dialogue dialog chat turns history 对话 消息 历史".split())


def are_one_row(first: list[Any]) -> bool:
    """Whether the first elements of a list are the messages of one conversation, or the two sides of one pair."""
    return bool(first) and (all(map(is_turn, first)) or (len(first) == 2 and all(map(_is_text, first))))


def held_rows(value: dict[str, Any]) -> list[str]:
    """The keys under which an object holds its rows, such as `data`, or `train` and `test`."""
    if _is_row(value):
        return []
    held = [key for key, rows in value.items() if holds_rows(key, rows)]
    held = [key for key in held if any(map(_is_likely, value[key][:ROWS_TOLD_BY]))] or held
    return [key for key in held if not normal(key).startswith("negative")] or held  # examples of what not to say


def held_note(value: dict[str, Any], keys: list[str]) -> Remark:
    others = [key for key in value if key not in keys]
    said = f"the rows are those under {_listed(keys)}"
    return Remark("layout", "info", f"{said}; not used: {_listed(others)}" if others else said)


def _listed(keys: list[str]) -> str:
    return ", ".join(f"'{shown(key)}'" for key in keys[:10])


def held_row(value: Any) -> Any:
    """Statements that follow each other are turns."""
    if isinstance(value, list) and len(value) > 2 and all(map(_is_text, value)):
        return {"conversation": value}
    return value


def holds_rows(key: str, value: Any) -> bool:
    """Whether a list under a key is one of rows, judging by the first of them."""
    return _holds_rows(value) and normal(key) not in _OWN_TURNS


def unfolded(value: dict[str, Any]) -> list[Any] | None:
    """The rows of an object that holds them column by column, in groups, by their ids, or as answers under their
    questions; None where it does neither."""
    return rows_by_column(value) or rows_by_id(value)


def rows_by_column(value: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Or in groups, or as answers under their questions."""
    return None if _is_row(value) else _from_columns(value) or _from_groups(value) or _from_questions(value)


def rows_by_id(value: dict[str, Any]) -> list[dict[str, Any]] | None:
    return None if _is_row(value) else _from_ids(value)


def headed(rows: Iterator[Row]) -> Iterator[Row]:
    """Rows that are lists under a first one that names their columns: `[["question", "answer"], ["hi", "hello"]]`."""
    first = next(rows, None)
    if first is None:
        return
    names = first.value
    if not _are_names(names):
        yield from chain([first], rows)
    else:
        for row in rows:
            fits = isinstance(row.value, list) and len(row.value) == len(names)
            yield row._replace(
                number=row.number - 1, value=dict(zip(names, row.value, strict=True)) if fits else row.value
            )


def _are_names(names: Any) -> bool:
    """Two names may be a pair like any other, unless both are known."""
    if not isinstance(names, list) or len(names) < 2 or not all(map(_is_text, names)):
        return False
    return all(map(is_known, names)) or (len(names) > 2 and is_header(names))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and not isinstance(value, Number)


def _is_row(value: dict[str, Any]) -> bool:
    """Whether an object says by itself what its prompt and its answer are, or holds the turns of a conversation."""
    columns = by_normal_name(value)
    turns = value[column] if (column := pick("messages", columns)) is not None else None
    if isinstance(turns, list) and turns and is_turn(turns[0]):
        return True
    completion = pick("completion", columns)
    prompt = pick("prompt", columns, {completion})
    return all(column is not None and isinstance(value[column], str) for column in (completion, prompt))


def _holds_rows(value: Any) -> bool:
    if not isinstance(value, list):
        return False
    first = value[:ROWS_TOLD_BY]
    return any(map(_may_be_row, first)) and not any(map(is_turn, first))


def _may_be_row(value: Any) -> bool:
    if isinstance(value, list):
        return len(value) > 1 and (all(map(_is_text, value)) or is_turn(value[0]))
    return isinstance(value, dict)


def _is_likely(value: Any) -> bool:
    """Whether what may be a row has a column of a known name, or holds an object that has."""
    if not isinstance(value, dict):
        return isinstance(value, list)
    return any(is_known(key) or (isinstance(v, dict) and _is_likely(v)) for key, v in value.items())


def _from_ids(value: dict[str, Any]) -> list[dict[str, Any]] | None:
    """`{"id-1": {...}, "id-2": {...}}`"""
    rows = list(value.values())
    if len(rows) < 2 or any(map(is_known, value)) or not all(isinstance(row, dict) and len(row) > 1 for row in rows):
        return None
    return rows


def _from_groups(value: dict[str, Any]) -> list[Any] | None:
    """`{"java": {"basics": [...], "threads": [...]}, "spring": {...}}`: the rows of all lists that hold likely ones."""
    groups = [group for group in value.values() if isinstance(group, dict)]
    lists = [rows for group in groups for rows in (group[key] for key in held_rows(group))]
    likely = [rows for rows in lists if any(isinstance(row, dict) and _is_pair(row) for row in rows[:20])]
    return list(chain.from_iterable(likely)) or None


def _is_pair(value: dict[str, Any]) -> bool:
    return _is_row(value) and LABELS.isdisjoint(map(normal, value))


def _from_questions(value: dict[str, Any]) -> list[dict[str, Any]] | None:
    """`{"How do I pay?": "By card.", "Where are you?": "In Bonn."}`"""
    questions = sum(question.rstrip().endswith(("?", "？")) for question in value)
    if len(value) < 2 or 2 * questions <= len(value) or not all(map(_is_text, value.values())):
        return None
    return [{"question": question, "answer": answer} for question, answer in value.items()]


def _from_columns(value: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Rows out of columns: `{"a": [1, 2], "b": [3, 4]}`, or as pandas writes them, `{"a": {"0": 1, "1": 2}, ...}`."""
    columns = list(value.values())
    if len(columns) < 2:
        return None
    if all(isinstance(column, dict) for column in columns):
        keys = list(columns[0])
        if not keys or any(list(column) != keys for column in columns) or not all(key.isdigit() for key in keys):
            return None
        columns = [list(column.values()) for column in columns]
    lengths = {len(column) if isinstance(column, list) else -1 for column in columns}
    if len(lengths) != 1 or lengths <= {-1, 0}:
        return None
    return [dict(zip(value, cells, strict=True)) for cells in zip(*columns, strict=True)]
