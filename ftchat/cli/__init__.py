"""python -m ftchat inspect | train | search | compare | chat | runs | doctor

Everything the page can do, through the same functions. Standard output carries results, standard error progress
and complaints. Exit status: 0 done, 2 the user's input is wrong (one plain line), 1 a fault of ours, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from ftchat.cli import ask, data, machine, runs, search, training
from ftchat.errors import FtchatError

_VERBS = (data, training, search, ask, runs, machine)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        print(f"{self.prog}: {message}; see {self.prog} --help", file=sys.stderr)
        raise SystemExit(2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line and returns its exit status."""
    parser = _Parser(prog="python -m ftchat", description="Teach a chat model by example; compare base and tuned.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB", parser_class=_Parser)
    for module in _VERBS:
        module.add_parsers(verbs)
    parsed = parser.parse_args(arguments)
    try:
        status = parsed.run(parsed)
        sys.stdout.flush()
        return int(status)
    except FtchatError as error:
        print(f"ftchat: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        print(f"ftchat: interrupted{f' {stop}' if str(stop) else ''}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output, such as `head`, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
