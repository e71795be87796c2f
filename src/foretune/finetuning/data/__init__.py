"""Data in: files, folders and hub datasets become examples, splits, and tokens.

One file per step: `files` reads one file (`decoding` its bytes, `tables` its cells), `sources` a folder or the hub;
`formats` turns columns into examples (`columns` finds them, `turns` reads messages, `reading` notes unused columns);
`splits` makes three disjoint splits; `rendering` writes examples as the model expects them (`template` applies its chat
template); `tokenizing` turns that text into `tokens` for training. No torch here.
"""

from foretune.finetuning.data.examples import Example, Message, Splits, prompt_and_completion
from foretune.finetuning.data.splits import load_alone, load_splits, read_splits
from foretune.finetuning.data.tokenizing import prompt_ids, read_tokens, tokenize, tokenize_alone
from foretune.finetuning.data.tokens import TokenizedSplits, Tokens

__all__ = [
    "Example",
    "Message",
    "Splits",
    "TokenizedSplits",
    "Tokens",
    "load_alone",
    "load_splits",
    "prompt_and_completion",
    "prompt_ids",
    "read_splits",
    "read_tokens",
    "tokenize",
    "tokenize_alone",
]
