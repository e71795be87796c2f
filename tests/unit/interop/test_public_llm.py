"""Public tables of others: those that ship with the package, and the originals where a checkout has them."""

from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from foreign_logs import Log, write_public_llm

from foretune.errors import InteropError
from foretune.interop import ImportOptions, import_runs
from foretune.metadata import read_meta_dataset

TABLES = Path(__file__).resolve().parents[4] / "shared" / "tables"
SHIPPED = resources.files("foretune").joinpath("data", "meta_datasets", "public-llm-v2")
RUNS = {
    "peft_metamathqa": 63,
    "tinker_sft_sweep": 649,
    "scaling_law_finetuning": 1260,
    "hf_cards": 14,
    "fms_acceleration_costs": 425,
    "litgpt_costs": 53,
}
HARDWARE = {
    "NVIDIA A100 80GB": 172,
    "2 x NVIDIA A100 80GB": 172,
    "4 x NVIDIA A100 80GB": 79,
    "8 x NVIDIA A100 80GB": 2,
    "NVIDIA A10G": 37,
    "4 x NVIDIA A10G": 16,
}
originals = pytest.mark.skipif(not TABLES.is_dir(), reason="the original tables are not in this checkout")


def counts(meta):
    return len(meta.tasks), len(meta.runs), len(meta.curves)


def test_the_shipped_table_has_the_runs_of_both_sources_with_license_and_origin():
    meta = read_meta_dataset(Path(str(SHIPPED)))
    assert counts(meta) == (1340, 2464, 3646)
    statuses = {"ok": 2244, "out_of_memory": 107, "diverged": 101, "stopped": 12}
    assert meta.runs["status"].value_counts().to_dict() == statuses
    assert meta.runs["license"].value_counts().to_dict() == {"Apache-2.0": 2450, "of each model; figures only": 14}
    parts = meta.provenance["parts"]
    assert {name: part["runs"] for name, part in parts.items()} == RUNS
    origins = meta.runs["source"].value_counts()
    assert {part["source"]: part["runs"] for name, part in parts.items() if name != "hf_cards"}.items() <= dict(
        origins
    ).items()
    cards = [origin for origin, count in origins.items() if count == 1]
    assert len(cards) == RUNS["hf_cards"]
    assert all(origin.startswith("https://huggingface.co/") for origin in cards)
    assert meta.provenance["command"] == "foretune metadata import public-llm tables"


def test_the_runs_of_the_first_version_are_unchanged():
    meta = read_meta_dataset(Path(str(SHIPPED)))
    first = meta.select([task for task in meta.task_ids if task.startswith(("MetaMathQA@", "tulu3@"))])
    assert counts(first) == (36, 712, 1808)
    assert first.runs["status"].value_counts().to_dict() == {"ok": 611, "diverged": 101}
    assert first.curves["validation_value"].sum() == pytest.approx(742.0118)
    assert first.curves["train_seconds"].sum() == pytest.approx(5803331.5502732275)
    assert first.runs["config.learning_rate"].sum() == pytest.approx(1.04844)


def test_losses_by_rows_fall_from_the_zero_shot_loss_for_every_model_and_dataset():
    meta = read_meta_dataset(Path(str(SHIPPED)))
    law = meta.tasks[meta.tasks["metric"] == "test_loss"]
    assert law.groupby(["dataset", "model"])["n_train"].count().tolist() == [14] * 90
    assert (law["zero_shot_validation_value"] == law["feature.zero_shot_nll"]).all()
    losses = {task: -float(meta.curve(run).scores[-1]) for task in law["task"] for run in meta.runs_of(task)}
    assert losses["flan@200:gpt2"] == pytest.approx(4.386, abs=1e-6)
    whole = law[law["n_train"] == law["n_train"].max()]
    assert all(losses[task] < before for task, before in whole[["task", "zero_shot_validation_value"]].values)


def test_costs_have_hardware_and_memory_and_runs_out_of_memory():
    meta = read_meta_dataset(Path(str(SHIPPED)))
    runs = meta.runs.merge(meta.tasks[["task", "metric", "dataset"]], on="task")
    costs = runs[runs["metric"].isin(["train_loss", "validation_loss"])]
    assert costs.groupby("metric")["status"].value_counts().to_dict() == {
        ("train_loss", "ok"): 325,
        ("train_loss", "out_of_memory"): 100,
        ("validation_loss", "ok"): 46,
        ("validation_loss", "out_of_memory"): 7,
    }
    assert costs["hardware"].value_counts().to_dict() == HARDWARE
    ended = costs[costs["status"] == "ok"]
    assert ended["peak_memory_bytes"].isna().sum() == 41  # of mixtures, where the source tells only reserved memory
    curves = meta.curves.set_index("run").loc[ended.loc[ended["dataset"] == "alpaca-cleaned (packed)", "run"]]
    batches = ended.set_index("run")["config.batch_size"]
    tokens = curves["tokens"] / curves["steps"] / batches.loc[curves.index]
    assert set(tokens.round(-1)) == {4100, 2050}  # packed rows


def test_small_data_is_learned_best_within_4_to_19_epochs():
    meta = read_meta_dataset(Path(str(SHIPPED)))
    curves = meta.curves[meta.curves["run"].isin(meta.runs.loc[meta.runs["status"] == "stopped", "run"])]
    best = curves.loc[curves.groupby("run")["validation_value"].idxmin(), "epochs"]
    assert len(best) == 12
    assert (round(best.min()), round(best.max())) == (4, 19)


@originals
def test_the_shipped_table_is_what_its_command_makes():
    shipped, made = read_meta_dataset(Path(str(SHIPPED))), import_runs("public-llm", [str(TABLES)])
    for table in ("tasks", "runs", "curves"):
        assert getattr(made, table).equals(getattr(shipped, table))
    assert made.provenance == shipped.provenance


@originals
@pytest.mark.parametrize(
    ("kind", "path", "mapping", "expected"),
    [
        ("peft", "peft_metamathqa", None, (1, 63, 1260)),
        ("tinker", "tinker_sft_sweep", None, (35, 649, 548)),
        ("scaling-law", "scaling_law_finetuning", None, (1260, 1260, 1260)),
        ("hf-cards", "hf_cards", None, (12, 14, 207)),
        ("fms-acceleration", "fms_acceleration_costs", None, (16, 425, 325)),
        ("litgpt", "litgpt_costs", None, (16, 53, 46)),
        ("csv", "scibert_finetune/tidy.csv", "scibert-finetune", (42, 2278, 2278)),
        ("csv", "massive_sft/evaluation_result.csv", "massive-sft", (158, 1016, 1016)),
    ],
)
def test_originals_are_read_whole(kind, path, mapping, expected):
    options = ImportOptions(mapping=Path(mapping) if mapping else None)
    assert counts(import_runs(kind, [str(TABLES / path)], options)) == expected


@originals
def test_a_task_of_taskset_is_read_whole():
    file = TABLES / "taskset_text_rnn" / "FixedTextRNNClassification_imdb_patch32_LSTM128_bs128.npz"
    meta = import_runs("taskset", [str(file)])
    assert len(meta.runs) == 1000
    assert meta.runs["status"].value_counts().to_dict() == {"ok": 997, "diverged": 3}
    best = meta.curves["validation_value"].min()
    with np.load(file) as found:
        assert best == pytest.approx(np.nanmin(found["valid"][:, 1:]))


def test_all_parts_are_needed(tmp_path):
    (tmp_path / "hf_cards").mkdir()
    for paths in ([str(tmp_path)], [], [str(tmp_path)] * 2):
        with pytest.raises(InteropError, match=r"expected one folder that has peft_metamathqa, .* not found"):
            import_runs("public-llm", paths)


def test_all_parts_are_one_table(tmp_path):
    logs = [Log(name, [0.5, 0.75], [1, 2], [1.0, 1.0], {"rank": rank}) for name, rank in (("a", 8), ("b", 16))]
    meta = import_runs("public-llm", *write_public_llm(tmp_path, logs, "d"))
    assert {name: part["runs"] for name, part in meta.provenance["parts"].items()} == {
        "peft_metamathqa": 2,
        "tinker_sft_sweep": 2,
        "scaling_law_finetuning": 4,
        "hf_cards": 2,
        "fms_acceleration_costs": 2,
        "litgpt_costs": 2,
    }
    metrics = ["eval_loss", "test_loss", "test_nll", "train_loss", "valid_accuracy", "validation_loss"]
    assert sorted(set(meta.tasks["metric"])) == metrics
