"""How a task is named."""

import pytest

from foretune.metadata.source import task_id


@pytest.mark.parametrize(
    ("dataset", "rows", "name"),
    [("snips", 50, "snips@50:foretune-tiny"), ("glue:sst2", None, "glue:sst2:foretune-tiny")],
)
def test_a_task_is_named_after_its_dataset_its_size_and_its_base_model(
    dataset: str, rows: int | None, name: str
) -> None:
    assert task_id(dataset, rows, "models/foretune-tiny") == name
