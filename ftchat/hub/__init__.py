"""What comes from the Hugging Face Hub: the files of a base model, and what the Hub says against it in plain words.

Knows nothing of how a model is loaded. No code from the Hub is ever fetched.
"""

from ftchat.hub.cache import absent, downloaded, is_hub_id, offline
from ftchat.hub.download import Download
from ftchat.hub.sentences import redacted, why

__all__ = ["Download", "absent", "downloaded", "is_hub_id", "offline", "redacted", "why"]
