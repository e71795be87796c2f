"""What a search begins with on a model that earlier runs say nothing of: what `foretune recommend` says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foretune.session.advising import PUBLISHED
from foretune.session.shipped import learned_from

if TYPE_CHECKING:
    from foretune.metadata.shape import ModelShape
    from foretune.session.demand import BaseModel
    from foretune.space import SearchSpace
    from foretune.types import Configuration


def first_run(model: BaseModel, rows: int, space: SearchSpace) -> tuple[Configuration, tuple[str, ...]]:
    """The configuration to begin with, and a note if it is not the default of the space.

    Rate, rank and alpha are those of the first pick of `foretune recommend`, if it is from published sweeps. Epochs are
    the default's or, where rows are many, fewer: a first run that is short leaves time for others, which may be longer.

    Args:
        model: to finetune.
        rows: to train on.
        space: at the width of the model.
    """
    from foretune.metadata import read_meta_dataset
    from foretune.recommendation import Target, family_of, from_published, nearest_legal, read_published, with_epochs

    default = space.default()
    if default.values["method"] != "lora":
        return default, ()
    by_rows = with_epochs(default, rows, space)
    short = min(default, by_rows, key=lambda one: int(one.values["epochs"]))
    target = Target(model.name, family_of(model.name, model.model_type), model.billions, rows)
    models = read_published(read_meta_dataset(PUBLISHED))
    found = from_published(target, models, short, fit=lambda one: nearest_legal(one, space))
    if found is None or _is_known(model.shape):
        return default, ()
    first = found.recommendations[0]
    return first.configuration, (f"the search begins with the first pick of `foretune recommend`: {first.reason}",)


def _is_known(shape: ModelShape) -> bool:
    """Whether the shipped surrogates have learned from models of about this size."""
    from foretune.metadata import read_meta_dataset
    from foretune.metadata.features import model_features
    from foretune.recommendation import is_of_a_size_seen

    features = model_features(shape)
    return any(is_of_a_size_seen(features, read_meta_dataset(name)) for name in learned_from(shape))
