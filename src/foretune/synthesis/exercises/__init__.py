"""Datasets made by small generators: one file per family, one function per dataset.

A new exercise is one function that draws a prompt and its completion, decorated with `@exercise`; a new family is one
file with such functions, named in `FAMILIES`.
"""

from importlib import import_module

from foretune.synthesis.exercises.registry import EXERCISES, Exercise, choose, make_exercise

FAMILIES = (
    *("numbers", "strings", "records", "calendar", "memory", "labels", "ordering", "counting", "correction", "clock"),
    *("grid", "logic", "formats", "grammar", "codes", "money", "reference"),
)
for _family in FAMILIES:
    import_module(f"{__name__}.{_family}")

__all__ = ["EXERCISES", "FAMILIES", "Exercise", "choose", "make_exercise"]
