"""Stage 1: train the tokenizer and turn text into token shards (`python pretraining/corpus.py TEXT_DIR WORK_DIR`)."""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from chat import exercises
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

SPECIAL_TOKENS = ("<|endoftext|>", "<|user|>", "<|assistant|>", "<|system|>", "<|end|>")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')]*\s+")
# GPT-4's idea of a word, with digits kept apart so that numbers share their tokens.
_SPLIT = r"'(?i:s|t|re|ve|m|ll|d)| ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def new_tokenizer(texts: Iterator[str], vocabulary: int) -> Tokenizer:
    """Byte-level BPE whose first ids are the special tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def passages(path: Path, characters: int = 6_000) -> Iterator[str]:
    """Runs of whole paragraphs of about `characters` each."""
    with gzip.open(path, "rt", encoding="utf-8", errors="replace") as file:
        block: list[str] = []
        size = 0
        for line in file:
            block.append(line)
            size += len(line)
            if size >= characters and not line.strip():
                yield "".join(block)
                block, size = [], 0
        if block:
            yield "".join(block)


def sentences_of(passage: str) -> list[str]:
    flat = re.sub(r"\s+", " ", passage)
    return [s for s in _SENTENCE_END.split(flat) if 20 <= len(s) <= 220]


def chat_texts(passage: str, rng: random.Random, share: float) -> list[str]:
    """Chat exercises worth about `share` of the passage's characters."""
    sentences = sentences_of(passage)
    made: list[str] = []
    wanted = share / (1 - share) * len(passage)
    while len(sentences) > 12 and sum(map(len, made)) < wanted:
        start = rng.randrange(len(sentences) - 8)
        new = exercises(sentences[start : start + 8], rng, 4)
        made += new
        if not new:
            break
    return made


def encode(tokenizer: Tokenizer, path: Path, chat_share: float, seed: int) -> tuple[np.ndarray, int, int]:
    """All tokens of `path`, shuffled by passage, with the number of characters and of chat tokens."""
    rng = random.Random(seed)
    blocks = list(passages(path))
    rng.shuffle(blocks)
    parts, characters, chat_tokens = [], 0, 0
    for start in range(0, len(blocks), 200):
        texts: list[tuple[str, bool]] = []
        for block in blocks[start : start + 200]:
            texts.append((block + "<|endoftext|>", False))
            texts += [(text, True) for text in chat_texts(block, rng, chat_share)]
        rng.shuffle(texts)
        encoded = tokenizer.encode_batch_fast([text for text, _ in texts])
        for (text, is_chat), item in zip(texts, encoded, strict=True):
            parts.append(np.array(item.ids, dtype=np.uint16))
            characters += len(text)
            chat_tokens += len(item.ids) * is_chat
    return np.concatenate(parts), characters, chat_tokens


def write_tokenizer(texts: Path, work: Path, vocabulary: int) -> Tokenizer:
    sample = (p for i, p in enumerate(passages(texts / "books_train.txt.gz")) if i % 6 == 0)
    docs = (p for i, p in enumerate(passages(texts / "tech_docs.txt.gz")) if i % 2 == 0)
    tokenizer = new_tokenizer((text for source in (docs, sample) for text in source), vocabulary)
    tokenizer.save(str(work / "tokenizer.json"))
    return tokenizer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path, help="folder with books_train, books_validation and tech_docs .txt.gz")
    parser.add_argument("work", type=Path, help="folder for tokenizer.json and the token shards")
    parser.add_argument("--vocabulary", type=int, default=4096)
    parser.add_argument("--chat-share", type=float, default=0.18)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    tokenizer = write_tokenizer(args.text, args.work, args.vocabulary)
    figures = {}
    for name, source, share in (
        ("validation", "books_validation.txt.gz", 0.0),
        ("tech_docs", "tech_docs.txt.gz", args.chat_share),
        ("books", "books_train.txt.gz", args.chat_share),
    ):
        tokens, characters, chat = encode(tokenizer, args.text / source, share, seed=0)
        np.save(args.work / f"{name}.npy", tokens)
        figures[name] = {"tokens": len(tokens), "characters": characters, "chat_tokens": chat}
        print(name, figures[name], flush=True)
    (args.work / "corpus.json").write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
