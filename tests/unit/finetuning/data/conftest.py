"""What the tests of datasets share: a writer of files and a small byte-level tokenizer."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

TEMPLATE = (
    "{% for m in messages %}"
    "{% if m['role'] == 'system' and not loop.first %}{{ raise_exception('system first') }}{% endif %}"
    "<|{{ m['role'] }}|>\n{{ m['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes rows as JSONL, or text or bytes as they are, and returns the file."""

    def to(name: str, content: Sequence[object] | str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            text = content if isinstance(content, str) else "".join(json.dumps(row) + "\n" for row in content)
            path.write_text(text, encoding="utf-8", newline="")
        return path

    return to


@pytest.fixture
def pairs() -> Callable[..., list[dict[str, str]]]:
    """Makes rows whose prompts are numbered from `start`."""

    def make(count: int, start: int = 0) -> list[dict[str, str]]:
        return [{"prompt": f"question {n}", "completion": f"answer {n}"} for n in range(start, start + count)]

    return make


def _tokenizer(chat_template: str | None):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    marks = ["<|begin|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    # One merge, so that some token could reach across the boundary between a prompt and its completion.
    backend = Tokenizer(models.BPE({t: n for n, t in enumerate([*marks, *letters, "zz"])}, [("z", "z")]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token=marks[0],
        eos_token=marks[1],
        additional_special_tokens=marks[2:],
        chat_template=chat_template,
        model_max_length=64,
    )


@pytest.fixture(scope="session")
def chat_tokenizer():
    """One token per byte, with a chat template."""
    return _tokenizer(TEMPLATE)


@pytest.fixture(scope="session")
def plain_tokenizer():
    """One token per byte, without a chat template."""
    return _tokenizer(None)
