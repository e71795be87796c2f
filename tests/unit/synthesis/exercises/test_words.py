"""How words are drawn."""

import re

import numpy as np

from foretune.synthesis.exercises.words import THINGS, between, listed, made_up_word, made_up_words, pick, sample


def test_a_line_of_words_is_listed():
    assert listed(" one  two\nthree ") == ("one", "two", "three")


def test_both_ends_of_a_range_are_drawn_and_nothing_beyond():
    rng = np.random.default_rng(0)
    assert {between(rng, 3, 5) for _ in range(100)} == {3, 4, 5}
    assert {pick(rng, ("a", "b", "c")) for _ in range(100)} == {"a", "b", "c"}


def test_a_sample_has_each_item_once_in_random_order():
    rng = np.random.default_rng(0)
    drawn = sample(rng, THINGS, len(THINGS))
    assert sorted(drawn) == sorted(THINGS)
    assert drawn != list(THINGS)
    assert sample(rng, THINGS, 0) == []


def test_made_up_words_have_so_many_syllables_and_differ():
    rng = np.random.default_rng(0)
    syllable = "(?:b|d|f|g|k|l|m|n|p|r|s|t|v|z|br|dr|gl|kr|pl|st|tr)[aeiou]"
    for syllables in (1, 2, 3):
        assert re.fullmatch(f"(?:{syllable}){{{syllables}}}[bdfgklmnprst]", made_up_word(rng, syllables))
    words = made_up_words(np.random.default_rng(1), 500)
    assert len(words) == len(set(words)) == 500
    assert words[:20] == made_up_words(np.random.default_rng(1), 20)
