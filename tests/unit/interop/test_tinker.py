"""Tinker's Markdown."""

import pytest

from foretune.errors import InteropError
from foretune.interop import import_runs

TOP = """# SFT Sweep Results

- Dataset: tulu3
- Batch size: 128
- Training steps: 780
- Adapter: LoRA

## Key Findings

Some text.
"""
SECTION = """
## org/model-8B

- Model: `org/model-8B`
- Dataset: tulu3 (train split for training, test split for evaluation)
- Batch size: 128

| LR | LoRA Rank | Test NLL | Train NLL | Wall Time (min) |
|---:|----------:|---------:|----------:|----------------:|
| 4e-05 | 1 | 0.6090 | 0.6195 | 331 |
| 4e-05 | 1 | 0.6091 | 0.6196 | 332 |
| 1e-03 | 4 | 0.5 | 0.5 | 100 |

> **Note:** {count} run(s) diverged (test_nll > 2.0) at lr={{3e-03}} with rank={{1, 4}} and are excluded.
"""


def write(folder, text):
    (folder / "sft_sweep.md").write_text(text)
    return str(folder)


def test_rows_become_runs_of_one_slice_and_repeated_ones_get_seeds(tmp_path):
    meta = import_runs("tinker", [write(tmp_path, TOP + SECTION.format(count=2))])
    assert meta.task_ids == ("tulu3@99840:model-8B",)
    assert meta.runs["seed"].tolist() == [0, 1, 0, 0, 0]
    assert meta.curves["validation_value"].tolist() == [0.6090, 0.6091, 0.5]
    assert meta.curves["train_seconds"].tolist() == [331 * 60, 332 * 60, 6000]
    assert meta.curves["steps"].tolist() == [780] * 3
    run = meta.runs["run"].iloc[0]
    values = {"method": "lora", "batch_size": 128, "learning_rate": 4e-5, "rank": 1}
    assert dict(meta.configurations[run].values) == values
    assert meta.tasks["metric"].tolist() == ["test_nll"]


def test_runs_of_the_note_are_diverged_where_it_says_which(tmp_path):
    meta = import_runs("tinker", [write(tmp_path, TOP + SECTION.format(count=2))])
    lost = meta.runs[meta.runs["status"] == "diverged"]
    assert lost[["config.learning_rate", "config.rank"]].values.tolist() == [[3e-3, 1.0], [3e-3, 4.0]]
    assert all(len(meta.curve(run)) == 0 for run in lost["run"])


def test_runs_of_the_note_are_counted_where_it_does_not_say_which(tmp_path):
    meta = import_runs("tinker", [write(tmp_path, TOP + SECTION.format(count=3))])
    assert meta.runs["status"].tolist() == ["ok"] * 3
    assert meta.provenance["notes"][0].startswith("3 runs that diverged are left out")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (TOP, "has no table with the columns LR, LoRA Rank, Test NLL"),
        (TOP + SECTION.format(count=2).replace("0.6090", "low"), "line 20: could not convert string to float: 'low'"),
        (TOP + SECTION.format(count=2).replace(" | 331 |", " |"), "line 20: 4 cells, expected 5"),
        (TOP + SECTION.format(count=2).replace("331", "0"), r"line 20: no Wall Time \(min\) above 0"),
    ],
)
def test_faults_are_named_with_their_line(tmp_path, text, what):
    with pytest.raises(InteropError, match=what):
        import_runs("tinker", [write(tmp_path, text)])


def test_a_folder_without_markdown_is_refused(tmp_path):
    with pytest.raises(InteropError, match="no Markdown file"):
        import_runs("tinker", [str(tmp_path)])
