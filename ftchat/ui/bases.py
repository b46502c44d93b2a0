"""Which base models may be asked for on a page. Knows nothing of models, or of how the page is reached.

On a page of one's own everything goes. On one that others reach, the name of a folder would tell them what lies on the
server's disk, and a Hub id would make it fetch whatever they like: there a base is taken from a list.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ftchat.errors import ConfigError
from ftchat.hub import is_hub_id
from ftchat.records import STARTER

ANY = "*"
LISTED = (  # small chat models under a permissive licence, open to everybody on the Hub
    "HuggingFaceTB/SmolLM2-135M-Instruct",
    "HuggingFaceTB/SmolLM2-360M-Instruct",
    "Qwen/Qwen2.5-0.5B-Instruct",
    "Qwen/Qwen3-0.6B",
)


@dataclass(frozen=True)
class Bases:
    """`allowed` are the names that are taken; None for all, folders too."""

    allowed: tuple[str, ...] | None = None

    @classmethod
    def listed(cls, more: Iterable[str]) -> Bases:
        """For a page that others reach: the list, and what its operator adds to it."""
        return cls(tuple(dict.fromkeys((*LISTED, *more))))

    def takes(self, base: str) -> bool:
        try:
            self.check(base)
        except ConfigError:
            return False
        return True

    def check(self, base: str) -> None:
        """ConfigError where this base is not taken. A folder is refused alike whether it is there or not."""
        if self.allowed is None or base == STARTER or base in set(self.allowed) - {ANY}:
            return
        if ANY not in self.allowed:
            names = ", ".join(self.allowed)
            raise ConfigError(
                f"this page takes the starter or one of these base models: {names}; folders of its server are not read",
                "base_not_listed",
                names=names,
            )
        if not is_hub_id(base):
            raise ConfigError(
                "this page takes base models by Hub id, as in Qwen/Qwen3-0.6B; folders of its server are not read",
                "base_folder",
            )


EVERYTHING = Bases()
