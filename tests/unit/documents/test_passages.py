"""Passages fit into a prompt, lose nothing, and know where they stand."""

from foretune.documents.passages import cut
from foretune.documents.sections import Section, Span


def section(text, first=10):
    return Section("a.md", ("A", "B"), text, Span("line", first, first + text.count("\n")))


def test_a_short_section_is_one_passage():
    (passage,) = cut([section("one\n\ntwo")])
    assert (passage.text, passage.where, passage.unit) == ("one\n\ntwo", "a.md, A > B, lines 10-12", "a.md > A > B")


def test_a_long_section_is_cut_between_paragraphs_with_lines_counted():
    passages = cut([section("a" * 40 + "\n" + "b" * 40 + "\n\n" + "c" * 40 + "\n\n" + "d" * 30)], most=100)
    assert [(len(one.text), str(one.section.span)) for one in passages] == [(81, "lines 10-12"), (72, "lines 13-15")]


def test_a_code_block_with_blank_lines_stays_whole():
    code = "```\none\n\ntwo\n```"
    passages = cut([section("a" * 50 + "\n\n" + code + "\n\n" + "b" * 60)], most=70)
    assert [one.text for one in passages] == ["a" * 50 + "\n\n" + code, "b" * 60]


def test_a_line_without_end_is_cut_at_spaces():
    text = "word " * 100 + "x" * 250
    passages = cut([section(text)], most=100)
    assert max(len(one.text) for one in passages) <= 100
    assert "".join(one.text for one in passages).replace(" ", "") == text.replace(" ", "")
