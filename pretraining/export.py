"""Stage 3: turn a finished run into a model folder with a card (`python pretraining/export.py WORK RUN OUT`)."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from train import Recipe, bits_per_character, build_model
from transformers import PreTrainedTokenizerFast

# Phi-3's layout without the newline behind the last answer, so that a completion ends with `<|end|>`.
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>\\n' + message['content'] + '<|end|>' }}"
    "{% if not loop.last or message['role'] != 'assistant' %}{{ '\\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"
)


def export_tokenizer(work: Path, out: Path) -> PreTrainedTokenizerFast:
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(work / "tokenizer.json"),
        bos_token="<|endoftext|>",
        eos_token="<|end|>",
        pad_token="<|endoftext|>",
        model_max_length=1024,
        clean_up_tokenization_spaces=False,
        chat_template=CHAT_TEMPLATE,
    )
    tokenizer.save_pretrained(out)
    return tokenizer


def write_card(out: Path, recipe: Recipe, model: torch.nn.Module, corpus: dict, bpc: float) -> None:
    body = sum(p.numel() for n, p in model.named_parameters() if "embed" not in n)
    trained = [corpus["books"], corpus["tech_docs"]]
    card = (
        (Path(__file__).parent / "card.md")
        .read_text()
        .format(
            name=out.name,
            parameters=sum(p.numel() for p in model.parameters()),
            body=body,
            vocabulary=model.get_input_embeddings().num_embeddings,
            double=2 * recipe.context,
            seen=recipe.steps * recipe.batch * recipe.context,
            chat=sum(part["chat_tokens"] for part in trained) / sum(part["tokens"] for part in trained),
            bpc=bpc,
            validation=corpus["validation"]["characters"],
            recipe=json.dumps(recipe.__dict__, indent=1),
            **{name: getattr(recipe, name) for name in ("layers", "hidden", "heads", "intermediate", "context")},
        )
    )
    (out / "README.md").write_text(card)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("work", "run", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--device", default="cpu", help="where the loss is measured")
    args = parser.parse_args()
    recipe = Recipe(**json.loads((args.run / "recipe.json").read_text()))
    tokenizer = export_tokenizer(args.work, args.out)
    model = build_model(recipe, len(tokenizer))
    state = load_file(args.run / "checkpoint.safetensors")
    model.load_state_dict(
        {k.removeprefix("model."): v for k, v in state.items() if k.startswith("model.")}, strict=False
    )
    model.tie_weights()
    model = model.to(torch.bfloat16).float().eval()  # what ships is what is measured
    bpc = bits_per_character(model.to(args.device), args.work)
    model.generation_config.update(eos_token_id=4, pad_token_id=0, bos_token_id=0)
    model.to(torch.bfloat16).save_pretrained(args.out)
    corpus = json.loads((args.work / "corpus.json").read_text())
    write_card(args.out, recipe, model, corpus, bpc)
    print(f"{bpc:.4f} bits per character")


if __name__ == "__main__":
    main()
