"""What comes from the Hugging Face Hub: files of base models, adapters and datasets, and what the Hub says against one
in plain words.

Knows nothing of how they are read. No code from the Hub is ever fetched.
"""

from ftchat.hub.cache import absent, downloaded, is_hub_id, offline
from ftchat.hub.download import Download
from ftchat.hub.sentences import redacted, why
from ftchat.hub.transfer import Stopped, Transfer

__all__ = ["Download", "Stopped", "Transfer", "absent", "downloaded", "is_hub_id", "offline", "redacted", "why"]
