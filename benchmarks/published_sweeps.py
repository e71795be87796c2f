"""How good recommended learning rates and ranks are on models left out, by the shipped table of published sweeps.

`python benchmarks/published_sweeps.py` takes each model out in turn, recommends one of the pairs that were tried on it
from all other models, and prints its excess: its published loss over that model's least, in percent.

Then it picks one of the 63 runs of PEFT's comparison (Llama-3.2-3B on MetaMathQA) without a look at how any of them
did, and prints the place of the pick by test accuracy. The table has one model and one dataset, so nothing can be
learned from it with that left out; what speaks are the sweeps on another dataset. They know rates and ranks of LoRA
alone, so the pick is the run of LoRA (or of a variant with its two matrices) that has the least predicted excess. The
sweeps scaled the product of the matrices by 32 / rank; where a run scales it by s, its rate counts as
rate * s * rank / 32, which makes the first updates of the weights the same (Schulman et al., "LoRA Without Regret",
2025). Seconds.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np

from foretune.metadata import MetaDataset, read_meta_dataset
from foretune.recommendation import PublishedModel, read_published
from foretune.recommendation.names import billions_of
from foretune.recommendation.published import predicted_excess
from foretune.space import load_space

TABLE = Path(str(resources.files("foretune"))) / "data" / "meta_datasets" / "public-llm-v2"
METAMATHQA = "MetaMathQA@20000:Llama-3.2-3B"
LORA_LIKE = {"lora", "rslora", "dora", "bdlora", "mica"}
SWEPT_ALPHA = 32.0


def pick(table: MetaDataset, models: tuple[PublishedModel, ...]) -> tuple[str, float]:
    """The run with the least predicted excess (the first of equals), and that excess."""
    name = table.models[METAMATHQA]
    runs = [run for run in table.runs_of(METAMATHQA) if table.configurations[run].values["method"] in LORA_LIKE]
    pairs = np.log([equivalent(dict(table.configurations[run].values)) for run in runs])
    excess, _ = predicted_excess(name, billions_of(name) or 0.0, models, pairs)
    return runs[int(np.argmin(excess))], float(excess.min())


def equivalent(values: dict) -> tuple[float, float]:
    """Learning rate as in the sweeps, and rank; rsLoRA scales by alpha / sqrt(rank)."""
    rank = float(values["rank"])
    scale = values["alpha_over_rank"] * (rank**0.5 if values["method"] == "rslora" else 1.0)
    return values["learning_rate"] * scale * rank / SWEPT_ALPHA, rank


def show_pick(table: MetaDataset, models: tuple[PublishedModel, ...]) -> None:
    picked, excess = pick(table, models)
    tests = table.curves.dropna(subset=["test_value"]).set_index("run")["test_value"]
    tests = tests[list(table.runs_of(METAMATHQA))]
    place, best = int((tests > tests[picked]).sum()) + 1, tests.idxmax()
    said = f"{picked.partition('/')[2]} ({excess:.2f} percent over the best loss expected)"
    print(f"MetaMathQA: picked {said}, place {place} of {len(tests)}")
    print(f"test accuracy {tests[picked]:.4f}, best {tests[best]:.4f} ({best.partition('/')[2]})")


def main() -> None:
    table = read_meta_dataset(TABLE)
    models = read_published(table)
    usual = np.log([2e-4, float(load_space("peft").default().values["rank"])])
    rows = []
    for model in models:
        others = [one for one in models if one is not model]
        like, _ = predicted_excess(model.name, model.billions, others, model.pairs)
        alike, _ = predicted_excess("", model.billions, others, model.pairs)
        average = np.mean([predicted_excess(one.name, one.billions, [one], model.pairs)[0] for one in others], axis=0)
        rule = np.abs(model.pairs - usual).sum(axis=1)
        rows.append([model.excess[int(np.argmin(values))] for values in (like, alike, average, rule)])
    print(f"{len(models)} models, one left out at a time; excess of the recommended pair over the best one, in percent")
    for name, values in zip(("size and family", "size alone", "average", "usual rule"), np.array(rows).T, strict=True):
        print(f"{name:16s} mean {values.mean():.3f}   median {np.median(values):.3f}   worst {values.max():.2f}")
    show_pick(table, models)


if __name__ == "__main__":
    main()
