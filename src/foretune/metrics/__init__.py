"""Scores of written answers: by their words, or by the judgement of another model."""

from foretune.metrics.text import TEXT_METRICS

NLL, JUDGE = "nll", "judge"
METRICS = (NLL, *TEXT_METRICS, JUDGE)
"""What the adapter that a search returns can be chosen by; the first needs no written answers."""
