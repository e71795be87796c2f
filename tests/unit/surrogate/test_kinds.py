from __future__ import annotations

from typing import get_args

import pytest
from synthetic_table import synthetic_surrogates

from foretune.cli.fit import Kind as KindOfTheCommandLine
from foretune.errors import SurrogateError
from foretune.surrogate.kinds import KINDS, Kind, find_kind


def test_every_kind_is_found_and_its_surrogates_name_it():
    for name in KINDS:
        assert isinstance(find_kind(name), Kind)
        assert synthetic_surrogates(name).performance.kind == synthetic_surrogates(name).card["kind"] == name


def test_the_command_line_offers_every_kind():
    assert get_args(KindOfTheCommandLine) == tuple(KINDS)


@pytest.mark.parametrize("name", ["forest", "os:system", None, 3])
def test_an_unknown_kind_is_refused(name):
    with pytest.raises(SurrogateError, match="; choose one of in-context, deep-kernel"):
        find_kind(name)
