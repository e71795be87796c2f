"""The page of a run, from its folder, while it runs and after it."""

import pytest
from finished_folder import write_folder

from foretune.errors import JournalError
from foretune.session.folder import locked
from foretune.session.reporting import report, write_final_page


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
        write_final_page(home)
    assert "This search has not ended." in (home / "report.html").read_text()


def test_where_there_is_no_run_nothing_is_written(tmp_path):
    with pytest.raises(JournalError, match="holds no run"):
        report(tmp_path)
    assert list(tmp_path.iterdir()) == []
