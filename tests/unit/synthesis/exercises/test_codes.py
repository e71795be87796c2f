"""Letters by other signs."""

import pytest


def test_codes(drawn) -> None:
    signs: dict[str, set[str]] = {}
    for prompt, answer in drawn("morse"):
        for letter, sign in zip(prompt.split(": ")[1].split(), answer.split(" / "), strict=True):
            signs.setdefault(letter, set()).add(sign)
    assert len(signs) == len({min(found) for found in signs.values()}) == 26
    assert {len(found) for found in signs.values()} == {1}
    assert signs["s"] | signs["o"] == {"...", "---"}
    for prompt, answer in drawn("pig_latin"):
        for word, changed in zip(prompt.split(": ")[1].split(), answer.split(), strict=True):
            assert changed.endswith("ay")
            assert sorted(changed[:-2]) == sorted(word)
    names = {}
    for prompt, answer in drawn("secret_names"):
        for thing, secret in zip(prompt.split(": ")[1].split(), answer.split(), strict=True):
            assert names.setdefault(thing, secret) == secret
    assert len(names) == 40


@pytest.mark.parametrize(
    ("letters", "signs"), [("s o s", "... / --- / ..."), ("c q y", "-.-. / --.- / -.--"), ("f l", "..-. / .-..")]
)
def test_letters_in_morse(drawn, letters: str, signs: str) -> None:
    known: dict[str, str] = {}
    for prompt, answer in drawn("morse", 200):
        known |= zip(prompt.split(": ")[1].split(), answer.split(" / "), strict=True)
    assert " / ".join(known[letter] for letter in letters.split()) == signs


def test_consonants_move_to_the_end_in_pig_latin(drawn) -> None:
    known: dict[str, str] = {}
    for prompt, answer in drawn("pig_latin", 1500):
        known |= zip(prompt.split(": ")[1].split(), answer.split(), strict=True)
    assert [known[word] for word in ("apple", "street", "queen", "sky")] == ["appleay", "eetstray", "ueenqay", "yskay"]
