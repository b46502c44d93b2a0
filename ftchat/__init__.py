"""ftchat: teach a chat model by example, then talk to the base and the tuned model side by side."""

__version__ = "0.1.0"
