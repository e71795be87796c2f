"""Dates, by the standard library."""

import re
from datetime import date, datetime, timedelta

DAY = "%d %B %Y"


def test_dates(drawn):
    for prompt, answer in drawn("weekday"):
        day = datetime.strptime(re.search(r"\d+ [A-Z]\w+ \d{4}", prompt)[0], DAY)
        assert f"{day:%A}" == answer
    for prompt, answer in drawn("days_later"):
        days, way, start = re.search(r"(\d+) days (after|before) (.+)\?", prompt).groups()
        day = datetime.strptime(start, "%B %d, %Y") + timedelta(int(days) * (1 if way == "after" else -1))
        assert f"{day:%B} {day.day}" == answer
    for prompt, answer in drawn("earlier_date"):
        dates = [datetime.strptime(text, DAY) for text in prompt[23:-1].split(" or ")]
        assert datetime.strptime(answer, DAY) == min(dates)
    for prompt, answer in drawn("iso_date"):
        assert str(date.fromisoformat(answer).year) in prompt


def test_quarters_are_of_three_months(drawn):
    for prompt, answer in drawn("quarter"):
        month = datetime.strptime(re.search(r"\d+ [A-Z]\w+ \d{4}", prompt)[0], DAY).month
        assert (
            answer
            == ["first", "second", "third", "fourth"][[month in range(q, q + 3) for q in (1, 4, 7, 10)].index(True)]
        )


def test_every_way_to_write_a_date_is_the_same_day(drawn):
    ways = {r"\d+ [A-Z]\w+ \d{4}": DAY, r"[A-Z]\w+ \d+, \d{4}": "%B %d, %Y", r"\d+\.\d+\.\d{4}": "%d.%m.%Y"}
    seen = set()
    for prompt, answer in drawn("iso_date"):
        text = prompt.removeprefix("Write as an ISO date: ")
        (way,) = (form for pattern, form in ways.items() if re.fullmatch(pattern, text))
        seen.add(way)
        assert datetime.strptime(text, way).date() == date.fromisoformat(answer)
    assert len(seen) == 3
