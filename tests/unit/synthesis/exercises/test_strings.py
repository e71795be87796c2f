"""Words and letters."""

import re


def test_words_and_letters(drawn):
    def asked(name):
        return [(prompt.split(": ")[1].split(), answer.split()) for prompt, answer in drawn(name)]

    assert all(answer == words[::-1] for words, answer in asked("reverse_words"))
    assert all(answer == sorted(words) for words, answer in asked("sort_words"))
    assert all("".join(answer).lower() == "".join(word[0] for word in words) for words, answer in asked("initials"))
    assert all(answer == [word[-1] for word in words] for words, answer in asked("last_letters"))
    for prompt, answer in drawn("caesar"):
        offset = int(re.search(r"\d", prompt)[0])
        steps = zip(prompt.split(": ")[1].split(), answer.split(), strict=True)
        assert {(ord(after) - ord(before)) % 26 for before, after in steps} == {offset}
