import numpy as np
import pytest
import torch

from foretune.errors import DataError
from foretune.finetuning import evaluate as evaluation
from foretune.finetuning.data import Tokens
from foretune.finetuning.evaluate import evaluate, evaluate_rows, standard_error, zero_shot
from foretune.finetuning.model import load_model


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


def test_scores_are_the_same_in_batches_that_fit_into_memory(tiny_model, tiny_data, monkeypatch) -> None:
    model, tokens = load_model(tiny_model), tiny_data.train
    expected, done, compute = evaluate(model, tokens), [], evaluation.completion_logits

    def limited(model, batch, selection):
        if len(batch.input_ids) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return compute(model, batch, selection)

    monkeypatch.setattr(evaluation, "completion_logits", limited)
    scores = evaluate(model, tokens, progress=lambda *rows: done.append(rows))
    assert scores.nll == pytest.approx(expected.nll, rel=1e-5)
    assert scores.nll_error == pytest.approx(expected.nll_error, rel=1e-4)
    assert (scores.token_accuracy, scores.exact_match) == (expected.token_accuracy, expected.exact_match)
    assert done[-1] == (18, 18)
    assert len(done) >= 6


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


def test_the_standard_error_of_a_ratio_is_that_of_the_formula_by_hand() -> None:
    # R = 12 / 6 = 2; residuals 1 - 2, 3 - 4, 8 - 6; 3/2 of their squares' sum is 9, over 6 tokens
    assert standard_error(np.array([1.0, 3.0, 8.0]), np.array([1.0, 2.0, 3.0])) == pytest.approx(3.0 / 6.0)
    assert standard_error(np.array([1.0]), np.array([1.0])) is None


def test_the_standard_error_is_how_far_samples_of_rows_are_spread() -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 20, (4_000, 60)).astype(float)
    losses = lengths * rng.gamma(2.0, 1.0, lengths.shape)  # tokens of a row have their loss in common
    spread = float((losses.sum(axis=1) / lengths.sum(axis=1)).std())
    errors = [standard_error(*row) for row in zip(losses, lengths, strict=True)]
    assert np.mean(errors) == pytest.approx(spread, rel=0.05)


def test_the_error_and_the_number_of_rows_are_those_of_the_rows(tiny_model, tiny_data) -> None:
    model = load_model(tiny_model)
    scores = evaluate(model, tiny_data.validation)
    rows = [evaluate(model, tiny_data.validation, rows=[at]) for at in range(len(tiny_data.validation))]
    lengths = tiny_data.validation.completion_lengths.astype(float)
    expected = standard_error(np.array([row.nll for row in rows]) * lengths, lengths)
    assert scores.nll_error == pytest.approx(expected, rel=1e-4)
    assert scores.rows == len(rows) == 6
    assert rows[0].nll_error is None


def test_a_part_of_the_rows_is_scored_as_if_it_were_all(tiny_model, tiny_data) -> None:
    model, split = load_model(tiny_model), tiny_data.validation
    part = Tokens(split.input_ids[2:5], split.completion_starts[2:5])
    assert evaluate(model, split, rows=[4, 2, 3]) == evaluate(model, part)


def test_progress_counts_rows_to_the_last(tiny_model, tiny_data, monkeypatch) -> None:
    monkeypatch.setitem(evaluation._BATCH_TOKENS, "cpu", 1)
    seen = []
    evaluate(load_model(tiny_model), tiny_data.validation, progress=lambda done, of: seen.append((done, of)))
    assert seen == [(at, 6) for at in range(1, 7)]


def test_losses_of_rows_make_the_score(tiny_model, tiny_data) -> None:
    model, tokens = load_model(tiny_model), tiny_data.test
    found = evaluate_rows(model, tokens)
    assert found.scores == evaluate(model, tokens)
    each = [evaluate(model, tokens, rows=[row]).nll * tokens.completion_lengths[row] for row in range(len(tokens))]
    assert found.losses.tolist() == pytest.approx(each, rel=1e-4)
    assert found.losses.sum() / tokens.completion_lengths.sum() == pytest.approx(found.scores.nll, rel=1e-5)
