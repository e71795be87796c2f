"""Facts to memorize: the same answer in every wording."""

import re
import unicodedata

KINDS = {"A": "uppercase letter", "é": "lowercase letter", "+": "math symbol", "€": "currency symbol", "[": "opening"}


def test_characters_have_their_unicode_names(drawn):
    for prompt, answer in drawn("character_names"):
        signs = {sign for sign in prompt if unicodedata.name(sign, "").lower() == answer}
        assert len(signs) == 1, (prompt, answer)


def test_characters_are_of_their_unicode_kind(drawn):
    kinds = {}
    for prompt, answer in drawn("character_kinds", 6000):
        sign = re.search(r"(?<=is )\S(?= is|\?)|(?<=of )\S(?=[?.])|^\S(?= is)", prompt)[0]
        assert kinds.setdefault(sign, answer) == answer
    for sign, kind in KINDS.items():
        assert kinds[sign].startswith(kind)


def test_a_person_has_one_city_one_job_and_one_color(drawn):
    known = {}
    for prompt, answer in drawn("made_up_people", 3000):
        name = re.findall(r"[A-Z]\w+", prompt)[-1]
        field = next(
            field
            for field, words in {"city": "live|city|City", "job": "do for|job|Job|works", "color": "olor|loves"}.items()
            if re.search(words, prompt)
        )
        assert known.setdefault((name, field), answer) == answer
    assert len(known) == 3 * 160
