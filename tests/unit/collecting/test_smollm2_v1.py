"""The configurations of the table of a real LLM: how many, how they spread, what they share with the other table."""

import shutil
from argparse import Namespace
from collections import Counter
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

from foretune.metadata import read_meta_dataset
from foretune.metadata.common import relative_to_width
from foretune.metadata.shipped import meta_dataset_folder
from foretune.optimizer.rules import rule_configuration
from foretune.space import load_space
from foretune.types import VALIDATION_NLL, Task

SCRIPT = Path(__file__).parents[3] / "collecting" / "smollm2_v1.py"


@pytest.fixture(scope="module")
def script():
    spec = spec_from_file_location("smollm2_v1", SCRIPT)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_are_24_and_they_spread(script):
    pool = script.configurations()
    assert len(set(pool)) == len(pool) == 24
    assert pool[0] == load_space("peft", hidden_size=576).default()
    count = {name: Counter(one.values.get(name) for one in pool) for name in ("method", "batch_size", "epochs")}
    assert count["method"] == {"lora": 11, "loraplus": 3, "rslora": 3, "dora": 3, "pissa": 3, "ia3": 1}
    assert set(count["batch_size"]) == {4, 8, 16, 32}
    assert (min(count["epochs"]), max(count["epochs"])) == (1, 10)


def test_those_of_the_search_space_are_legal_at_the_models_width(script):
    space = load_space("peft", hidden_size=script.WIDTH)
    outside = {one for one in script.configurations() if not space.allows(one)}
    task = Task("", VALIDATION_NLL, {}, 8)  # these rules are the same for all tasks
    assert outside == {rule_configuration(name, task) for name in ("unsloth", "llama-factory")}


def test_twelve_and_the_default_are_in_the_table_of_tiny_models_too(script):
    meta = read_meta_dataset("foretune-tiny-v1")
    tiny = {relative_to_width(meta.configurations[run], 192) for run in meta.runs_of("hwu64@100:foretune-tiny")}
    ours = {relative_to_width(one, script.WIDTH) for one in script.configurations()}
    assert len(ours & tiny) == 13


def test_rates_of_a_method_are_one_from_each_part_of_its_range(script):
    found = script.rates(load_space("peft", hidden_size=192), "rslora", 3, np.random.default_rng(5))
    bounds = np.geomspace(0.0004, 0.02, 4)
    assert np.histogram(found, bounds)[0].tolist() == [1, 1, 1]


def test_the_shipped_table_holds_runs_of_these_configurations_on_these_datasets(script):
    assert meta_dataset_folder("smollm2-v1") == script.SHIPPED
    meta = read_meta_dataset("smollm2-v1")
    assert set(meta.configurations.values()) <= set(script.configurations())
    names = f"{script.FIRST} {script.MORE} {script.LARGE}".split()
    assert set(meta.task_ids) <= {f"{name}:SmolLM2-135M-Instruct" for name in names}
    assert {meta.default(task) for task in meta.task_ids} == {script.configurations()[0]}


def test_a_new_collection_goes_on_from_what_there_is_and_becomes_the_shipped_table(script, monkeypatch, tmp_path):
    called, work, shipped = [], tmp_path / "work", tmp_path / "shipped"
    shutil.copytree(script.SHIPPED, shipped)
    monkeypatch.setattr(script, "SHIPPED", shipped)
    monkeypatch.setattr(script, "foretune", lambda *given: called.append(given))
    script.collect(work, "hwu64@100", Namespace(tasks=Path("tasks"), model="model", workers=2, device="cpu"))
    assert called[0][:3] == ("collect", "--tasks", Path("tasks/hwu64@100"))
    assert called[0][-2:] == ("--out", work / "smollm2")
    tables = sorted(path.name for path in script.SHIPPED.iterdir())
    assert sorted(path.name for path in (work / "smollm2").iterdir()) == tables
    shutil.rmtree(shipped)
    (work / "smollm2" / "runs.jsonl").touch()
    script.save(work / "smollm2")
    assert called[1] == ("collect", "--out", work / "smollm2", "--finish")
    assert sorted(path.name for path in shipped.iterdir()) == tables
    meta = read_meta_dataset(shipped)
    assert all(len({run.split("/")[-2] for run in meta.runs_of(task)}) == 24 for task in meta.task_ids)
    assert {task.split(":")[0] for task in meta.task_ids} == set(f"{script.FIRST} {script.MORE}".split())
