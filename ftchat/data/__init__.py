"""Bytes -> rows -> Examples -> report, and the datasets kept from them. No torch."""

from ftchat.data.folder import Dataset, DatasetInfo, Page
from ftchat.data.hub import fetched, from_hub
from ftchat.data.near import NEAR_LIMIT
from ftchat.data.outlook import outlook
from ftchat.data.reading import Reading, read
from ftchat.data.remedies import REMEDIES, Add, Change, Delete, Edit, Remedy
from ftchat.data.report import Problem, Report
from ftchat.data.sides import split_key
from ftchat.data.sources import Source
from ftchat.data.split import leaks
from ftchat.data.store import DatasetStore

__all__ = [
    "NEAR_LIMIT",
    "REMEDIES",
    "Add",
    "Change",
    "Dataset",
    "DatasetInfo",
    "DatasetStore",
    "Delete",
    "Edit",
    "Page",
    "Problem",
    "Reading",
    "Remedy",
    "Report",
    "Source",
    "fetched",
    "from_hub",
    "leaks",
    "outlook",
    "read",
    "split_key",
]
