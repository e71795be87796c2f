import json
import math
import shutil
from dataclasses import replace
from importlib.metadata import version

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from foretune.errors import ConfigurationError, DataError, JournalError, ModelError
from foretune.finetuning import checkpoint, model, slices, step
from foretune.finetuning.data import Tokens
from foretune.finetuning.evaluate import Scores
from foretune.finetuning.train import SLICES, finetune
from foretune.types import Status, Trial

CLOCK = ("train_seconds", "evaluation_seconds")


@pytest.fixture
def run(tiny_model, tiny_data):
    def start(directory, configuration, fidelity=SLICES, resumes_from=0, data=tiny_data, **options):
        return finetune(Trial(0, configuration, fidelity, resumes_from), data, str(tiny_model), directory, **options)

    return start


def figures(directory) -> list[dict[str, float]]:
    lines = (directory / "slices.jsonl").read_text().splitlines()
    return [{name: value for name, value in json.loads(line).items() if name not in CLOCK} for line in lines]


def saved(directory) -> dict[str, torch.Tensor]:
    files = sorted((directory / part) for part in ("state/state.safetensors", "best/adapter_model.safetensors"))
    return {f"{file.parent.name}.{name}": value for file in files for name, value in load_file(file).items()}


@pytest.mark.parametrize("method", ["lora", "dora", "pissa", "ia3", "loraplus"])
def test_a_run_in_pieces_equals_one_in_a_single_piece(run, configuration, tmp_path, method) -> None:
    chosen = configuration(method)
    whole = run(tmp_path / "whole", chosen, 4)
    assert (whole.status, whole.message) == (Status.OK, "")
    for resumes_from, fidelity in ((0, 1), (1, 2), (2, 4)):
        torch.manual_seed(fidelity)  # the caller's generator must not matter
        pieces = run(tmp_path / "pieces", chosen, fidelity, resumes_from)
    assert np.array_equal(pieces.curve.scores, whole.curve.scores)
    assert figures(tmp_path / "pieces") == figures(tmp_path / "whole")
    expected, found = saved(tmp_path / "whole"), saved(tmp_path / "pieces")
    assert expected.keys() == found.keys()
    assert all(torch.equal(value, found[name]) for name, value in expected.items())


@pytest.mark.parametrize("method", ["lora", "pissa"])
def test_a_run_goes_on_from_the_best_adapter_of_another(run, configuration, tmp_path, method) -> None:
    first = configuration(method)
    best = -run(tmp_path / first.key, first).curve.scores.max()
    more = configuration(method, continues=first.key, learning_rate=1e-9, epochs=1)
    losses = -run(tmp_path / more.key, more).curve.scores
    np.testing.assert_allclose(losses, best, rtol=1e-4)  # at a rate of next to nothing it stays where it began
    shutil.rmtree(tmp_path / more.key)
    run(tmp_path / more.key, more, 3)
    shutil.rmtree(tmp_path / first.key)  # once a slice is saved, the first run is no longer needed
    np.testing.assert_array_equal(-run(tmp_path / more.key, more, SLICES, 3).curve.scores, losses)


def test_a_run_cannot_go_on_from_nothing(run, configuration, tmp_path) -> None:
    report = run(tmp_path / "more", configuration("lora", continues="gone"))
    assert (report.status, len(report.curve)) == (Status.FAILED, 0)
    assert "holds no adapter to go on from" in report.message


@pytest.mark.parametrize("optimizer", ["adamw", "adafactor"])
@pytest.mark.parametrize("killed_at", ["save_state", "append_slice"])
def test_a_kill_between_writes_costs_no_result(run, configuration, tmp_path, monkeypatch, killed_at, optimizer) -> None:
    chosen = configuration("lora", optimizer=optimizer)
    run(tmp_path / "whole", chosen, 4)
    write = getattr(checkpoint, killed_at)

    def killed(directory, written):
        slices_written = written.slices if killed_at == "save_state" else (*range(written.fidelity),)
        if len(slices_written) == 3:
            raise KeyboardInterrupt
        write(directory, written)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, killed_at, killed)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "killed", chosen, 4)
    resumed = run(tmp_path / "killed", chosen, 4)
    assert resumed.status is Status.OK
    assert resumed.seconds >= resumed.curve.seconds.sum()  # what the killed call had saved is charged
    assert figures(tmp_path / "killed") == figures(tmp_path / "whole")
    assert all(
        torch.equal(value, saved(tmp_path / "killed")[name]) for name, value in saved(tmp_path / "whole").items()
    )


def test_slices_already_there_are_reported_not_trained(run, configuration, tmp_path, monkeypatch) -> None:
    chosen = configuration("lora")
    first = run(tmp_path, chosen, 3)
    monkeypatch.setattr(step, "make_batch", None)
    again = run(tmp_path, chosen, 2)
    assert again.curve == type(first.curve)(first.curve.scores[:2], first.curve.seconds[:2])


def test_what_a_run_leaves_behind(run, configuration, tmp_path, tiny_data) -> None:
    report = run(tmp_path, configuration("full", learning_rate=0.02, epochs=3))
    rows = [json.loads(line) for line in (tmp_path / "slices.jsonl").read_text().splitlines()]
    assert [row["fidelity"] for row in rows] == list(range(1, SLICES + 1))
    assert [row["validation_nll"] for row in rows] == [-score for score in report.curve.scores]
    assert rows[-1]["validation_nll"] < 0.5 * rows[0]["validation_nll"]  # it learns
    assert rows[-1]["steps"] == 15
    assert rows[-1]["epochs"] == 3.0
    assert rows[-1]["tokens"] == 3 * tiny_data.train.total
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["parameters_trained"] == 300 * 32 + 2 * (32 * 96 + 32 * 32 + 32 * 128 + 64 * 32 + 2 * 32) + 32
    assert record["peak_memory_bytes"] > 2**20
    assert record["versions"]["torch"] == version("torch")  # torch.__version__ may have the build after it


def test_best_is_the_adapter_of_the_best_slice(run, configuration, tmp_path, monkeypatch) -> None:
    losses = iter([3.0, 1.0, 2.0])
    with monkeypatch.context() as patch:
        patch.setattr(slices, "evaluate", lambda *_: Scores(next(losses), 0.5, 0.5))
        run(tmp_path / "all", configuration("lora"), 3, test=False)
    run(tmp_path / "best", configuration("lora"), 2, test=False)
    for name, value in load_file(tmp_path / "best/best/adapter_model.safetensors").items():
        assert torch.equal(value, load_file(tmp_path / "all/best/adapter_model.safetensors")[name])


def test_without_state_only_figures_are_written(run, configuration, tmp_path) -> None:
    report = run(tmp_path, configuration("lora"), 2, keep_state=False, test=False)
    assert len(report.curve) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.json", "slices.jsonl"]
    assert [row["test_nll"] for row in figures(tmp_path)] == [None, None]
    with pytest.raises(JournalError, match=r"trial 0 resumes from slice 2 but .* has 0; give the folder"):
        run(tmp_path, configuration("lora"), 3, 2, keep_state=False)


@pytest.mark.parametrize(("method", "learning_rate"), [("lora", 0.01), ("full", 0.003)])
def test_in_bfloat16_as_on_an_accelerator_every_step_sees_the_weights_of_the_one_before(
    run, configuration, tmp_path, monkeypatch, method, learning_rate
) -> None:
    # Autocast keeps a weight's copy until it is left: one context around several steps trains on what is no more.
    chosen = configuration(method, learning_rate=learning_rate, epochs=20, dropout=0.0)
    exact = run(tmp_path / "float32", chosen, 4, keep_state=False)
    monkeypatch.setattr(slices, "use_fast_layers", lambda _: None)
    for module in (model, slices):
        monkeypatch.setattr(module, "default_dtype", lambda _: torch.bfloat16)
    reduced = run(tmp_path / "bfloat16", chosen, 4, keep_state=False)
    assert reduced.status is Status.OK
    assert np.allclose(reduced.curve.scores, exact.curve.scores, rtol=0.02)


def test_seeds_differ_and_the_callers_generator_is_untouched(run, configuration, tmp_path) -> None:
    before = torch.get_rng_state()
    first, second = (run(tmp_path / str(seed), configuration("lora"), 1, seed=seed) for seed in (0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    assert first.curve.scores[0] != second.curve.scores[0]


def test_runs_shorter_than_eight_steps_go_on_into_further_epochs(run, configuration, tmp_path) -> None:
    run(tmp_path, configuration("lora", batch_size=16, epochs=1))
    assert [row["steps"] for row in figures(tmp_path)] == list(range(1, 9))
    assert figures(tmp_path)[-1]["epochs"] == 4.0


def test_divergence_is_reported_with_the_curve_so_far(run, configuration, tmp_path) -> None:
    report = run(tmp_path, configuration("full", learning_rate=1e3, schedule="constant"))
    assert report.status is Status.DIVERGED
    assert "beyond 22.11; a lower learning_rate may help" in report.message
    assert len(report.curve) == len(figures(tmp_path)) < SLICES


def test_time_that_is_up_is_reported(run, configuration, tmp_path) -> None:
    report = run(tmp_path, configuration("lora"), timeout_seconds=0.0)
    assert (report.status, report.message) == (Status.TIMED_OUT, "stopped before step 0: over 0 seconds")
    assert json.loads((tmp_path / "run.json").read_text())["hardware"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), Status.OUT_OF_MEMORY),
        (MemoryError(), Status.OUT_OF_MEMORY),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), Status.OUT_OF_MEMORY),
        (RuntimeError("shapes differ"), Status.FAILED),
    ],
)
def test_errors_in_training_become_reports(run, configuration, tmp_path, monkeypatch, error, status) -> None:
    run(tmp_path, configuration("lora"), 1)

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(step, "make_batch", fail)
    report = run(tmp_path, configuration("lora"), 3, 1)
    assert report.status is status
    assert str(error) in report.message
    assert len(report.curve) == 1
    assert report.seconds > 0


def test_what_a_model_lacks_fails_the_trial_and_not_the_search(run, configuration, tmp_path, monkeypatch) -> None:
    def lacking(*_, **__):
        raise ModelError("Novel has no linear layer that looks like mlp")

    run(tmp_path, configuration("lora"), 1)
    monkeypatch.setattr(slices, "adapt", lacking)
    report = run(tmp_path, configuration("lora"), 3, 1)
    assert (report.status, report.message) == (Status.FAILED, "Novel has no linear layer that looks like mlp")
    assert len(report.curve) == 1


def test_misuse_is_raised(run, configuration, tmp_path, tiny_data) -> None:
    with pytest.raises(ConfigurationError, match="unknown method 'prompt'"):
        run(tmp_path, configuration("prompt"))
    with pytest.raises(ConfigurationError, match=r"asks for slice 9; a planned run has 8 slices"):
        run(tmp_path, configuration("lora"), 9)
    with pytest.raises(DataError, match="currencies: the training and validation splits need at least one row"):
        run(tmp_path, configuration("lora"), data=replace(tiny_data, train=Tokens((), np.array([], dtype=np.int64))))
    run(tmp_path, configuration("lora"), 1)
    with pytest.raises(JournalError, match=r"holds another run \(different configuration\)"):
        run(tmp_path, configuration("dora"), 1)
    with pytest.raises(JournalError, match=r"\(different seed\)"):
        run(tmp_path, configuration("lora"), 2, 1, seed=7)


def test_the_first_loss_is_that_of_the_untouched_model(run, configuration, tmp_path, tiny_model, tiny_data) -> None:
    from foretune.finetuning.evaluate import zero_shot
    from foretune.finetuning.model import load_model

    report = run(tmp_path, configuration("lora", learning_rate=1e-9), 1)
    expected = zero_shot(load_model(tiny_model), tiny_data)["validation"].nll
    assert -report.curve.scores[0] == pytest.approx(expected, rel=1e-4)
    assert math.isclose(figures(tmp_path)[0]["epochs"], 1 / 5)
