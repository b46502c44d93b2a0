"""Reading grows with its input and no faster, in time and in memory, whatever the input looks like."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ftchat.data import Report, Source, read


def lines(rows) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


# 300 KB to 1 MB each that once took minutes: 10 seconds and 2 for each MB is what reading may take.
HEAVY = {
    "two answers to one prompt": lines({"prompt": "a", "completion": "bc"[n % 2]} for n in range(10_000)),
    "many answers in one row": lines([{"prompt": "a", "answers": [str(n) for n in range(30_000)]}] * 2),
    "texts that never end": b'{"prompt": "a\n' * 20_000,
    "brackets in YAML": b"- prompt: a\n  completion: b\n- " + b"[" * 300_000,
    "short sums": lines(
        {"prompt": f"What is {n % 97} + {n % 89}?", "completion": str(n % 97 + n % 89)} for n in range(18_000)
    ),
    "sums": lines({"prompt": f"What is {n % 89} plus {n % 97}?", "completion": f"It is {n}."} for n in range(5_000)),
}


@pytest.mark.parametrize("name", HEAVY)
def test_no_input_takes_long(name):
    began = time.process_time()
    read([Source("f", HEAVY[name])])
    assert time.process_time() - began < 10 + 2 * len(HEAVY[name]) / 1e6


def test_broken_rows_are_told_alike_however_many_there_are():
    rows = [b'{"prompt": "a%d", "completion": "b"},\n{"prompt" "x"},\n' % n for n in range(150)]
    found = read([Source("f", b"[" + b"".join(rows) + b'{"prompt": "' + b"long" * 4000 + b'", "completion": "c"}]')])
    assert len(found.examples) == 151 and found.examples[-1].prompt == "long" * 4000
    broken = [problem for problem in found.report.problems if problem.kind == "bad_json"]
    assert {problem.remark.message for problem in broken} == {
        "this is not valid JSON: a colon is missing (at character 11)"
    }
    assert [problem.line for problem in broken] == list(range(2, 301, 2))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_a_file_is_not_held_in_memory(tmp_path):
    def peak(rows: int) -> float:
        path = tmp_path / f"{rows}.jsonl"
        with path.open("wb") as file:
            for n in range(rows):
                file.write(
                    lines([{"prompt": f"{n} a@b.com " + "x" * 130, "completion": f"{{{{name}}}} {n}" + "y" * 140}])
                )
        # Not ru_maxrss, which a child has from its parent.
        code = (
            "import re, sys; from ftchat.cli import main; main(['inspect', sys.argv[1], '--json']);"
            "print(re.search('VmHWM:\\\\s+(\\\\d+)', open('/proc/self/status').read())[1], file=sys.stderr)"
        )
        done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, check=True)
        report = Report.from_json(done.stdout)
        assert report.counts == {"pii": rows, "placeholder": rows}
        return int(done.stderr) * 1024

    small, large = peak(101_000), peak(151_000)
    assert (large - small) / 50_000 < 1400  # bytes for each pair of 300 characters with two problems
