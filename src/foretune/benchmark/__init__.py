"""Comparisons of optimizers on recorded runs."""
