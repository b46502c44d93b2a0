"""Bytes -> rows -> Examples -> report, and the datasets kept from them. No torch."""

from ftchat.data.hub import from_hub
from ftchat.data.reading import Reading, Source, read
from ftchat.data.report import Problem, Report
from ftchat.data.split import split
from ftchat.data.store import Dataset, DatasetInfo, DatasetStore

__all__ = [
    "Dataset",
    "DatasetInfo",
    "DatasetStore",
    "Problem",
    "Reading",
    "Report",
    "Source",
    "from_hub",
    "read",
    "split",
]
