"""Adapters that no run here made: a folder, a ZIP archive or a Hub id of somebody else's, checked and kept.

Knows nothing of models; whether an adapter's layers are those of its base shows when it is loaded.
"""

from ftchat.adapters.hub import fetch
from ftchat.adapters.store import AdapterStore, BroughtAdapter

__all__ = ["AdapterStore", "BroughtAdapter", "fetch"]
