"""Times of day."""

import re
from datetime import datetime, timedelta


def test_clock(drawn) -> None:
    for prompt, answer in drawn("minutes_later"):
        start, minutes = re.search(r"It is (\S+)\..*later|", prompt)[1], int(re.search(r"(\d+) minutes", prompt)[1])
        assert (datetime.strptime(start, "%H:%M") + timedelta(minutes=minutes)).strftime("%H:%M") == answer
    for prompt, answer in drawn("half_day"):
        assert datetime.strptime(answer, "%I:%M %p").strftime("%H:%M") == prompt.split()[1]
    for prompt, answer in drawn("duration"):
        one, two = (datetime.strptime(text, "%H:%M") for text in re.findall(r"\d\d:\d\d", prompt))
        hours, minutes = map(int, re.findall(r"\d+", answer))
        assert (two - one) % timedelta(days=1) == timedelta(hours=hours, minutes=minutes)
