"""What the name of a task says."""

import pytest

from foretune.metadata.source import labels_of, task_id


@pytest.mark.parametrize(
    ("task", "labels"),
    [
        ("snips@50:foretune-tiny", ("snips", "foretune-tiny")),
        ("snips:foretune-tiny", ("snips", "foretune-tiny")),
        ("sci-cite:scibert", ("sci-cite", "scibert")),
        ("plain", ("plain", "")),
        ("plain@50", ("plain@50", "")),
        ("glue:sst2@100:Qwen2.5-0.5B", ("glue:sst2", "Qwen2.5-0.5B")),
        ("@50:tiny", ("@50", "tiny")),
    ],
)
def test_a_task_is_named_after_its_dataset_and_its_base_model(task: str, labels: tuple[str, str]) -> None:
    assert labels_of(task) == labels


@pytest.mark.parametrize("rows", [None, 50])
@pytest.mark.parametrize("dataset", ["snips", "sci-cite", "glue:sst2"])
def test_labels_are_what_a_name_was_made_of_without_the_rows(dataset: str, rows: int | None) -> None:
    assert labels_of(task_id(dataset, rows, "models/foretune-tiny")) == (dataset, "foretune-tiny")
