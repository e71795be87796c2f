"""Where figures come from, and the command that read them."""

import pytest

from foretune.interop import ImportOptions
from foretune.interop.origin import figures_of, file_name, provenance, stated_size


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
    (tmp_path / "card.json").write_text('{"source": "https://a/b", "commit": "d"}')
    assert figures_of(tmp_path, ImportOptions()) == {"source": "https://a/b@d"}


def test_provenance_has_the_command_without_places_of_a_machine(tmp_path):
    options = ImportOptions(metric="eval_loss", parameters={"lr": "learning_rate"}, settings=tmp_path / "s.yaml")
    command = provenance("mlflow", [f"sqlite:///{tmp_path}/store.db"], options)["command"]
    expected = "import mlflow store.db --metric eval_loss --settings s.yaml --parameter lr=learning_rate"
    assert command == f"foretune metadata {expected}"


def test_every_fact_that_was_given_is_in_the_command():
    options = ImportOptions(rows=5, direction="maximize", source="a b", parts=("one", "two"), file_times=True)
    found = provenance("csv", ["/home/me/runs.csv", "http://host/x.csv?token=1"], options)
    assert found == {
        "how": "imported from csv",
        "command": "foretune metadata import csv runs.csv x.csv --direction maximize --rows 5 --source 'a b' "
        "--part one --part two --file-times",
    }


@pytest.mark.parametrize(
    ("path", "name"), [("/a/b/", "b"), ("sqlite:///a/b.db?mode=ro", "b.db"), ("b", "b"), ("/", "/"), (".", ".")]
)
def test_the_last_part_of_a_path_names_it(path, name):
    assert file_name(path) == name
