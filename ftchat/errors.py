"""What can go wrong in a way that the user can mend. Knows nothing of where it is shown.

    FtchatError
    ├── ConfigError (ValueError)   a setting, a name or a command line
    ├── DataError (ValueError)     a file or a row
    ├── ModelError                 a base model or an adapter that cannot be used
    ├── TrainingError              a run that cannot go on
    │   └── OutOfMemory            ... because nothing fits any more
    ├── ChatError                  a reply that cannot be given
    └── WorkerError                the process that owns the model
        ├── WorkerBusy
        └── WorkerDied

Each carries one string that says where and what to do next, and survives pickling on its way out of the
worker. Third-party errors are translated in the module that calls the library. Whatever is not an FtchatError
is a bug of ours and keeps its traceback.
"""


class FtchatError(Exception):
    """The root: its text is one plain sentence for the user. `kind` and `values` say the same to whoever has a sentence
    of their own for it, such as a page in another language."""

    def __init__(self, sentence: object = "", kind: str = "", **values: object):
        super().__init__(sentence)
        self.kind, self.values = kind, values


class ConfigError(FtchatError, ValueError):
    pass


class DataError(FtchatError, ValueError):
    pass


class ModelError(FtchatError):
    pass


class TrainingError(FtchatError):
    pass


class OutOfMemory(TrainingError):
    pass


class ChatError(FtchatError):
    pass


class WorkerError(FtchatError):
    pass


class WorkerBusy(WorkerError):
    pass


class WorkerDied(WorkerError):
    pass
