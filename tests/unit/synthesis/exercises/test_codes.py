"""Letters by other signs."""


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
