"""Tables between rows, frames and Arrow."""

import pytest

from foretune.errors import MetaDatasetError
from foretune.metadata.frames import rows_to_frame


def test_a_hyperparameter_has_one_type(rows):
    rows["runs"][0]["config.rank"] = "eight"
    with pytest.raises(MetaDatasetError, match=r"'config.rank' has values of the types int, str"):
        rows_to_frame("runs", rows["runs"])


def test_a_value_of_another_type_is_named(rows):
    rows["curves"][0]["steps"] = "many"
    with pytest.raises(MetaDatasetError, match=r"curves: column 'steps' takes int64.*many"):
        rows_to_frame("curves", rows["curves"])
