"""Where a task comes from, and its name."""

import json

import pytest

from foretune.errors import MetaDatasetError
from foretune.metadata.source import TaskSource, parse_sources, stated_parameters, task_id


@pytest.mark.parametrize(
    ("dataset", "rows", "name"),
    [("snips", 50, "snips@50:foretune-tiny"), ("glue:sst2", None, "glue:sst2:foretune-tiny")],
)
def test_a_task_is_named_after_dataset_size_and_base_model(dataset: str, rows: int | None, name: str) -> None:
    assert task_id(dataset, rows, "models/foretune-tiny") == name


class TestSources:
    @pytest.fixture
    def folder(self, tmp_path):
        folder = tmp_path / "questions"
        folder.mkdir()
        return folder

    def test_rows_follow_an_at_sign(self, folder):
        assert TaskSource.parse(f"{folder}@50") == TaskSource(folder, 50)
        assert TaskSource.parse(str(folder)) == TaskSource(folder)
        assert [source.id for source in (TaskSource(folder, 50), TaskSource(folder))] == ["questions@50", "questions"]

    def test_an_at_sign_in_a_name_is_no_size(self, tmp_path):
        (tmp_path / "me@home").mkdir()
        assert TaskSource.parse(str(tmp_path / "me@home")).rows is None

    def test_sizes_apply_to_tasks_without_one(self, folder):
        found = parse_sources([f"{folder}@50", str(folder)], [100, 200])
        assert [source.id for source in found] == ["questions@50", "questions@100", "questions@200"]

    @pytest.mark.parametrize("rows", ["", "0", "many", "-5", "1.5"])
    def test_a_size_is_a_number(self, folder, rows):
        with pytest.raises(MetaDatasetError, match=f"'{rows}' is not a number of training rows; write for instance"):
            TaskSource.parse(f"{folder}@{rows}")

    def test_a_dataset_is_expected(self, tmp_path):
        with pytest.raises(MetaDatasetError, match=r"no dataset at .*nowhere'; give a folder of splits or a file"):
            TaskSource.parse(str(tmp_path / "nowhere@50"))

    def test_the_card_says_where_it_comes_from(self, folder):
        assert TaskSource(folder, 50).card() == {"family": "questions", "source": "questions", "license": "unknown"}
        card = {"family": "qa", "source_repo": "someone/something", "license": "MIT", "rows": 3}
        (folder / "card.json").write_text(json.dumps(card))
        assert TaskSource(folder, 50).card() == {"family": "qa", "source": "someone/something", "license": "MIT"}

    def test_a_broken_card_is_named(self, folder):
        (folder / "card.json").write_text("{oops")
        with pytest.raises(MetaDatasetError, match=r"card.json is not a JSON object.*correct it, or remove it"):
            TaskSource(folder).card()

    def test_a_file_is_named_without_its_suffix(self, tmp_path):
        file = tmp_path / "pairs.jsonl"
        file.write_text("")
        assert TaskSource.parse(f"{file}@20").id == "pairs@20"
        assert TaskSource(file).card()["family"] == "pairs"


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        ("org/SmolLM2-135M", 135e6),
        ("Llama-3.2-3B-Instruct", 3e9),
        ("Qwen3-0.6B", 0.6e9),
        ("Mixtral-8x7B", None),
        ("b", None),
    ],
)
def test_parameters_are_those_that_a_name_states(model: str, parameters: float | None) -> None:
    assert stated_parameters(model) == parameters
