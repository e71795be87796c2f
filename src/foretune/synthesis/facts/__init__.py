"""Question-answer datasets from facts that installed libraries know: one file per dataset.

A new dataset is one file with a function that returns its splits, decorated with `@dataset`, and named in `NAMES`.
Facts that are asked in several ways are split by wording, questions that follow a rule by question, so no question of
the test is trained on.
"""

from importlib import import_module

from foretune.synthesis.facts.demo import TOPICS, make_facts
from foretune.synthesis.facts.fact import Fact, write_facts
from foretune.synthesis.facts.registry import DATASETS, FactDataset, make_dataset

NAMES = (
    *("currency_codes", "file_endings", "day_names", "city_choice", "caught_exceptions", "script_digits"),
    *("utc_offsets", "local_dates", "metric_prefixes", "city_currencies"),
)
for _name in NAMES:
    import_module(f"{__name__}.{_name}")

__all__ = ["DATASETS", "NAMES", "TOPICS", "Fact", "FactDataset", "make_dataset", "make_facts", "write_facts"]
