"""Parquet -> rows, a few at a time. Knows nothing of what the columns mean.

Nested columns become objects and lists; numbers of a class are told by their names where the file holds those.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from ftchat.data.encodings import BROKEN
from ftchat.data.rows import Decoded, Number, Remark, Row, shown, unread
from ftchat.data.unpacking import limit, too_much
from ftchat.errors import DataError

PARQUET = b"PAR1"
_BATCH = 1000
_MOST_COLUMNS = 1000

_Convert = Callable[[Any], Any]


def read_parquet(data: bytes) -> Decoded:
    if not data.endswith(PARQUET):
        raise DataError("this Parquet file is cut off; fetch it again")
    try:
        file = parquet.ParquetFile(pa.BufferReader(data), pre_buffer=False)
        schema = file.schema_arrow
    except Exception as error:  # whatever a damaged file sets off in the reader
        raise _damaged(error) from None
    if not 0 < len(schema.names) <= _MOST_COLUMNS:
        raise DataError(f"this Parquet file has {len(schema.names)} columns")
    classes = _classes(schema)
    said = "numbers of a class are written as the names that the file gives them: "
    notes = [Remark("labels", "info", said + ", ".join(f"'{shown(name)}'" for name in classes))] if classes else []
    return Decoded("parquet", "utf-8", _rows(data, file, classes), tuple(schema.names), notes)


def _damaged(error: Exception) -> DataError:
    reason = shown(str(error).split("\n")[0] or type(error).__name__, 120)
    return DataError(f"this Parquet file cannot be read ({reason}); fetch it again, or save it as JSON Lines")


def _classes(schema: pa.Schema) -> dict[str, list[str]]:
    """Column -> the names of its classes, as the library `datasets` keeps them."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return {
            column: [str(name) for name in feature["names"]]
            for column, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and column in schema.names
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}


def _rows(data: bytes, file: parquet.ParquetFile, classes: dict[str, list[str]]) -> Iterator[Row]:
    numbers = count(1)
    try:
        for batch in _batches(data, file):
            names = batch.schema.names
            columns = [
                _values(column, field.type, classes.get(field.name))
                for column, field in zip(batch.columns, batch.schema, strict=True)
            ]
            for values in zip(*columns, strict=True):
                yield Row(next(numbers), None, dict(zip(names, values, strict=True)))
    except DataError:
        raise
    except Exception as error:  # as above
        yield unread(next(numbers), None, "bad_parquet", f"from this row on nothing could be read: {_damaged(error)}")


def _batches(data: bytes, file: parquet.ParquetFile) -> Iterator[pa.RecordBatch]:
    """Texts that repeat stand in a file once: what they become is added up before they are unfolded."""
    most = limit(len(data))
    # Not column by column: where that part of a file is damaged, the library ends the whole process.
    sizes = [file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups)]
    if sum(sizes) > most:
        raise too_much(len(data))
    rows = max(1, min(_BATCH, most // max([1, *sizes])))
    size = 0
    for batch in file.iter_batches(batch_size=rows, use_threads=False):
        batch.validate(full=True)  # what a damaged file holds must not be followed out of memory
        columns = [column.dictionary_decode() if _is_folded(column) else column for column in batch.columns]
        batch = pa.RecordBatch.from_arrays(columns, batch.schema.names)
        size += batch.nbytes
        if size > most:
            raise too_much(len(data))
        yield batch


def _is_folded(column: pa.Array) -> bool:
    return pa.types.is_dictionary(column.type)


def _values(column: pa.Array, kind: pa.DataType, names: list[str] | None) -> list[Any]:
    if pa.types.is_large_string(kind) or pa.types.is_string(kind):
        return column.to_pylist()
    if names and pa.types.is_integer(kind):
        return [_class(number, names) for number in column.to_pylist()]
    convert = _converter(kind)
    return [None if value is None else convert(value) for value in column.to_pylist()]


def _class(number: int | None, names: list[str]) -> str | None:
    if number is None or number < 0:  # -1 is written where the class is not known
        return None
    return names[number] if number < len(names) else Number(number)


def _converter(kind: pa.DataType) -> _Convert:
    """What turns a value of Arrow's into one that JSON could hold."""
    types = pa.types
    if types.is_float64(kind):
        return lambda value: value if value == value else None  # NaN is how tables write that there is nothing
    if types.is_floating(kind):
        scalar = kind.to_pandas_dtype()
        return lambda value: Number(scalar(value)) if value == value else None  # 3.3, and not 3.299999952316284
    if types.is_decimal(kind):
        return lambda value: Number(format(value, "f"))
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return _decoded
    if types.is_dictionary(kind):
        return _converter(kind.value_type)
    if types.is_struct(kind):
        fields = [(field.name, _optional(_converter(field.type))) for field in kind]
        return lambda value: {name: convert(value[name]) for name, convert in fields}
    if types.is_map(kind):
        item = _optional(_converter(kind.item_type))
        return lambda value: {str(key): item(element) for key, element in value}
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        element = _optional(_converter(kind.value_type))
        return lambda value: [element(item) for item in value]
    if types.is_boolean(kind) or types.is_integer(kind) or types.is_string(kind) or types.is_large_string(kind):
        return _same
    return str


def _optional(convert: _Convert) -> _Convert:
    return convert if convert is _same else lambda value: None if value is None else convert(value)


def _same(value: Any) -> Any:
    return value


def _decoded(value: bytes) -> str:
    """Some programs write texts without saying that they are UTF-8."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return BROKEN
