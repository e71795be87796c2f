"""Every kind of document becomes sections with headings and places; whatever is wrong with a file is one line."""

import pytest
from made_documents import file_of, write_docx, write_pdf

from foretune.documents.parse import ENDINGS, parse

MARKDOWN = """---
title: settings
---
Before.

# Title

Text of the title.

```bash
# no heading
```

Setext
------

> ## quoted

Text.

# Next
"""
HTML = """<html><head><title>t</title><style>p {}</style></head><body><nav>menu</nav>
<p>Before &amp; first.</p><h1>Title<a href="#x">¶</a></h1><div>One
  <b>two</b> three.<script>alert(1)</script> Four.</div>
<h2>Part</h2><ul><li><p>a</p></li><li>b</li></ul><table><tr><td>x</td><td>y</td></tr></table>
<pre>if a:
    b
</pre></body></html>"""
CIRCLE = file_of(["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [2 0 R] /Count 1 >>"])


def sections(path, most=10_000):
    """Headings, text and place of each section."""
    return [
        (tuple(one["headings"]), one["text"], (one["unit"], one["first"], one["last"]))
        for one in parse(path, most)["sections"]
    ]


def written(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_markdown_is_cut_at_headings_outside_of_code_and_quotes(tmp_path):
    assert sections(written(tmp_path, "a.md", MARKDOWN)) == [
        ((), "Before.", ("line", 4, 4)),
        (("Title",), "Text of the title.\n\n```bash\n# no heading\n```", ("line", 8, 12)),
        (("Title", "Setext"), "> ## quoted\n\nText.", ("line", 17, 19)),
    ]


def test_html_is_cut_at_headings_and_loses_menus_and_scripts(tmp_path):
    assert sections(written(tmp_path, "a.html", HTML)) == [
        ((), "Before & first.", ("line", 1, 1)),
        (("Title",), "One two three. Four.", ("line", 2, 2)),
        (("Title", "Part"), "- a\n\n- b\n\n| x | y\n\nif a:\n    b", ("line", 4, 4)),
    ]


def test_html_in_another_encoding_is_read_as_it_says(tmp_path):
    page = '<meta charset="iso-8859-5"><p>Привет</p>'.encode("iso-8859-5")
    assert [text for _, text, _ in sections(written(tmp_path, "a.htm", page))] == ["Привет"]


def test_a_pdf_has_pages_under_the_titles_of_its_outline(tmp_path):
    path = write_pdf(tmp_path / "a.pdf", ["Cover.", "First page.\nSecond li-\nne.", "More."], {"Part one": 1})
    assert sections(path) == [
        ((), "Cover.", ("page", 1, 1)),
        (("Part one",), "First page.\nSecond line.", ("page", 2, 2)),
        (("Part one",), "More.", ("page", 3, 3)),
    ]


def test_a_docx_is_cut_at_its_heading_styles(tmp_path):
    assert sections(write_docx(tmp_path / "a.docx")) == [
        (("Handbook", "Budget"), "A budget is a time.", ("paragraph", 3, 3)),
        (("Handbook", "Budget", "Options"), "--rows | 300", ("paragraph", 5, 5)),
    ]


def test_plain_text_is_cut_into_pieces_at_blank_lines(tmp_path):
    lines = [*["word " * 200] * 5, "", "end"]
    assert [place for _, _, place in sections(written(tmp_path, "a.txt", "\n".join(lines)))] == [
        ("line", 1, 5),
        ("line", 7, 7),
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_text_in_usual_encodings_is_read(tmp_path, encoding):
    assert [text for _, text, _ in sections(written(tmp_path, "a.txt", "Größe é".encode(encoding)))] == ["Größe é"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", b"PK\0\0", "is binary"),
        ("a.txt", b"x" * 20_000, "has more than 10,000 characters"),
        ("a.pdf", b"%PDF-1.4 broken", "cannot be parsed"),
        ("a.pdf", CIRCLE, "cannot be parsed (PdfReadError"),
        ("a.docx", b"no zip", "cannot be parsed (BadZipFile"),
        ("a.html", b"  ", "has no HTML"),
    ],
)
def test_a_fault_is_one_line(tmp_path, name, content, said):
    error = parse(written(tmp_path, name, content), 10_000)["error"]
    assert said in error
    assert "\n" not in error


def test_a_pdf_without_text_says_so(tmp_path):
    assert "only images" in parse(write_pdf(tmp_path / "a.pdf", [""]), 10_000)["error"]


def test_html_that_is_nested_without_end_is_cut_at_the_depth_of_the_parser(tmp_path):
    page = "<p>Top.</p>" + "<div>" * 100_000 + "deep"
    assert [text for _, text, _ in sections(written(tmp_path, "a.html", page))] == ["Top."]


def test_how_many_kinds_there_are():
    assert len(ENDINGS) == 10
