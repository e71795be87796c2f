"""Sections with the same text are one section for the splits; a common footer joins nothing."""

from made_passages import prose

from foretune.documents.passages import Passage
from foretune.documents.sections import Section, Span
from foretune.synthesis.questions.shared_text import join_sections


def units(*texts):
    sections = [Section(f"{at}.md", (), text, Span("line", 1, 1)) for at, text in enumerate(texts)]
    return [int(one.unit[0]) for one in join_sections([Passage(section, section.unit) for section in sections])]


def test_a_section_that_repeats_a_part_of_another_has_its_name():
    manual = prose(0, sentences=20)
    page = manual[: len(manual) // 4]
    assert units(prose(1), manual, prose(2), page, prose(3)) == [0, 1, 2, 1, 4]


def test_sections_that_share_text_with_the_same_third_are_one():
    both = prose(0) + " " + prose(1)
    assert units(prose(0), prose(2), prose(1), both) == [0, 1, 0, 0]


def test_layout_and_capitals_make_no_difference():
    assert units(prose(0), prose(0).upper().replace(" ", "\n")) == [0, 0]


def test_a_footer_of_many_sections_joins_none():
    footer = " ".join(f"word{at}" for at in range(40))
    assert units(*(f"{prose(at)} {footer}" for at in range(6))) == [0, 1, 2, 3, 4, 5]
    assert units(*(f"{prose(at)} {footer}" for at in range(3))) == [0, 0, 0]


def test_short_texts_are_joined_to_nothing():
    assert units("Short.", "Short.", "") == [0, 1, 2]
