import numpy as np
import pytest
import torch

from foretune.errors import DataError
from foretune.finetune import evaluate as evaluation
from foretune.finetune.data import Tokens
from foretune.finetune.evaluate import evaluate, zero_shot
from foretune.finetune.model import load_model


@torch.inference_mode()
def by_definition(model, tokens: Tokens) -> tuple[float, float, float]:
    """Row by row, from the formula."""
    losses, hits, exact = [], [], []
    for ids, start in zip(tokens.input_ids, tokens.completion_starts, strict=True):
        log_p = model(torch.from_numpy(ids[None].astype(np.int64))).logits[0].log_softmax(-1)
        row = [
            (float(-log_p[at - 1, ids[at]]), int(log_p[at - 1].argmax()) == ids[at]) for at in range(start, len(ids))
        ]
        losses += [loss for loss, _ in row]
        hits += [hit for _, hit in row]
        exact.append(all(hit for _, hit in row))
    return float(np.mean(losses)), float(np.mean(hits)), float(np.mean(exact))


@pytest.mark.parametrize("batch_tokens", [1, 50, 4096])
def test_scores_are_those_of_the_definition_whatever_the_batches(
    tiny_model, tiny_data, monkeypatch, batch_tokens
) -> None:
    monkeypatch.setitem(evaluation._BATCH_TOKENS, "cpu", batch_tokens)
    model = load_model(tiny_model)
    # Completions that the model itself writes first: some hits, so that accuracy and exact match are not all zero.
    rows = []
    for ids, start in list(zip(tiny_data.test.input_ids, tiny_data.test.completion_starts, strict=True))[:4]:
        logits = model(torch.from_numpy(ids[None, :start].astype(np.int64))).logits
        rows.append(np.append(ids[:start], logits[0, -1].argmax().item()).astype(np.int32))
    tokens = Tokens(
        (*rows, *tiny_data.test.input_ids), np.append([len(row) - 1 for row in rows], tiny_data.test.completion_starts)
    )
    scores = evaluate(model, tokens)
    expected = by_definition(model, tokens)
    assert (scores.nll, scores.token_accuracy, scores.exact_match) == pytest.approx(expected, rel=1e-5)
    assert scores.exact_match >= 0.4


def test_training_mode_is_left_as_found_and_dropout_is_off(tiny_model, tiny_data) -> None:
    model = load_model(tiny_model)
    model.train()
    evaluate(model, tiny_data.validation)
    assert model.training


def test_zero_shot_scores_both_splits(tiny_model, tiny_data) -> None:
    model = load_model(tiny_model)
    scores = zero_shot(model, tiny_data)
    assert scores == {"validation": evaluate(model, tiny_data.validation), "test": evaluate(model, tiny_data.test)}
    assert scores["validation"] != scores["test"]


def test_nothing_to_evaluate_on(tiny_model) -> None:
    with pytest.raises(DataError, match="no rows to evaluate on; give a split"):
        evaluate(load_model(tiny_model), Tokens((), np.array([], dtype=np.int64)))
