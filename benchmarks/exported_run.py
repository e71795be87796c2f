"""A configuration trained by foretune, by the exported PEFT script and by TRL's command line, on the same rows.

    OMP_NUM_THREADS=1 python benchmarks/exported_run.py [--rows 96] [--seeds 3] [--epochs 3] [--only peft-script ...]

Trains `foretune-tiny` on sums. Each is scored by foretune on the same validation rows: the best slice of each run, and
the mean and standard deviation over seeds (of adapters, dropout and the order of the rows; the split is the same). TRL
comes with `pip install 'foretune[bench]'`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import mean, stdev

import yaml
from finetune_vs_trainers import SETTINGS, sums
from peft import PeftModel

from foretune.finetuning.data import TokenizedSplits, read_tokens
from foretune.finetuning.evaluate import evaluate
from foretune.finetuning.model import load_model, load_tokenizer
from foretune.finetuning.optim import SLICES
from foretune.finetuning.train import finetune
from foretune.session.exporting import export
from foretune.session.recipe import read_configuration, request_of
from foretune.types import VALIDATION_NLL, Configuration, Trial

MODEL = "foretune-tiny"
ON_A_CPU = ("--bf16", "false", "--dtype", "float32", "--use_cpu", "true", "--gradient_checkpointing", "false")


def by_foretune(recipe: Path, data: TokenizedSplits, seed: int, folder: Path) -> float:
    configuration = Configuration(read_configuration(recipe)["configuration"])
    report = finetune(Trial(0, configuration, SLICES), data, MODEL, folder / "run", seed=seed, test=False)
    return VALIDATION_NLL.score(float(report.curve.scores.max()))


def by_script(recipe: Path, data: TokenizedSplits, seed: int, folder: Path) -> float:
    (file,) = export(recipe, "peft-script", folder / "script.py").files
    file.write_text(file.read_text().replace("'seed': 0", f"'seed': {seed}"))
    subprocess.run([sys.executable, str(file)], check=True, capture_output=True)
    return scored(folder / "script-output", data)


def by_trl(recipe: Path, data: TokenizedSplits, seed: int, folder: Path) -> float:
    (file,) = export(recipe, "trl", folder / "trl.yaml").files
    asked = [sys.executable, "-m", "trl.scripts.sft", "--config", str(file), "--seed", str(seed), *ON_A_CPU]
    subprocess.run(asked, check=True, capture_output=True)
    return scored(folder / "trl-output", data)


def scored(adapter: Path, data: TokenizedSplits) -> float:
    return evaluate(PeftModel.from_pretrained(load_model(MODEL), str(adapter)), data.validation).nll


RUNS = {"foretune": by_foretune, "peft-script": by_script, "trl": by_trl}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=96)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=list(RUNS), choices=list(RUNS))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        lines = [[{"role": one.role, "content": one.content} for one in row.messages] for row in sums(given.rows)]
        (home / "data.jsonl").write_text("".join(json.dumps({"messages": line}) + "\n" for line in lines))
        values = {**SETTINGS, "learning_rate": 0.005, "epochs": given.epochs, "warmup": 0.1}
        content = {"configuration": values, "model": MODEL, "data": str(home / "data.jsonl"), "max_length": 128}
        recipe = home / "best.yaml"
        recipe.write_text(yaml.safe_dump({**content, "seed": 0}))
        request = request_of(read_configuration(recipe), recipe)
        _, data = read_tokens(request, load_tokenizer(MODEL))
        print(f"{len(data.train)} rows to train on, {len(data.validation)} to validate on", flush=True)
        untouched = evaluate(load_model(MODEL), data.validation).nll
        print(f"{'validation loss':<16} {'mean':>8} {'deviation':>10}  seeds\n{'zero-shot':<16} {untouched:8.4f}")
        for called in given.only:
            losses: list[float] = []
            for seed in range(given.seeds):
                folder = home / f"{called} {seed}"
                folder.mkdir()
                losses.append(RUNS[called](recipe, data, seed, folder))
            each = " ".join(f"{loss:.4f}" for loss in losses)
            print(f"{called:<16} {mean(losses):8.4f} {stdev(losses):10.4f}  {each}", flush=True)


if __name__ == "__main__":
    main()
