"""How good learning rates and ranks are on models left out, by the shipped table of published sweeps.

`python benchmarks/published_sweeps.py` takes each model out in turn, and then each family, recommends a pair from all
others, and prints the excess of the tried pair nearest to it: its published loss over that model's least, in percent.
Rules that practitioners go by stand beside it, and some that were dropped: with the model's family instead of all
models of its size, a kernel regression over size, family, rate and rank, and the constant times what the rates of full
finetuning say of a family. The rule was chosen for its shortness, not by another level of leaving out; numbers read off
the same table are its 5 billion parameters and the least error of the intervals. A row has a size that is chosen anew
without the model or the family.

Then it picks one of the 63 runs of PEFT's comparison (Llama-3.2-3B on MetaMathQA) without a look at how any of them
did, and prints the place of the pick by test accuracy, and full finetuning beside LoRA. The table has one model and one
dataset, so nothing can be learned from it with that left out; what speaks are the sweeps on another dataset. They know
rates and ranks of LoRA alone, so the pick is the run of LoRA (or of a variant with its two matrices) that has the least
predicted excess. The sweeps scaled the product of the matrices by 32 / rank; where a run scales it by s, its rate
counts as rate s rank / 32, which makes the first updates of the weights the same (Schulman et al., "LoRA Without
Regret", 2025). Seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from foretune.metadata import MetaDataset, read_meta_dataset
from foretune.recommendation import PublishedModel, read_published
from foretune.recommendation.families import families, family_of
from foretune.recommendation.names import guess_model
from foretune.recommendation.published import (
    SWEPT_ALPHA,
    candidate_pairs,
    intervals,
    of_its_size,
    variants_of,
)

METAMATHQA = "MetaMathQA@20000:Llama-3.2-3B"
LORA_LIKE = {"lora", "rslora", "dora", "bdlora", "mica"}
SIZES = (0.0, 2.0, 5.0, 8.5, 20.0)
Models = Sequence[PublishedModel]


def compared_with(model: PublishedModel, others: Models) -> Models:
    """Variants, else the models on its side of 5 billion parameters."""
    return variants_of(model.name, others) or of_its_size(model.billions, others)


def by_likeness(model: PublishedModel, others: Models) -> tuple[float, float]:
    """As foretune recommends: natural logarithms of rate and rank."""
    return best_of(compared_with(model, others), model)


def best_of(compared: Models, model: PublishedModel) -> tuple[float, float]:
    pairs = candidate_pairs(model.billions, compared)
    return tuple(pairs[np.mean([one.excess_of(pairs) for one in compared], axis=0).argmin()])


def by_kernel(model: PublishedModel, others: Models) -> tuple[float, float]:
    """As foretune recommended before: Nadaraya-Watson over size, family, rate and rank."""
    family = family_of(model.name)
    alike = [
        math.exp(-0.5 * math.log(model.billions / one.billions) ** 2) * (1.0 if family_of(one.name) == family else 0.1)
        for one in others
    ]
    weights = np.concatenate([np.full(len(one.excess), weight) for one, weight in zip(others, alike, strict=True)])
    near = [others[place] for place in np.argsort(alike)[-5:]]
    pairs = np.unique(np.vstack([one.pairs for one in near]).round(6), axis=0)
    tried, excess = np.vstack([one.pairs for one in others]), np.concatenate([one.excess for one in others])
    apart = (pairs[:, None, :] - tried[None, :, :]) / np.array([0.25, 0.7])
    share = weights * np.exp(-0.5 * (apart**2).sum(axis=2)) + 1e-12
    return tuple(pairs[(share @ excess / share.sum(axis=1)).argmin()])


def by_nested_size(model: PublishedModel, others: Models) -> tuple[float, float]:
    """1e-3 up to a size and 3e-4 above it, the size by its mean excess on the others; at the largest rank."""

    def rate(billions: float, small: float) -> float:
        return 1e-3 if billions <= small else 3e-4

    def mean(small: float) -> float:
        tried = [np.log([[rate(one.billions, small), math.exp(one.pairs[:, 1].max())]]) for one in others]
        return float(np.mean([one.excess_of(pair) for one, pair in zip(others, tried, strict=True)]))

    small = min(SIZES, key=mean)
    return math.log(rate(model.billions, small)), model.pairs[:, 1].max()


def by_family(model: PublishedModel, others: Models) -> tuple[float, float]:
    """As `by_likeness`, but with the models of its family within a factor of 4 in size where it has no variants."""
    near = [one for one in others if 0.25 <= one.billions / model.billions <= 4.0]
    compared = variants_of(model.name, others) or [one for one in near if family_of(one.name) == family_of(model.name)]
    return best_of(compared, model) if compared else by_likeness(model, others)


def constant(rate: float, rank: float | None) -> Callable[[PublishedModel, Models], tuple[float, float]]:
    """The same rate for all, at a rank or at the largest that was tried."""
    return lambda model, _: (math.log(rate), math.log(rank) if rank else model.pairs[:, 1].max())


def by_full_rate(model: PublishedModel, _: Models) -> tuple[float, float]:
    """3e-4 times the full-finetuning rate of the family over that of Llama 3, at the largest rank."""
    reference = next(one.full_rate for one in families() if one.name == "Llama-3")
    family = family_of(model.name)
    own = family.full_rate if family and family.full_rate else reference
    return math.log(3e-4 * own / reference), model.pairs[:, 1].max()


def by_tinker(model: PublishedModel, _: Models) -> tuple[float, float]:
    """`get_lr` of Tinker's cookbook at its rank of 32; it knows Llama and Qwen, others get the power of Qwen."""
    power = 0.781 if "llama" in model.name.lower() else 0.0775
    return math.log(5e-5 * 10 * (2000 / guess_model(model.name).shape.width) ** power), math.log(32)


RULES = {
    "foretune": by_likeness,
    "the same with families": by_family,
    "kernel regression (before)": by_kernel,
    "1e-3 or 3e-4 by size, nested": by_nested_size,
    "3e-4, largest rank": constant(3e-4, None),
    "3e-4, rank 32": constant(3e-4, 32),
    "2e-4, rank 32": constant(2e-4, 32),
    "Tinker's get_lr, rank 32": by_tinker,
    "Unsloth: 2e-4, rank 16": constant(2e-4, 16),
    "LLaMA-Factory: 1e-4, rank 8": constant(1e-4, 8),
    "3e-4 by full-finetuning rates": by_full_rate,
}


def left_out(models: Models, whole_family: bool) -> list[list[PublishedModel]]:
    """For each model, those that a recommendation for it may learn from."""
    return [
        [
            one
            for one in models
            if one is not model and not (whole_family and family_of(one.name) == family_of(model.name))
        ]
        for model in models
    ]


def show_rules(models: Models) -> None:
    print(f"{len(models)} models; excess over the best pair of a model left out, in percent")
    print(f"{'':32s}{'model left out':>24s}{'family left out':>26s}")
    print(f"{'':32s}" + 2 * "    mean  median   worst ")
    for name, rule in RULES.items():
        cells = ""
        for whole_family in (False, True):
            learned = zip(models, left_out(models, whole_family), strict=True)
            found = np.array([model.excess_of(np.array([rule(model, others)]))[0] for model, others in learned])
            cells += f"{found.mean():8.3f}{np.median(found):8.3f}{found.max():8.2f} "
        print(f"{name:32s}{cells}")


def show_coverage(models: Models) -> None:
    for whole_family, said in ((False, "model"), (True, "family")):
        inside = list[bool]()
        for model, others in zip(models, left_out(models, whole_family), strict=True):
            compared = compared_with(model, others)
            pairs = candidate_pairs(model.billions, compared)
            truth = model.excess_of(pairs)
            found = intervals(np.array([one.excess_of(pairs) for one in compared]))
            inside += [one.low <= value <= one.high for one, value in zip(found, truth, strict=True)]
        print(f"{said} left out: {np.mean(inside):.0%} of the excesses lie in their intervals (wanted 80%)")


def pick(table: MetaDataset, models: Models) -> tuple[str, float]:
    """The run with the least predicted excess (the first of equals), and that excess."""
    runs = [run for run in table.runs_of(METAMATHQA) if table.configurations[run].values["method"] in LORA_LIKE]
    pairs = np.log([equivalent(dict(table.configurations[run].values)) for run in runs])
    excess = np.mean([one.excess_of(pairs) for one in variants_of(table.models[METAMATHQA], models)], axis=0)
    return runs[int(np.argmin(excess))], float(excess.min())


def equivalent(values: dict) -> tuple[float, float]:
    """Learning rate as in the sweeps, and rank; rsLoRA scales by alpha / sqrt(rank)."""
    rank = float(values["rank"])
    scale = values["alpha_over_rank"] * (rank**0.5 if values["method"] == "rslora" else 1.0)
    return values["learning_rate"] * scale * rank / SWEPT_ALPHA, rank


def show_pick(table: MetaDataset, models: Models) -> None:
    picked, excess = pick(table, models)
    last = table.curves.dropna(subset=["test_value"]).set_index("run")
    tests = last["test_value"][list(table.runs_of(METAMATHQA))]
    place, best = int((tests > tests[picked]).sum()) + 1, tests.idxmax()
    said = f"{picked.partition('/')[2]} ({excess:.2f} percent over the best loss expected)"
    print(f"MetaMathQA: picked {said}, place {place} of {len(tests)}")
    print(f"test accuracy {tests[picked]:.4f}, best {tests[best]:.4f} ({best.partition('/')[2]})")
    runs = table.runs.set_index("run")
    seconds = table.curves.groupby("run")["train_seconds"].sum()
    for name in ("full-finetuning/llama-3.2-3B-lr_0.00001", "lora/llama-3.2-3B-rank32", "lora/llama-3.2-3B-rank64"):
        run = f"{METAMATHQA}/{name}"
        memory = runs.loc[run, "peak_memory_bytes"] / 2**30
        print(f"{name}: test accuracy {tests[run]:.4f}, {memory:.1f} GiB, {seconds[run]:.0f} s of training")


def main() -> None:
    table = read_meta_dataset("public-llm-v2")
    models = read_published(table)
    show_rules(models)
    show_coverage(models)
    show_pick(table, models)


if __name__ == "__main__":
    main()
