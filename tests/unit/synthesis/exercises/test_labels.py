"""Closed labels: each follows from the words of its row."""

import re

JUDGED = re.compile(
    r"(?:was|is|(?:found|calls) the \w+) (not )?(\w+),? (?:and|but)(?: the \w+(?: was)?)? (not )?(\w+)\. Mood\?"
)


def test_a_mood_follows_from_two_words_and_their_negations(drawn):
    """Rows of one mood tell the praise from the blame; in mixed rows the two differ."""
    good, mixed = {}, []
    for prompt, mood in drawn("noisy_mood", 3000):
        no, word, nor, other = JUDGED.search(prompt).groups()
        if mood == "mixed":
            mixed.append(((word, no), (other, nor)))
            continue
        for said, negated in ((word, no), (other, nor)):
            assert good.setdefault(said, (mood == "positive") != bool(negated)) == (
                (mood == "positive") != bool(negated)
            )
    assert len(good) == 80
    assert list(good.values()).count(True) == 40
    assert len(mixed) > 1000
    for (word, no), (other, nor) in mixed:
        assert (good[word] != bool(no)) != (good[other] != bool(nor))


def test_the_ending_of_a_word_tells_its_class(drawn):
    endings = {"animal": ("ax", "ump"), "plant": ("elo", "irra"), "tool": ("ock", "ench"), "food": ("ini", "oosh")}
    for prompt, label in drawn("noisy_word_class"):
        word = re.search(r"What is a (\w+)\?$", prompt)[1]
        assert word in prompt.partition("What is a ")[0]
        assert word.endswith(endings[label])


def test_requests_have_the_words_of_their_subject(drawn):
    words = {
        "alarm": r"Wake me|Set the alarm|\w+ must be up",
        "shopping": r"We are out of|Put \w+ on the list|Buy",
        "message": r"Tell|Write to|Let \w+ know",
        "music": r"Play|I want to hear",
        "search": r"Where is|Look up|What does",
        "reminder": r"Do not let me forget|Remind|Note:",
    }
    for prompt, label in drawn("requests"):
        assert [name for name, pattern in words.items() if re.match(pattern, prompt)] == [label]
