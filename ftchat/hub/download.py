"""One base model on its way from the Hub: what of its repository is needed, in which order, and when it is here.

The small files, which tell what it is, are the business of the Hub's client library. Knows nothing of who waits for it.
"""

from __future__ import annotations

import functools
from pathlib import Path

from huggingface_hub import constants

from ftchat.errors import ModelError
from ftchat.hub.cache import INDEX, WEIGHTS, shards
from ftchat.hub.listing import check, is_small
from ftchat.hub.transfer import Transfer


class Download(Transfer):
    """Of the model called `name`; what is counted are its weights."""

    def prepare(self) -> Path:
        """All but the weights; the folder that they lie in. What speaks against the model is said here, as far as that
        can be told without its weights."""
        sizes = self.listed()
        with self._said():
            check(self.name, sizes)
            for file in sorted(name for name in sizes if is_small(name)):
                self._go_on()
                self._persist(functools.partial(self._linked, file))
            folder = self._snapshot()
            files = [WEIGHTS] if WEIGHTS in sizes else shards(folder / INDEX)
            if not files or not set(files) <= set(sizes):
                raise ModelError(f"{self.name} is not whole on the Hub: some weights are missing; choose another")
            self.want({file: sizes[file] for file in files})
        return folder

    def run(self) -> Path:
        """The weights, after `prepare`. From here on the model is there by its name."""
        folder = super().run()
        with self._said():
            reference = self._folder() / "refs" / constants.DEFAULT_REVISION
            reference.parent.mkdir(parents=True, exist_ok=True)
            reference.write_text(self._commit)
        return folder
