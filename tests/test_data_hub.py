"""Datasets of the Hub by their id, as far as that can be seen without a network."""

import datasets
import pytest

from ftchat.cli.fetching import show
from ftchat.data import from_hub
from ftchat.data.hub import _one_split
from ftchat.errors import DataError

PART = datasets.Dataset.from_dict({"prompt": ["hi"], "completion": ["yo"]})


@pytest.mark.parametrize(
    "name", ["pairs", "data/pairs.jsonl", "./a/b", "/tmp/x", "a/b/c/d", "a b/c", "../a", "tests/missing", ""]
)
def test_what_is_no_id_is_left_to_be_a_file(name):
    assert show(from_hub(name)) is None


@pytest.mark.parametrize("name", ["owner/name", "owner/name:train", "owner/name/config:test"])
def test_without_a_network_one_sentence_says_so(name):
    with pytest.raises(DataError, match=f"^{name}: there is no such file, and the Hub cannot be reached") as error:
        show(from_hub(name))
    assert "\n" not in str(error.value)


def test_the_part_called_train_is_taken_or_the_only_one():
    parts = datasets.DatasetDict({"test": PART, "train": PART})
    assert _one_split(parts, "a/b", None)[1] == "train"
    assert _one_split(datasets.DatasetDict({"test": PART}), "a/b", None)[1] == "test"
    with pytest.raises(DataError, match="write a/b:one or a/b:two"):
        _one_split(datasets.DatasetDict({"one": PART, "two": PART}), "a/b", None)
