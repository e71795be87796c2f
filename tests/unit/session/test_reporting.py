"""The page of a run, from its folder, while it runs and after it."""

import io

import pytest
from finished_folder import write_folder
from finished_search import LORA, reported, scored
from rich.console import Console

from foretune.errors import JournalError
from foretune.metrics.protocol import Asked
from foretune.report.run_report import read_run_report
from foretune.session.folder import locked
from foretune.session.reporting import answer_questions, keep_answers, report, write_final_page
from foretune.session.waiting import nowhere


def test_the_page_is_in_the_folder_unless_a_file_is_named(tmp_path):
    home = write_folder(tmp_path / "demo" / "search")
    assert report(tmp_path / "demo") == home / "report.html"
    assert report(home, tmp_path / "page.html") == tmp_path / "page.html"
    assert (home / "report.html").read_text() == (tmp_path / "page.html").read_text()
    assert "This search has not ended." in (home / "report.html").read_text()


def test_a_search_that_is_running_is_said_to_run_and_is_not_disturbed(tmp_path):
    home = write_folder(tmp_path / "run")
    with locked(home):
        assert "This search is still running." in report(home).read_text()
    with locked(home):
        write_final_page(home, nowhere())
    assert "This search has not ended." in (home / "report.html").read_text()


def test_the_end_of_a_run_does_not_fail_with_its_page(tmp_path):
    home, shown = write_folder(tmp_path / "run"), Console(file=io.StringIO(), width=300)
    (home / "report.html").write_text("mine")
    write_final_page(home, shown)
    assert shown.file.getvalue().startswith("note: the page about the run is missing: ")
    assert "exists and is no report of foretune" in shown.file.getvalue()
    assert (home / "report.html").read_text() == "mine"


def test_where_there_is_no_run_nothing_is_written(tmp_path):
    with pytest.raises(JournalError, match="holds no run"):
        report(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_answers_of_both_models_are_kept_in_the_place_of_earlier_ones(tmp_path):
    saved = reported(scored("zero-shot", 4.0), scored("best", 2.0, LORA, 1), scored("average", 1.0))
    home, asked = write_folder(tmp_path / "run", saved), [Asked("Is it?", "yes"), Asked("And now?", "no")]
    keep_answers(home, asked[:1], ["old"], ["old"])
    keep_answers(home, asked, ["perhaps", "perhaps"], ["yes", "yes"])
    kept = read_run_report(home / "report.json")
    assert [row.answers for row in kept.scores] == [("perhaps", "perhaps"), (), ("yes", "yes")]
    assert kept.asked == tuple(asked)
    page = report(home).read_text()
    assert (page.count("✓ the same"), page.count("✗ different")) == (1, 3)


def test_only_a_run_that_has_ended_answers(tmp_path):
    home = write_folder(tmp_path / "run")
    with pytest.raises(JournalError, match="has not ended, and has no model to ask; leave --answers out"):
        answer_questions(home, 3)
