"""Documents for tests: a small PDF with an outline, and a DOCX."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path


def write_pdf(path: Path, pages: Sequence[str], titles: Mapping[str, int] | None = None) -> Path:
    """Write lines of text on pages, with an outline of title to page number from 0."""
    from pypdf import PdfReader, PdfWriter

    count = len(pages)
    kids = " ".join(f"{3 + 2 * at} 0 R" for at in range(count))
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {count} >>"]
    font = "<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
    for at, text in enumerate(pages):
        drawn = "\n".join(f"({line}) Tj 0 -14 Td" for line in text.splitlines())
        stream = f"BT /F1 12 Tf 72 720 Td\n{drawn}\nET"
        objects.append(f"<< /Type /Page /Parent 2 0 R /Resources {font} /Contents {4 + 2 * at} 0 R >>")
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    writer = PdfWriter(clone_from=PdfReader(BytesIO(file_of(objects))))
    for title, page in (titles or {}).items():
        writer.add_outline_item(title=title, page_number=page)
    writer.write(path)
    return path


def file_of(objects: Sequence[str]) -> bytes:
    """A PDF of these objects; the first is the root."""
    content, places = b"%PDF-1.4\n", list[int]()
    for number, inside in enumerate(objects, start=1):
        places.append(len(content))
        content += f"{number} 0 obj\n{inside}\nendobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    end = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<< /Size {size} /Root 1 0 R >>\n"
    return content + f"{end}startxref\n{len(content)}\n%%EOF\n".encode()


def write_docx(path: Path) -> Path:
    """Write a title, a heading with a paragraph, and a heading with a table."""
    from docx import Document

    document = Document()
    document.add_heading("Handbook", 0)
    document.add_heading("Budget", 1)
    document.add_paragraph("A budget is a time.")
    document.add_heading("Options", 2)
    table = document.add_table(rows=1, cols=2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "--rows", "300"
    document.save(str(path))
    return path
