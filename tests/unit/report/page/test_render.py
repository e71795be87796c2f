"""The page as HTML: whole, escaped, alone in its file, and right in a browser."""

import errno
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from browser import Page, needs_browser, seen_in_browser
from finished_folder import HEADER, write_folder
from finished_search import IA3, LORA, an_entry, scored

from foretune.errors import JournalError
from foretune.journal import Journal
from foretune.metrics.protocol import Asked
from foretune.report.final_scores import Finalist, Member
from foretune.report.page import RunRecord, State, page_of, read_record, write_page
from foretune.report.run_report import trial_curves
from foretune.types import Configuration

HOSTILE = "<script>alert('x')</script> & \"more\" </title></style>"


@pytest.fixture
def whole(report):
    """A report with all that a page can show, each text of a user hostile."""
    members = (Member(LORA.key, dict(LORA.values), 2, 0.7), Member(IA3.key, dict(IA3.values), 1, 0.3))
    rows = (
        replace(report.scores[0], answers=(HOSTILE,)),
        *report.scores[1:],
        replace(scored("average", 1.25), members=members, answers=("right",)),
    )
    return replace(
        report,
        data=HOSTILE,
        model=HOSTILE,
        notes=(HOSTILE,),
        scores=rows,
        trials=(report.trials[0], replace(report.trials[1], message=HOSTILE)),
        asked=(Asked(HOSTILE, "right"),),
        finalists=(Finalist(HOSTILE, 0.5, None, None, chosen=True), Finalist("b", 0.4, -0.1, 0.05, chosen=False)),
        metric="token_f1",
        versions={"foretune": HOSTILE},
        command=HOSTILE,
    )


@pytest.fixture
def home(whole, tmp_path):
    return write_folder(tmp_path / "run", whole)


def test_the_page_has_the_values_of_the_report(home):
    page = Page(page_of(read_record(home)))
    rows = page.texts("tr")
    assert "zero-shot 4.0000 4.0000 50.0% 25.0% not finetuned" in rows
    assert any(row.startswith("average returned 1.2500 1.2500") for row in rows)
    assert any(re.match(r"1 1\.5000 best, 70% of the returned average 2 of 8 4\.0 lora 8", row) for row in rows)
    assert any(row.startswith("0.7 2 of 8 lora r8, lr 0.0073") for row in rows)
    assert page.texts("dd")[:3] == ["1.250", "default 2.500, untouched 4.000", "25.0%"]
    assert "✓ the same" in page.texts("span")
    assert "✗ different" in page.texts("span")


def test_every_text_of_a_user_is_escaped(home):
    text = page_of(read_record(home))
    assert "<script>alert" not in text
    page = Page(text)
    assert len(page.attributes("script")) == 2
    assert HOSTILE in "".join(page.texts("h3"))
    assert page.texts("code")[-1] == HOSTILE
    assert HOSTILE in page.texts("li")
    runs = json.loads(page.texts("script")[0])
    assert runs[IA3.key]["losses"] == [2.5]
    assert runs[LORA.key]["name"] == "1. lora r8, lr 0.0073, batch 8, 5 epochs, warmup 0.1"


def test_the_page_needs_nothing_else(home):
    text = page_of(read_record(home))
    page = Page(text)
    assert not re.findall(r"""(?:src|href|action)\s*=|@import|url\((?!#)|https?://""", text)
    assert any("default-src 'none'" in str(one.get("content")) for one in page.attributes("meta"))
    assert len(text.encode()) < 60_000


def test_the_page_can_be_read_without_seeing_it(home):
    page = Page(page_of(read_record(home)))
    names = {one["id"] for _, one, _ in page.elements if "id" in one}
    assert all(set(one["aria-labelledby"].split()) <= names for one in page.attributes("svg") if "role" in one)
    assert all(one["aria-describedby"] in names for one in page.attributes("div") if "aria-describedby" in one)
    assert all("scope" in one for one in page.attributes("th"))
    assert page.attributes("html") == [{"lang": "en"}]
    assert len(page.texts("h1")) == 1
    assert page.texts("h2")[:3] == ["Result", "Why this one", "Curves"]
    assert "The least is 1.5000, of lora r8" in page.texts("desc")[0]
    ids = [one["id"] for _, one, _ in page.elements if "id" in one]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("entries", [(), None], ids=["nothing trained", "stopped"])
def test_a_search_that_has_not_ended_has_a_page_too(tmp_path, entries):
    home = write_folder(tmp_path, **({} if entries is None else {"entries": entries}))
    page = Page(page_of(read_record(home)))
    assert "This search has not ended." in page.texts("strong")
    assert "So far" in page.texts("h2")
    said = "No slice has been scored yet." if entries == () else "Nothing is chosen yet."
    assert any(text.startswith(said) for text in page.texts("p"))
    assert any("The folder of this run holds no answers." in text for text in page.texts("p"))


def test_many_configurations_make_a_small_page(report):
    many = [Configuration({**LORA.values, "rank": rank}) for rank in range(1, 301)]
    losses = [3.0 - 0.1 * number for number in range(8)]
    entries = tuple(an_entry(number, one, losses, 20.0 + number) for number, one in enumerate(many))
    large = replace(report, trials=trial_curves(entries, {}))
    text = page_of(RunRecord(large, State.FINISHED, HEADER, Journal(HEADER, entries)))
    assert text.count("<tr data-key") == 300
    assert len(text.encode()) < 600_000


def test_an_earlier_page_is_replaced_and_another_file_is_not(home, tmp_path):
    record, path = read_record(home), tmp_path / "page.html"
    write_page(record, path)
    first = path.read_text()
    write_page(record, path)
    assert path.read_text() == first
    path.write_text("mine")
    with pytest.raises(JournalError, match="exists and is no report of foretune; give another file to --out"):
        write_page(record, path)
    assert path.read_text() == "mine"
    for bad in (tmp_path, tmp_path / "none" / "page.html"):
        with pytest.raises(JournalError, match="give a file name in a folder that exists to --out"):
            write_page(record, bad)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["page.html", "run"]


def test_a_full_disk_leaves_the_earlier_page(home, tmp_path, monkeypatch):
    record, path = read_record(home), tmp_path / "page.html"
    write_page(record, path)
    first = path.read_text()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(JournalError, match=r"cannot write .*page.html \(No space left on device\); give another file"):
        write_page(record, path)
    assert path.read_text() == first
    assert sorted(one.name for one in tmp_path.iterdir()) == ["page.html", "run"]


PROBE = """
<script>
const heads = [...document.querySelectorAll("th button")];
const cells = (column) => [...document.querySelectorAll("tr[data-key]")].map((row) => row.cells[column].textContent);
const loss = heads.findIndex((one) => one.textContent === "best loss");
heads[loss].click(); const up = cells(loss); const sort = heads[loss].closest("th").ariaSort;
heads[loss].click(); const down = cells(loss);
[...document.querySelectorAll(".pin")].pop().click();
const chart = [...document.querySelectorAll(".chart")].find((one) => one.clientWidth);
const line = chart.querySelector("polyline[data-key]"), box = chart.getBoundingClientRect();
const scale = box.width / chart.viewBox.baseVal.width, point = line.points[line.points.length - 1];
const at = {clientX: box.left + point.x * scale, clientY: box.top + point.y * scale,
  bubbles: true, pointerType: "touch"};
for (const kind of ["pointerdown", "pointerleave"]) chart.dispatchEvent(new PointerEvent(kind, at));
const hint = chart.closest("figure").querySelector(".hint"), said = hint.innerText;
const lit = document.querySelectorAll("polyline.lit").length;
document.body.dispatchEvent(new PointerEvent("pointerdown", {bubbles: true}));
const root = document.documentElement;
parent.postMessage({
  up, down, sort, overflow: root.scrollWidth - root.clientWidth, width: innerWidth,
  lit, hint: said, gone: hint.style.display, pinned: document.querySelectorAll("polyline.lit").length,
  shown: [...document.querySelectorAll(".chart")].filter((one) => one.clientWidth).map((one) => one.classList[1]),
}, "*");
</script>
"""


@needs_browser
def test_in_a_browser_the_page_fits_and_answers(home, tmp_path):
    phone, desktop = seen_in_browser(page_of(read_record(home)), PROBE, tmp_path)
    assert (phone["width"], phone["overflow"], set(phone["shown"])) == (390, 0, {"narrow"})
    assert (desktop["width"], desktop["overflow"], set(desktop["shown"])) == (1180, 0, {"wide"})
    for seen in (phone, desktop):
        assert (seen["up"], seen["down"], seen["sort"]) == (["1.5000", "2.5000"], ["2.5000", "1.5000"], "ascending")
        assert "validation loss 2.5 after slice 1" in seen["hint"]
        assert (seen["lit"], seen["gone"], seen["pinned"]) == (8, "none", 4)
