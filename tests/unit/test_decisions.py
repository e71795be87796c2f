"""The index of the decisions lists every entry, with the date at which it was made."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
ENTRY = re.compile(r"^## (.+)\n(?:\n\*(\d{4}-\d\d-\d\d))?", re.MULTILINE)
ROW = re.compile(r"^\| (\S+) \|[^|]*\| \[(.+)\]\(decisions/([\w-]+\.md)#", re.MULTILINE)


def test_the_index_lists_every_entry_with_its_date_in_order() -> None:
    index = ROW.findall((DOCS / "decisions.md").read_text())
    pages = list(dict.fromkeys(page for _, _, page in index))

    entries = [
        (date, heading, page)
        for page in pages
        for heading, date in ENTRY.findall((DOCS / "decisions" / page).read_text())
    ]

    assert sorted(pages) == sorted(path.name for path in (DOCS / "decisions").iterdir())
    assert index == entries
