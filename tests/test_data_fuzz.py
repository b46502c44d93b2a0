"""The reader among bytes that nobody meant for it; `make fuzz` tries far more of them."""

import json
import random

import pyarrow as pa
import pytest
import yaml
from data_files import SAMPLE, WRITERS, as_table_file, as_workbook, faults, fuzzed
from hypothesis import given
from hypothesis import strategies as st
from test_data_shapes import JSON

TURNS = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}]
FILES = {name: writer(SAMPLE * 2) for name, writer in WRITERS.items()} | {"xlsx": as_workbook(SAMPLE * 2)}
FILES["parquet, nested"] = as_table_file(messages=[TURNS, None, []] * 5)
FILES["parquet, folded"] = as_table_file(prompt=pa.array(["a", "b"] * 9).dictionary_encode(), completion=["x", "y"] * 9)

PIECES = ["{", "}", "[", "]", '"', "'", ",", ";", "\t", "|", ":", "\n", "\r\n", "\\", "\\u", "---", "Q:", "A:", "User:"]
PIECES += [
    "- ",
    ": ",
    "  ",
    "&a ",
    "*a",
    "|\n",
    ">\n",
    "<<: ",
    "? ",
    "%YAML",
    "#",
    "|---|",
    "sep=;\n",
    "//",
    "\u2028",
    "\ufeff",
]
WORDS = ["prompt", "completion", '"prompt"', '"messages"', '"role"', '"a"', "hi", "1", "null", " ", "é", "\x00", "😀"]
WORDS += [
    "prompt: ",
    "completion: ",
    "rows:",
    '"data"',
    '"conversations"',
    '"from"',
    "NaN",
    "translation",
    "patterns",
    "user_1",
]


@fuzzed
@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda t: t.encode("utf-8", "surrogatepass"))))
def test_any_bytes_give_a_reading_or_a_sentence(data):
    assert faults(data) == []


@fuzzed
@given(st.lists(st.sampled_from(PIECES + WORDS), max_size=60).map("".join))
def test_any_broken_text_gives_a_reading_or_a_sentence(text):
    assert faults(text.encode()) == []


@pytest.mark.parametrize("name", FILES)
def test_any_damaged_file_gives_a_reading_or_a_sentence(name):
    @fuzzed
    @given(st.randoms(use_true_random=False), st.integers(1, 5))
    def holds(chance: random.Random, times: int):
        data = bytearray(FILES[name])
        for _ in range(times):
            where = chance.randrange(len(data))
            data[where : where + chance.randrange(5)] = chance.randbytes(chance.randrange(4))
        assert faults(bytes(data)) == []

    holds()


HELD = st.sampled_from(["data", "rows", "train", "test", "id"]) | st.text(max_size=5)


@fuzzed
@given(JSON | st.lists(JSON, max_size=5) | st.dictionaries(HELD, st.lists(JSON, max_size=5), max_size=3))
def test_any_value_in_one_file_gives_a_reading_or_a_sentence(value):
    written = json.dumps(value, ensure_ascii=False)
    assert faults(written.encode("utf-8", "surrogatepass")) == []
    assert faults(yaml.safe_dump(json.loads(written)).encode()) == []


@fuzzed
@given(st.sampled_from(sorted(FILES)), st.floats(0, 1))
def test_any_file_cut_off_gives_a_reading_or_a_sentence(name, share):
    assert faults(FILES[name][: int(share * len(FILES[name]))]) == []
