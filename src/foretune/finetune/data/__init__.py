"""Data in: files, folders and hub datasets become examples, splits, and tokens.

One file per step: `files` reads one file, `sources` a folder or the hub, `formats` turns columns into examples,
`splits` makes three disjoint splits of them, `tokens` what a model is trained on. No torch here.
"""

from foretune.finetune.data.examples import Example, Message, Splits, prompt_and_completion
from foretune.finetune.data.splits import load_splits
from foretune.finetune.data.tokens import TokenizedSplits, Tokens, tokenize

__all__ = [
    "Example",
    "Message",
    "Splits",
    "TokenizedSplits",
    "Tokens",
    "load_splits",
    "prompt_and_completion",
    "tokenize",
]
