import numpy as np
import pytest
import torch

from foretune.finetuning.batches import completion_logits, epoch_batches, head_selection, make_batch
from foretune.finetuning.data import Tokens
from foretune.finetuning.model import load_model

LENGTHS = np.random.default_rng(0).integers(3, 60, size=203)


def test_an_epoch_visits_every_row_once_in_an_order_of_its_own() -> None:
    batches = epoch_batches(LENGTHS, 4, seed=1, epoch=0)
    assert sorted(np.concatenate(batches)) == list(range(203))
    assert sorted(map(len, batches)) == [3] + [4] * 50
    again, other = (np.concatenate(epoch_batches(LENGTHS, 4, seed=1, epoch=epoch)) for epoch in (0, 1))
    assert (np.concatenate(batches) == again).all()
    assert (again != other).any()


def test_bucketing_saves_most_of_the_padding() -> None:
    batches = epoch_batches(LENGTHS, 4, seed=0, epoch=0)
    padded = sum(len(rows) * LENGTHS[rows].max() for rows in batches)
    rows = np.random.default_rng(0).permutation(203)
    shuffled = sum(4 * LENGTHS[rows[at : at + 4]].max() for at in range(0, 203, 4))
    assert padded - LENGTHS.sum() < 0.2 * (shuffled - LENGTHS.sum())


def test_labels_are_the_completion_tokens_and_padding_is_none() -> None:
    tokens = Tokens((np.array([5, 6, 7, 8], np.int32), np.array([9, 3], np.int32)), np.array([2, 1]))
    batch = make_batch(tokens, [0, 1], pad_id=0, device="cpu")
    assert batch.input_ids.tolist() == [[5, 6, 7, 8], [9, 3, 0, 0]]
    assert batch.predicts.tolist() == [[False, True, True, False], [True, False, False, False]]
    assert batch.labels.tolist() == [7, 8, 3]
    assert batch.rows.tolist() == [0, 0, 1]


def test_questions_between_answers_are_no_labels() -> None:
    ids = (np.arange(5, 13, dtype=np.int32), np.array([9, 3], np.int32))
    tokens = Tokens(ids, np.array([2, 1]), {0: np.array([4, 5])})
    batch = make_batch(tokens, [1, 0], pad_id=0, device="cpu")
    assert batch.labels.tolist() == [3, 7, 8, 11, 12]
    assert batch.rows.tolist() == [0, 1, 1, 1, 1]
    assert tokens.completion_lengths.tolist() == [4, 1]
    assert tokens.learned(0).tolist() == [False, False, True, True, False, False, True, True]


@pytest.mark.parametrize("selection", ["mask", "columns", "all"])
@torch.inference_mode()
def test_padding_and_head_selection_change_no_logit(tiny_model, tiny_data, selection) -> None:
    model = load_model(tiny_model)
    rows = [0, 7, 13]
    batched = completion_logits(model, make_batch(tiny_data.train, rows, pad_id=3, device="cpu"), selection)
    alone = []
    for row in rows:
        ids, start = tiny_data.train.input_ids[row], tiny_data.train.completion_starts[row]
        alone.append(model(torch.from_numpy(ids[None].astype(np.int64))).logits[0, start - 1 : -1])
    torch.testing.assert_close(batched, torch.cat(alone), atol=1e-5, rtol=1e-4)


def test_models_that_cannot_select_run_the_whole_head(tiny_model) -> None:
    class Plain(torch.nn.Module):
        def forward(self, input_ids):
            return input_ids

    assert head_selection(Plain()) == "all"
    assert head_selection(load_model(tiny_model)) in {"mask", "columns"}
