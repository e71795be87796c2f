"""Where figures come from, and the command that read them."""

import pytest

from foretune.interop import ImportOptions
from foretune.interop.origin import figures_of, provenance, stated_size


@pytest.mark.parametrize(
    ("model", "billions"),
    [("meta-llama/Llama-3.2-3B", 3), ("Qwen3-30B-A3B", 30), ("a-0.6B-x", 0.6), ("Kimi-K2.6", None)],
)
def test_sizes_are_taken_from_names_that_state_them(model, billions):
    found = stated_size(model).get("model_log_parameters")
    assert found is None if billions is None else 10**found == pytest.approx(billions * 1e9)


def test_the_card_beside_a_table_says_where_its_figures_come_from(tmp_path):
    assert figures_of(tmp_path, ImportOptions()) == {}
    (tmp_path / "card.json").write_text('{"source_repo": "a/b", "path": "c.md", "commit": "d", "license": "MIT"}')
    assert figures_of(tmp_path, ImportOptions()) == {"source": "a/b/c.md@d", "license": "MIT"}
    assert figures_of(tmp_path, ImportOptions(source="mine"))["source"] == "mine"


def test_provenance_has_the_command_without_places_of_a_machine(tmp_path):
    options = ImportOptions(metric="eval_loss", parameters={"lr": "learning_rate"}, settings=tmp_path / "s.yaml")
    command = provenance("mlflow", [f"sqlite:///{tmp_path}/store.db"], options)["command"]
    expected = "import mlflow store.db --metric eval_loss --settings s.yaml --parameter lr=learning_rate"
    assert command == f"foretune metadata {expected}"
