"""Which exceptions of Python an `except` clause catches."""

from __future__ import annotations

import builtins

import numpy as np

from foretune.synthesis.facts.fact import Fact, Splits, asked, split_by_wording
from foretune.synthesis.facts.registry import KNOWN_FACTS, dataset

# Those that every Python from 3.11 on has.
_NAMES = (
    "ArithmeticError AssertionError AttributeError BaseException BlockingIOError BrokenPipeError BufferError "
    "BytesWarning ChildProcessError ConnectionAbortedError ConnectionError ConnectionRefusedError ConnectionResetError "
    "DeprecationWarning EOFError EncodingWarning Exception FileExistsError FileNotFoundError FloatingPointError "
    "FutureWarning GeneratorExit ImportError ImportWarning IndentationError IndexError InterruptedError "
    "IsADirectoryError KeyError KeyboardInterrupt LookupError MemoryError ModuleNotFoundError NameError "
    "NotADirectoryError NotImplementedError OSError OverflowError PendingDeprecationWarning PermissionError "
    "ProcessLookupError RecursionError ReferenceError ResourceWarning RuntimeError RuntimeWarning StopAsyncIteration "
    "StopIteration SyntaxError SyntaxWarning SystemError SystemExit TabError TimeoutError TypeError UnboundLocalError "
    "UnicodeDecodeError UnicodeEncodeError UnicodeError UnicodeTranslateError UnicodeWarning UserWarning ValueError "
    "Warning ZeroDivisionError"
)
_MOST = 8
"""Exceptions that are caught by one clause, and as many that are not."""
_PHRASINGS = (
    "Does except {} catch {}?",
    "except {}: is it reached by {}?",
    "Would except {} stop a {}?",
    "Handled by except {}: {}?",
    "In a try with except {}, is {} caught?",
)


@dataset(
    family="reference",
    kind="yes or no, as many of each for every clause",
    test_asks=KNOWN_FACTS,
    source="Python's built-in exceptions",
    license_name="PSF-2.0",
)
def caught_exceptions(rng: np.random.Generator) -> Splits:
    """Pairs of built-in exceptions, of which the first is or is not a base of the second."""
    classes = {name: getattr(builtins, name) for name in _NAMES.split()}
    facts: list[Fact] = []
    for name, base in classes.items():
        below = [other for other in classes if other != name and issubclass(classes[other], base)]
        others = [other for other in classes if not issubclass(classes[other], base)]
        count = min(len(below), len(others), _MOST)
        for said, them in (("yes", below), ("no", others)):
            facts += [asked("catch", (name, other), _PHRASINGS, said) for other in rng.permutation(them)[:count]]
    return split_by_wording(facts, rng)
