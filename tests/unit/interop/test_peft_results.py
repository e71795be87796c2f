"""Results of PEFT's method comparison."""

import json

import pytest

from foretune.errors import InteropError
from foretune.interop import ImportOptions, import_runs


def result(name="lora/llama-3.2-3B-rank8", points=3, **more):
    metrics = [
        {"step": 10 * at, "valid accuracy": at / 10, "elapsed time": 5.0 * at, "eval time": 1.0}
        for at in range(1, points + 1)
    ]
    return {
        "run_info": {
            "experiment_name": name,
            "error_msg": "",
            "created_at": "2026-01-01T00:00:00+00:00",
            "train_config": {
                "model_id": "meta-llama/Llama-3.2-3B",
                "batch_size": 4,
                "seed": 0,
                "optimizer_type": "AdamW",
                "optimizer_kwargs": {"lr": 1e-4},
                "lr_scheduler": "cosine",
            },
            "peft_config": {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["v_proj", "q_proj"]},
        },
        "train_info": {
            "status": "success",
            "num_trainable_params": 1000,
            "accelerator_memory_max": 2000,
            "metrics": [*metrics, {"step": 10 * points, "test accuracy": 0.42, "train samples": 120}],
        },
        "meta_info": {
            "dataset_info": {"metamath": {}, "gsm8k": {}},
            "package_info": {"peft-version": "0.19", "peft-commit-hash": "x"},
            "system_info": {"accelerator": "L40S"},
        },
        **more,
    }


def write(folder, *results):
    for number, found in enumerate(results):
        (folder / f"{number}.json").write_text(json.dumps(found))
    return str(folder)


def test_a_result_becomes_a_run_with_its_curve_and_facts(tmp_path):
    meta = import_runs("peft", [write(tmp_path, result())])
    assert meta.task_ids == ("MetaMathQA@120:Llama-3.2-3B",)
    run = meta.runs.iloc[0]
    assert (run["parameters_trained"], run["peak_memory_bytes"], run["hardware"]) == (1000, 2000, "L40S")
    assert json.loads(run["versions"]) == {"peft": "0.19"}
    assert dict(meta.configurations[run["run"]].values) == {
        "method": "lora",
        "rank": 8,
        "alpha_over_rank": 2.0,
        "target_modules": "q_proj+v_proj",
        "learning_rate": 1e-4,
        "weight_decay": 0.01,
        "batch_size": 4,
        "schedule": "cosine",
        "optimizer": "adamw",
        "variant": "rank8",
    }
    assert meta.curves["validation_value"].tolist() == [0.1, 0.2, 0.3]
    assert meta.curves["train_seconds"].tolist() == [4.0, 4.0, 4.0]
    assert meta.curves["evaluation_seconds"].tolist() == [1.0, 1.0, 1.0]
    assert meta.curves["test_value"].dropna().tolist() == [0.42]
    assert meta.tasks["direction"].tolist() == ["maximize"]
    assert 10 ** meta.tasks["feature.model_log_parameters"].iloc[0] == pytest.approx(3e9)


def test_curves_of_another_number_of_validations_are_resampled(tmp_path):
    names = ("lora/llama-3.2-3B-a", "lora/llama-3.2-3B-b", "lora/llama-3.2-3B-c")
    results = [result(name, points) for name, points in zip(names, (3, 3, 6), strict=True)]
    for found in results:
        found["train_info"]["metrics"][-1]["train samples"] = 120
    meta = import_runs("peft", [write(tmp_path, *results)])
    assert meta.tasks["max_fidelity"].tolist() == [3]
    last = meta.curves[meta.curves["run"] == meta.runs["run"].iloc[2]]
    assert last["validation_value"].tolist() == pytest.approx([0.2, 0.4, 0.6])
    assert last["train_seconds"].tolist() == pytest.approx([8.0, 8.0, 8.0])


def test_another_metric_of_the_blocks_can_be_the_curve(tmp_path):
    found = result()
    for place, point in enumerate(found["train_info"]["metrics"], start=1):
        point["train loss"] = 1 / place
    meta = import_runs("peft", [write(tmp_path, found)], ImportOptions(metric="train loss"))
    assert meta.tasks[["metric", "direction"]].values.tolist() == [["train_loss", "minimize"]]
    assert meta.curves["validation_value"].tolist() == [1, 1 / 2, 1 / 3]
    assert meta.curves["test_value"].isna().all()


def test_a_failed_run_keeps_what_it_reached_and_why(tmp_path):
    broken = result("lora/llama-3.2-3B-x")
    broken["train_info"] |= {
        "status": "failed",
        "metrics": [*broken["train_info"]["metrics"][:1], {"train samples": 120}],
    }
    broken["run_info"]["error_msg"] = "CUDA out of memory"
    meta = import_runs("peft", [write(tmp_path, result(), broken)])
    assert meta.runs[["status", "message"]].values.tolist() == [["ok", ""], ["failed", "CUDA out of memory"]]
    assert meta.curves["run"].value_counts().tolist() == [3, 1]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{", r"0\.json is not JSON"),
        ("[]", "holds list, expected names with values"),
        ("{}", "'run_info' is None, expected dict"),
        (json.dumps(result() | {"train_info": {}}), "'metrics' is None, expected list"),
        (json.dumps(result()).replace('"elapsed time": 5.0, ', ""), "validation 1: 'elapsed time' is None"),
    ],
)
def test_broken_files_are_named(tmp_path, text, what):
    (tmp_path / "0.json").write_text(text)
    with pytest.raises(InteropError, match=what):
        import_runs("peft", [str(tmp_path)])


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(InteropError, match="no JSON file in"):
        import_runs("peft", [str(tmp_path)])
