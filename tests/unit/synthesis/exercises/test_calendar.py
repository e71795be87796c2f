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
