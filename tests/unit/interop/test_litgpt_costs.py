"""LitGPT's table of costs."""

import pytest

from foretune.errors import InteropError
from foretune.interop import import_runs

COLUMNS = ["Config", "Model", "Epochs", "Max seq length", "Micro batch size", "Machine", "Training runtime", "Cost"]
COLUMNS += ["Peak memory", "Validation loss"]
TOP = f"Some text.\n\n| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}\n"
LORA = "| falcon-7b/lora.yaml | falcon-7b | 4 | 512 | 1 | 1xA10G | 24.5 min | $0.7 | 16.69 GB | 0.945 |\n"
GEMMA = "| gemma2-2b/qlora.yaml | gemma-2b | 2 | 512 | 2 | 4xA10G | 10 min | $0.5 | 13 GB | 0.98 |\n"
FULL = "| llama-3-8b/full.yaml | llama-3-8b | 1 | 512 | 4 | 4xA10G | OOM | OOM | OOM | OOM |\n"
EMPTY = "|  |  |  |  |  |  |  |  |  |  |\n"


def read(folder, *rows):
    (folder / "table.md").write_text(TOP + "".join(rows) + "\nMore text.\n")
    return import_runs("litgpt", [str(folder)])


def test_a_row_is_a_run_with_minutes_memory_and_loss(tmp_path):
    meta = read(tmp_path, LORA, EMPTY, GEMMA)
    assert meta.task_ids == ("alpaca2k@1900:falcon-7b", "alpaca2k@1900:gemma-2-2b")
    assert meta.curves["train_seconds"].tolist() == [1470.0, 600.0]
    assert meta.curves["validation_value"].tolist() == [0.945, 0.98]
    assert meta.curves["epochs"].tolist() == [4.0, 2.0]
    assert meta.runs["peak_memory_bytes"].tolist() == [16_690_000_000, 13_000_000_000]
    assert meta.runs["hardware"].tolist() == ["NVIDIA A10G", "4 x NVIDIA A10G"]


def test_settings_are_those_of_the_files_that_the_table_names(tmp_path):
    meta = read(tmp_path, LORA, GEMMA, FULL)
    lora, gemma, full = (dict(meta.configurations[run].values) for run in meta.runs["run"])
    assert lora == {
        "method": "lora",
        "learning_rate": 2e-4,
        "rank": 32,
        "alpha_over_rank": 0.5,
        "dropout": 0.05,
        "target_modules": "q_proj+v_proj",
        "batch_size": 8,
        "micro_batch_size": 1,
        "epochs": 4,
    }
    assert (gemma["rank"], gemma["target_modules"], gemma["dropout"], gemma["batch_size"]) == (16, "all", 0.1, 6)
    assert full == {"method": "full", "learning_rate": 2e-4, "batch_size": 64, "micro_batch_size": 4, "epochs": 1}


def test_full_finetuning_that_ends_by_steps_has_no_epochs(tmp_path):
    row = LORA.replace("falcon-7b/lora", "phi-2/full").replace("falcon-7b", "phi-2")
    meta = read(tmp_path, row)
    assert meta.runs[["config.max_steps", "config.epochs", "config.batch_size"]].values.tolist() == [[100, 4, 8]]
    assert meta.curves["steps"].tolist() == [100]
    assert meta.curves["epochs"].isna().all()


def test_a_run_out_of_memory_has_no_figures(tmp_path):
    lost = read(tmp_path, LORA, FULL).runs.iloc[1]
    assert (lost["status"], lost["message"], lost["hardware"]) == (
        "out_of_memory",
        "the source says OOM",
        "4 x NVIDIA A10G",
    )


@pytest.mark.parametrize(
    ("row", "what"),
    [
        (LORA.replace("24.5", "some"), "line 5: 'Training runtime' is 'some', expected a number above 0"),
        (LORA.replace("0.945", "-"), "line 5: 'Validation loss' is '-', expected a number above 0"),
        (
            LORA.replace("1xA10G", "A10G"),
            "line 5: 'falcon-7b/lora.yaml' on 'A10G', expected MODEL/METHOD.yaml on",
        ),
        (LORA.replace("/lora", "/dora"), "line 5: 'falcon-7b/dora.yaml' on '1xA10G', expected MODEL/METHOD.yaml"),
    ],
)
def test_faults_are_named_with_their_line(tmp_path, row, what):
    with pytest.raises(InteropError, match=what):
        read(tmp_path, row)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(InteropError, match="no Markdown file"):
        import_runs("litgpt", [str(tmp_path)])
    (tmp_path / "table.md").write_text("nothing")
    with pytest.raises(InteropError, match="has no table with the columns Config, Model"):
        import_runs("litgpt", [str(tmp_path)])
