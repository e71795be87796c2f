"""Mistakes and sentences without them."""


def test_correction(drawn) -> None:
    for prompt, answer in drawn("swapped_letters"):
        wrong = prompt.split(": ")[1]
        assert sorted(wrong) == sorted(answer)
        assert sum(a != b for a, b in zip(wrong, answer, strict=True)) in {0, 2}
    for prompt, answer in drawn("capitals"):
        assert answer.lower() == prompt.split(": ")[1] + "."
    for prompt, answer in drawn("verb_form"):
        assert answer.endswith("s") != (" and " in prompt)
