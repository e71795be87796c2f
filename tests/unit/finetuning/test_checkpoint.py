import json
from dataclasses import asdict, replace

import pytest
import torch
from safetensors.torch import save_file

from foretune.errors import JournalError
from foretune.finetuning.checkpoint import (
    Slice,
    State,
    append_slice,
    best_fidelity,
    load_state,
    replace_folder,
    save_state,
    write_slices,
)
from foretune.finetuning.memory import Split, Splitting

FIRST = Slice(1, 0.25, 3, 90, 2.5, 0.4, 0.0, 2.6, 0.3, 0.0, 0.5, 0.1)
SECOND = replace(FIRST, fidelity=2, epochs=0.5, validation_nll=1.25, test_nll=None)
FINGERPRINT = {"configuration": "abc", "seed": 0, "data": "x", "model": "tiny"}


def test_state_comes_back_as_it_was(tmp_path) -> None:
    tensors = {"parameters.w": torch.randn(3, 2).T, "generators.cpu": torch.get_rng_state()}
    save_state(tmp_path, State(FINGERPRINT, (FIRST, SECOND), tensors))
    state = load_state(tmp_path, FINGERPRINT)
    assert state is not None
    assert state.slices == (FIRST, SECOND)
    assert all(torch.equal(state.tensors[name], value) for name, value in tensors.items())
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["state.safetensors"]


def test_the_splitting_comes_back_and_an_old_state_has_none(tmp_path) -> None:
    splitting = Splitting(Split(512, checkpointing=True), [3])
    save_state(tmp_path, State(FINGERPRINT, (FIRST,), {}, splitting))
    assert load_state(tmp_path, FINGERPRINT) == State(FINGERPRINT, (FIRST,), {}, splitting)
    header = {"schema_version": 1, "fingerprint": FINGERPRINT, "slices": [asdict(FIRST)]}
    save_file({}, tmp_path / "state/state.safetensors", metadata={"foretune": json.dumps(header)})
    assert load_state(tmp_path, FINGERPRINT) == State(FINGERPRINT, (FIRST,), {}, None)


def test_no_state_yet(tmp_path) -> None:
    assert load_state(tmp_path, FINGERPRINT) is None


def test_state_of_another_run_is_refused(tmp_path) -> None:
    save_state(tmp_path, State(FINGERPRINT, (FIRST,), {}))
    with pytest.raises(JournalError, match=r"holds another run \(different data, seed\); give a new folder"):
        load_state(tmp_path, FINGERPRINT | {"seed": 1, "data": "y"})


def test_damaged_state_says_what_to_delete(tmp_path) -> None:
    save_state(tmp_path, State(FINGERPRINT, (FIRST,), {}))
    file = tmp_path / "state" / "state.safetensors"
    file.write_bytes(file.read_bytes()[:20])
    with pytest.raises(JournalError, match=r"is damaged .*; delete .* to train this run again"):
        load_state(tmp_path, FINGERPRINT)


def test_slices_are_lines(tmp_path) -> None:
    write_slices(tmp_path, (FIRST,))
    append_slice(tmp_path, SECOND)
    lines = (tmp_path / "slices.jsonl").read_text().splitlines()
    assert [Slice(**json.loads(line)) for line in lines] == [FIRST, SECOND]


def test_best_is_the_earliest_lowest_validation_loss() -> None:
    assert best_fidelity((FIRST, SECOND, replace(SECOND, fidelity=3))) == 2
    assert best_fidelity(()) == 0


def test_a_folder_is_replaced_only_by_a_complete_one(tmp_path) -> None:
    folder = tmp_path / "best"
    replace_folder(folder, lambda new: (new / "a.safetensors").write_text("1"))

    def fail(new):
        (new / "a.safetensors").write_text("2")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        replace_folder(folder, fail)
    assert (folder / "a.safetensors").read_text() == "1"
    replace_folder(folder, lambda new: (new / "a.safetensors").write_text("3"))
    assert (folder / "a.safetensors").read_text() == "3"
    assert list(tmp_path.iterdir()) == [folder]
