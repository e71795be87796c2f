"""Orders of numbers, people and steps."""

import re


def test_ordering(drawn) -> None:
    for prompt, answer in drawn("sort_numbers"):
        numbers = sorted(map(int, prompt.split(": ")[1].split()), reverse="largest" in prompt)
        assert answer == " ".join(map(str, numbers))
    for prompt, answer in drawn("place_in_line"):
        people = re.findall(r"[A-Z]\w+", prompt.split(": ")[1].split(".")[0])
        place = ["first", "second", "third", "fourth", "fifth", "sixth"].index(prompt.split("Who is ")[1].split()[0])
        assert answer == (people[::-1] if "the back" in prompt else people)[place]
    for prompt, answer in drawn("order_steps"):
        assert sorted(prompt.split(": ")[1].split("; ")) == sorted(answer.split("; "))
