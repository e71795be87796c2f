"""Public tables of others: those that ship with the package, and the originals where a checkout has them."""

from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from foreign_logs import Log, write_public_llm

from foretune.errors import InteropError
from foretune.interop import ImportOptions, import_runs
from foretune.interop.public_llm import PARTS, _with_common_features, import_public_llm
from foretune.interop.recorded import ImportedTask, RecordedRun
from foretune.interop.taskset import import_taskset
from foretune.metadata import read_meta_dataset

TABLES = Path(__file__).resolve().parents[4] / "shared" / "tables"
SHIPPED = resources.files("foretune").joinpath("data", "meta_datasets", "public-llm-v1")
originals = pytest.mark.skipif(not TABLES.is_dir(), reason="the original tables are not in this checkout")


def counts(meta):
    return len(meta.tasks), len(meta.runs), len(meta.curves)


def test_the_shipped_table_has_the_runs_of_both_sources_with_license_and_origin():
    meta = read_meta_dataset(Path(str(SHIPPED)))
    assert counts(meta) == (36, 712, 1808)
    assert meta.runs["status"].value_counts().to_dict() == {"ok": 611, "diverged": 101}
    assert set(meta.runs["license"]) == {"Apache-2.0"}
    origins = meta.runs["source"].value_counts()
    assert sorted(origins) == [63, 649]
    assert all("@" in origin and len(origin.rpartition("@")[2]) == 40 for origin in origins.index)
    assert meta.provenance["command"] == "foretune metadata import public-llm tables"


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
    meta = import_taskset([str(file)], ImportOptions())
    assert len(meta.runs) == 1000
    assert meta.runs["status"].value_counts().to_dict() == {"ok": 997, "diverged": 3}
    best = meta.curves["validation_value"].min()
    with np.load(file) as found:
        assert best == pytest.approx(np.nanmin(found["valid"][:, 1:]))


def test_features_that_a_task_lacks_are_left_out_of_all_and_named():
    size, depth = {"size": 9.0}, {"size": 8.0, "depth": 2.0}
    runs = [
        RecordedRun(name, ImportedTask(name, "m", "loss", "minimize", features=features), {"rank": 8})
        for name, features in (("a", size), ("b", depth), ("c", depth))
    ]
    kept, notes = _with_common_features(runs)
    assert [dict(run.task.features) for run in kept] == [{"size": 9.0}, {"size": 8.0}, {"size": 8.0}]
    assert notes == ["feature depth is left out, for it is not known of a:m"]
    assert _with_common_features(runs[1:]) == (runs[1:], [])


def test_both_parts_are_needed(tmp_path):
    (tmp_path / PARTS[0]).mkdir()
    for paths in ([str(tmp_path)], [], [str(tmp_path)] * 2):
        with pytest.raises(InteropError, match="expected one folder that has peft_metamathqa and tinker_sft_sweep"):
            import_public_llm(paths, ImportOptions())


def test_both_parts_are_one_table(tmp_path):
    logs = [Log(name, [0.5, 0.75], [1, 2], [1.0, 1.0], {"rank": rank}) for name, rank in (("a", 8), ("b", 16))]
    meta = import_public_llm(*write_public_llm(tmp_path, logs, "d"))
    assert counts(meta) == (2, 4, 6)
    assert sorted(set(meta.tasks["metric"])) == ["test_nll", "valid_accuracy"]
