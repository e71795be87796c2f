import pytest

from foretune.errors import ConfigurationError
from foretune.session.durations import format_seconds, parse_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("3m", 180),
        ("2h", 7200),
        ("1h30m", 5400),
        ("1H 30", None),
        ("45", 45),
        (" 1.5m ", 90),
        ("1h0m5s", 3605),
    ],
)
def test_durations_as_people_write_them(text, seconds):
    if seconds is None:
        with pytest.raises(ConfigurationError):
            parse_seconds(text)
    else:
        assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "0s", "-3m", "3 apples", "m", "1m2h", "inf"])
def test_what_is_no_duration_is_refused_with_examples(text):
    with pytest.raises(ConfigurationError, match="write for instance 90s, 3m, 2h or 1h30m"):
        parse_seconds(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(7.4, "7 s"), (59.6, "1 min 00 s"), (150, "2 min 30 s"), (3900, "1 h 05 min"), (-2, "0 s")]
)
def test_durations_as_people_read_them(seconds, text):
    assert format_seconds(seconds) == text
