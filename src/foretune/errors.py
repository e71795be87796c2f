"""Errors a user can meet: one base, a few leaves, each also the standard library's own kind.

A message says what was given, what is expected, and what to do.
"""


class ForetuneError(Exception):
    """Base of every error that foretune raises on purpose.

    Its message is one line; only the rows of a list that it was given, each indented by two spaces, have their own
    lines. Whatever else of a file or of a library no terminal should be sent is replaced.
    """

    def __str__(self) -> str:
        return _ROW.join(map(_one_line, super().__str__().split(_ROW)))


_ROW = "\n  "


def _one_line(text: str) -> str:
    return text if text.isprintable() else "".join(map(_shown, text))


def _shown(letter: str) -> str:
    if letter.isprintable():
        return letter
    return " " if letter.isspace() else "\N{REPLACEMENT CHARACTER}"


class DataError(ForetuneError, ValueError):
    """A dataset cannot be read as prompts and completions."""


class ModelError(ForetuneError, ValueError):
    """A base model cannot be loaded or finetuned as asked."""


class ConfigurationError(ForetuneError, ValueError):
    """A configuration or a search space is not valid."""


class MetaDatasetError(ForetuneError, ValueError):
    """A meta-dataset is damaged or does not follow its schema."""


class SurrogateError(ForetuneError, ValueError):
    """A fitted surrogate is damaged, too new, or does not suit the task."""


class JournalError(ForetuneError, ValueError):
    """A journal is damaged or belongs to another run."""


class OutputError(ForetuneError, OSError):
    """A folder cannot be written to: its disk is full, or it is closed to us."""


class InteropError(ForetuneError, ValueError):
    """A table of another tool cannot be read, or lacks something that only its owner knows."""


class TeacherError(ForetuneError, ValueError):
    """A chat model that writes or judges cannot be asked: a wrong address, name or key, or it fails all the time."""


class PeerError(ForetuneError, ValueError):
    """Another library that takes part in a comparison cannot be started, or failed."""
