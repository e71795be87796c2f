"""What the engine understands."""

import pytest

from foretune.space.vocabulary import HYPERPARAMETERS, NEEDS, Choices, LegalRange, base_name, not_understood


@pytest.mark.parametrize(
    ("legal", "value", "allowed"),
    [
        (LegalRange(1, whole=True), 1, True),
        (LegalRange(1, whole=True), 1.0, False),
        (LegalRange(1, whole=True), 0, False),
        (LegalRange(1, whole=True), True, False),
        (LegalRange(0.0, 0.99), 0.99, True),
        (LegalRange(0.0, 0.99), 1, False),
        (LegalRange(0.0, 0.99), 0, True),
        (LegalRange(0.0), float("nan"), False),
        (LegalRange(0.0), "0.5", False),
        (Choices(("a", "b")), "b", True),
        (Choices(("a", "b")), "c", False),
        (Choices(("a", "b")), 1, False),
    ],
)
def test_legal_values(legal, value, allowed):
    assert legal.allows(value) is allowed


@pytest.mark.parametrize(
    ("legal", "words"),
    [
        (LegalRange(1, whole=True), "a whole number of at least 1"),
        (LegalRange(0.0, 0.99), "a number of at least 0 and at most 0.99"),
        (Choices(("a", "b")), "one of a, b"),
    ],
)
def test_legal_values_in_words(legal, words):
    assert str(legal) == words


@pytest.mark.parametrize(
    ("name", "values", "why"),
    [
        ("rank", (4, 8), ""),
        ("learning_rate:ia3", (1e-3, 1.0), ""),
        ("rank", (4, 0, -1), "'rank' may be 0, expected a whole number of at least 1"),
        ("warmup:full", (1.5,), "'warmup:full' may be 1.5, expected a number of at least 0 and at most 0.99"),
        ("momentum", (0.9,), "'momentum' is no hyperparameter of foretune; use only method, rank, alpha_over_rank"),
    ],
)
def test_values_that_make_no_sense_are_named(name, values, why):
    found = not_understood(name, values)
    assert found == why or (why and found.startswith(why))


def test_a_variant_stands_for_its_hyperparameter():
    assert [base_name(name) for name in ("rank", "learning_rate:ia3", "a:b:c")] == ["rank", "learning_rate", "a"]


def test_methods_need_hyperparameters_that_there_are():
    assert all(name in HYPERPARAMETERS for names in NEEDS.values() for name in names)
