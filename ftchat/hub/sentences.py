"""The Hub's and the network's errors -> one sentence each that says what to do. A token is never part of one."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from typing import Any, Literal

from huggingface_hub import constants, get_token

What = Literal["model", "adapter", "dataset"]

_TOKEN = re.compile(r"\b(?:hf|api_org)_\w{4,}")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_LOG_IN = "log in with `hf auth login`, or set HF_TOKEN"
# By their names, because the Hub's client library has changed what it speaks HTTP with.
_NETWORK = {"RequestError", "ConnectionError", "TimeoutError", "RequestException", "OfflineModeIsEnabled"}
_FOREIGN = {"FileMetadataError", "JSONDecodeError"}
_STATUS_TRANSIENT = (408, 429, 500, 502, 503, 504)


class Why(str):
    """A sentence, and its kind and values for whoever has one of their own for that."""

    kind: str
    values: dict[str, Any]

    def __new__(cls, sentence: str = "", kind: str = "", **values: Any) -> Why:
        made = super().__new__(cls, sentence)
        made.kind, made.values = kind, values
        return made


def why(error: BaseException, name: str, what: What = "model") -> Why:
    """What an error means to whoever wants this model, adapter or dataset; "" for what is no error of the Hub's."""
    kinds, status = _kinds(error), status_of(error)
    page = f"{constants.ENDPOINT}/{'datasets/' if what == 'dataset' else ''}{name}"
    if "GatedRepoError" in kinds or "is a gated dataset" in str(error):  # as the library `datasets` tells it
        login = " with the account of this machine's token" if get_token() else f", and {_LOG_IN}"
        said = f"this {what} is gated: accept its terms at {page}{login}; then start again"
        return Why(said, "hub_gated", name=name, page=page)
    if "DisabledRepoError" in kinds:
        return Why(f"the Hub has disabled this {what}; choose another", "hub_disabled", name=name)
    if kinds & {"RemoteEntryNotFoundError", "RevisionNotFoundError"}:
        said = f"this {what} is not whole on the Hub: a file that belongs to it is not there; choose another"
        return Why(said, "hub_not_whole", name=name)
    if kinds & {"RepositoryNotFoundError", "DatasetNotFoundError", "HFValidationError"} or status == 404:
        private = f"and if it is private, {_LOG_IN}"
        said = f"there is no {what} of that name on the Hub that may be read; check its spelling, {private}"
        return Why(said, "hub_nothing", name=name)
    if status in (401, 403):
        said = f"the Hub does not take the token of this machine for this {what}; {_LOG_IN} to one that may read it"
        return Why(said, "hub_token", name=name)
    if status == 429:
        said = "the Hub has been asked too often from here; wait a few minutes, then start again"
        return Why(said, "hub_often", name=name)
    if status:
        return Why(f"the Hub answers with error {status}; start again later", "hub_status", name=name, status=status)
    if kinds & _NETWORK:
        return Why("the Hub cannot be reached; check the network, then start again", "hub_far", name=name)
    if kinds & _FOREIGN:
        where = constants.ENDPOINT
        said = f"what answers at {where} is not the Hub; check the network and HF_ENDPOINT"
        return Why(said, "hub_other", name=name, where=where)
    return Why()


def redacted(text: str) -> str:
    """Without what looks like a token of the Hub's."""
    return _TOKEN.sub("hf_…", text)


def passes(error: BaseException) -> bool:
    """Whether what went wrong may go right in a moment."""
    if status := status_of(error):
        return status in _STATUS_TRANSIENT
    return bool(_kinds(error) & _NETWORK)


def disk_is_full(error: BaseException) -> bool:
    return any(isinstance(one, OSError) and one.errno in _FULL for one in _chain(error))


def status_of(error: BaseException) -> int:
    """The HTTP status that an error came of, 0 where it came of none."""
    found = (getattr(getattr(one, "response", None), "status_code", 0) for one in _chain(error))
    return next((status for status in found if status), 0)


def _kinds(error: BaseException) -> set[str]:
    return {kind.__name__ for one in _chain(error) for kind in type(one).__mro__}


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
