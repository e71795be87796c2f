"""Plain values out of ConfigSpace."""

from pathlib import Path

import pytest
from space_files import described, written

from foretune.errors import ConfigurationError
from foretune.space import load_space


def test_conditions_of_another_kind(tmp_path: Path) -> None:
    description = described()
    condition = next(one for one in description["conditions"] if one["child"] == "loraplus_ratio")
    condition.update(type="NEQ", value="lora")
    with pytest.raises(ConfigurationError, match="use a single condition of type EQ or IN"):
        load_space(written(tmp_path, description))
