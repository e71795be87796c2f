"""What makes the folder of an adapter, or of a wholly finetuned model, usable without foretune.

Beside the weights it holds the tokenizer with its chat template, a `generation_config.json` that says where answers
end, and a model card. The lines of Python in that card are those of the README, of the end of a search and of the docs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from foretune.report.final_scores import Member, ModelScores
from foretune.report.tables import describe, describe_members, scores_markdown
from foretune.types import Value

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_ANSWER = 64
"""Tokens that an answer may have at least."""

_CHAT = """\
messages = [{"role": "user", "content": "Which currency is used in Japan?"}]
inputs = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True, return_tensors="pt")
"""
_FOUR_BITS = """\
The adapter was trained and scored on the base model in 4 bits. To load that, pass as `quantization_config`:
`BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True)`.
"""
_PLAIN = """\
inputs = tokenizer("Which currency is used in Japan?", return_tensors="pt")
"""


def complete_adapter_folder(
    folder: Path, tokenizer: PreTrainedTokenizerBase, stops: Sequence[int], longest_completion: int
) -> None:
    """Add the tokenizer and a generation config with the stop tokens to the weights in a folder.

    Args:
        folder: with an adapter, or with the whole model after full finetuning.
        tokenizer: of the base model.
        stops: tokens that end an answer.
        longest_completion: tokens of the longest one in the training split.
    """
    from transformers import GenerationConfig

    tokenizer.save_pretrained(folder)
    pad = tokenizer.pad_token_id
    GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=list(stops),
        pad_token_id=pad if isinstance(pad, int) else stops[0],
        max_new_tokens=max(_ANSWER, longest_completion),
        do_sample=False,
    ).save_pretrained(folder)


def snippet(folder: Path, shown: str) -> str:
    """Lines of Python that answer a question with transformers and PEFT alone.

    Args:
        folder: after `complete_adapter_folder`.
        shown: the folder as these lines are to name it.
    """
    whole, chat = not (folder / "adapter_config.json").is_file(), (folder / "chat_template.jinja").is_file()
    imports = ["AutoTokenizer", "GenerationConfig"]
    loader = "AutoModelForCausalLM" if whole else "AutoPeftModelForCausalLM"
    first = "" if whole else f"from peft import {loader}\n"
    names = ", ".join(sorted([loader, *imports]) if whole else imports)
    return f"""\
{first}from transformers import {names}

folder = "{shown}"
model = {loader}.from_pretrained(folder)
tokenizer = AutoTokenizer.from_pretrained(folder)
{_CHAT if chat else _PLAIN}\
written = model.generate(**inputs, generation_config=GenerationConfig.from_pretrained(folder))
print(tokenizer.decode(written[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True))
"""


def write_card(
    folder: Path,
    *,
    model: str,
    dataset: str,
    runs: Sequence[Mapping[str, Value]],
    stops: Sequence[str],
    scores: Sequence[ModelScores] = (),
    members: Sequence[Member] = (),
) -> None:
    """Write the model card, `README.md`.

    Args:
        folder: named `RUN/adapter`, after `complete_adapter_folder`.
        model: the base model: a hub name, the shipped model, or a folder.
        dataset: its name.
        runs: how it was finetuned, in runs that each went on from the run before.
        stops: the tokens that end an answer.
        scores: rows of the final table, where they are known.
        members: of an average, which `runs` say nothing of.
    """
    from foretune.finetuning.model import SHIPPED

    whole = not (folder / "adapter_config.json").is_file()
    on_hub = model != SHIPPED and not Path(model).expanduser().is_dir()
    method = str((members[0].configuration if members else runs[0])["method"])
    base = model if on_hub or model == SHIPPED else Path(model).expanduser().resolve().name
    header = {
        **({"base_model": model} if on_hub else {}),
        "library_name": "transformers" if whole else "peft",
        "pipeline_tag": "text-generation",
        "tags": ["foretune", method],
    }
    parts = [
        f"---\n{yaml.safe_dump(header, sort_keys=False)}---\n# {base}, finetuned on {dataset}",
        f"Base model: {base}. Finetuned with foretune: {_origin(runs, members)}",
        *([f"Scores on the test split:\n\n{scores_markdown(scores)}"] if scores else []),
        f"## Use it\n\n```python\n{snippet(folder, f'{folder.parent.name}/{folder.name}')}```",
        *([_FOUR_BITS.strip()] if method == "qlora" else []),
        f"Answers are greedy, and end at {' or '.join(f'`{stop}`' for stop in stops)}: see `generation_config.json`.",
        *([] if whole or on_hub else [_elsewhere(base)]),
    ]
    (folder / "README.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _origin(runs: Sequence[Mapping[str, Value]], members: Sequence[Member]) -> str:
    if not members and len(runs) == 1:
        return f"{describe(runs[0])}."
    if not members:
        listed = "\n".join(f"{number}. {describe(one)}" for number, one in enumerate(runs, start=1))
        return f"{len(runs)} runs, each begun with the best adapter of the run before:\n\n{listed}"
    listed = "\n".join(f"- {line}" for line in describe_members(members))
    if (factor := sum(one.weight for one in members)) < 1 - 1e-6:
        return (
            f"a weighted sum of adapters; its weights add up to {factor:.2g}, the rest is the base model:\n\n{listed}"
        )
    return f"a weighted average of the adapters of {len(members)} runs, in one adapter:\n\n{listed}"


def _elsewhere(base: str) -> str:
    """How an adapter finds a base model that is not on the hub."""
    from foretune.finetuning.model import SHIPPED

    place = "`base_model_name_or_path` in `adapter_config.json`"
    if base != SHIPPED:
        return f"The base model was read from the folder in {place}; elsewhere, write there where your copy of it is."
    return (
        f"The base model comes with foretune: elsewhere, install that and use `foretune predict`, or change {place} to "
        'what this prints: `python -c "from foretune.finetuning.model import shipped_model; print(shipped_model())"`'
    )
